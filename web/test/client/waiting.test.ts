import { expect, test } from "vitest"
import { fold } from "../../src/client/fold.ts"
import type { OutboxEntry, Said } from "../../src/client/outbox-store.ts"
import { isChanging, withWaiting } from "../../src/client/waiting.ts"
import { chat, react } from "./entries.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

const AT = Date.parse("2026-11-20T13:00:00.000Z")
const entry = (said: Said, failure: OutboxEntry["failure"] = null, room = "den"): OutboxEntry => ({ id: "o1", room, writtenAt: AT, failure, said })
const messages = [chat(2), fold(chat(4), react(5, 4, "👍")), chat(7)]

test("what this user has changed is seen at once, in the order in which they did", () => {
  const waiting = [
    entry({ type: "edit", of: 2, text: "better" }),
    entry({ type: "pin", of: 2, on: true }),
    entry({ type: "react", of: 4, emoji: "👍", on: true }),
    entry({ type: "delete", of: 7 }),
  ]
  const shown = withWaiting(messages, waiting, OLENA)
  expect(shown[0]).toEqual({ ...chat(2), text: "better", edited_at: "2026-11-20T13:00:00.000Z", pinned: true })
  expect(shown[1]!.reactions).toEqual([{ emoji: "👍", users: [OLENA.id, TARAS.id].sort() }])
  expect(shown[2]!.kind).toBe("deleted")
  expect(messages.map(({ kind }) => kind), "what it was made of stays").toEqual(["chat", "chat", "chat"])
})

test("messages that nothing changes are the same ones", () => {
  const shown = withWaiting(messages, [entry({ type: "pin", of: 4, on: true })], OLENA)
  expect([shown[0], shown[2]]).toEqual([messages[0], messages[2]])
  expect([shown[0] === messages[0], shown[1] === messages[1], shown[2] === messages[2]]).toEqual([true, false, true])
})

test.each([
  ["nothing waits", []],
  ["a text waits", [entry({ type: "chat", text: "hello" })]],
  ["the message is not here", [entry({ type: "delete", of: 3 }), entry({ type: "delete", of: 9 })]],
  ["it was refused", [entry({ type: "edit", of: 2, text: "better" }, { code: "forbidden", text: "no" })]],
  ["it is so already", [entry({ type: "pin", of: 2, on: false })]],
  ["it is of another room", [entry({ type: "delete", of: 2 }, null, "hall")]],
])("the list is the same one where %s", (_when, waiting: OutboxEntry[]) => {
  expect(withWaiting(messages, waiting, OLENA)).toBe(messages)
})

test("a text is no change, all else is", () => {
  expect(isChanging(entry({ type: "chat", text: "hello", reply_to: 3 }))).toBe(false)
  expect(isChanging(entry({ type: "delete", of: 3 }))).toBe(true)
})
