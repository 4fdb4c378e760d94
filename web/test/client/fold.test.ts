import { describe, expect, test } from "vitest"
import { canonical, fold } from "../../src/client/fold.ts"
import type { Change, Message } from "../../src/client/wire.ts"
import { chat, edit, pin, react, remove } from "./entries.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

const message = chat(1)
const deleted = fold(message, remove(2, 1))
const { text: _text, ...shell } = message
const file: Message = { ...shell, kind: "file", file: { id: "f1", name: "a.txt", size: 3, mime: "text/plain", url: "/api/files/f1" } }

const folded = (...changes: Change[]): Message => changes.reduce<Message>(fold, message)

describe("an edit", () => {
  test("puts its text in the place of the first, and says when", () => {
    const change = edit(2, 1, "better")
    expect(fold(message, change)).toEqual({ ...message, text: "better", edited_at: change.at })
  })

  test("without a text, of a message that is deleted by now, does nothing", () => {
    expect(fold(message, edit(2, 1))).toBe(message)
  })

  test("leaves a file as it is", () => {
    expect(fold(file, edit(2, 1, "better"))).toBe(file)
  })
})

describe("a deletion", () => {
  test("leaves who said it and when, and what it answered", () => {
    const whole = fold(fold(fold({ ...message, reply_to: 7 }, edit(2, 1, "better")), react(3, 1, "👍")), pin(4, 1))
    expect(fold(whole, remove(5, 1))).toEqual({ kind: "deleted", room: "den", seq: 1, id: "e1", from: TARAS, at: message.at, reply_to: 7 })
  })

  test("takes a file as well", () => {
    expect(fold(file, remove(2, 1))).toEqual(deleted)
  })

  test.each([edit(3, 1, "again"), remove(3, 1), react(3, 1, "👍"), pin(3, 1)])("lets nothing change the message any more: $kind", (change) => {
    expect(fold(deleted, change)).toBe(deleted)
  })
})

describe("reactions", () => {
  test("are sorted, as sets are: the emoji and who set them", () => {
    const { reactions } = folded(react(2, 1, "❤"), react(3, 1, "👍", true, 0), react(4, 1, "❤", true, 0))
    expect(reactions).toEqual([
      { emoji: "❤", users: [OLENA.id, TARAS.id].sort() },
      { emoji: "👍", users: [OLENA.id] },
    ])
  })

  test("an emoji without users is gone, and the list with the last of them", () => {
    const both = folded(react(2, 1, "❤"), react(3, 1, "👍"))
    expect(fold(both, react(4, 1, "❤", false)).reactions).toEqual([{ emoji: "👍", users: [TARAS.id] }])
    expect(folded(react(2, 1, "❤"), react(3, 1, "❤", false))).toEqual(message)
    expect(folded(react(2, 1, "❤"), react(3, 1, "❤", false))).not.toHaveProperty("reactions")
  })

  test("set twice, or taken back where there is none, change nothing", () => {
    const once = folded(react(2, 1, "❤"))
    expect(fold(once, react(3, 1, "❤"))).toBe(once)
    expect(fold(once, react(3, 1, "👍", false))).toBe(once)
  })

  test("are the same emoji with and without the marks that say how it is drawn", () => {
    expect(canonical("\u2764\uFE0F")).toBe("\u2764")
    expect(canonical("\u2764\uFE0E")).toBe("\u2764")
    expect(folded(react(2, 1, "\u2764"), react(3, 1, "\u2764\uFE0F", false))).toEqual(message)
    expect(folded(react(2, 1, "\u2764\uFE0F")).reactions).toEqual([{ emoji: "\u2764", users: [TARAS.id] }])
  })
})

test("a pin is there or not", () => {
  const pinned = fold(message, pin(2, 1))
  expect(pinned).toEqual({ ...message, pinned: true })
  expect(fold(pinned, pin(3, 1))).toBe(pinned)
  expect(fold(pinned, pin(4, 1, false))).toEqual(message)
  expect(fold(pinned, pin(4, 1, false))).not.toHaveProperty("pinned")
})

test("what was there before is not touched", () => {
  const before = Object.freeze({ ...message, reactions: [Object.freeze({ emoji: "❤", users: Object.freeze([OLENA.id]) as string[] })] })
  Object.freeze(before.reactions)
  for (const change of [edit(2, 1, "better"), remove(2, 1), react(2, 1, "❤"), react(2, 1, "❤", false, 0), pin(2, 1)]) {
    expect(fold(before, change)).not.toBe(before)
  }
})

test("a change of a kind that this client does not know leaves the message as it is", () => {
  expect(fold(message, { ...pin(2, 1), kind: "translate" } as unknown as Change)).toBe(message)
})
