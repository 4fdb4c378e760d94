import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { AccountCalls } from "../../src/client/accounts.ts"
import type { Message } from "../../src/client/wire.ts"
import { Acts } from "../../src/model/acts.svelte.ts"
import { Chat } from "../../src/model/chat.svelte.ts"
import { Leap } from "../../src/model/leap.svelte.ts"
import type { RoomView } from "../../src/model/room-view.svelte.ts"
import { pass } from "../client/beginning.ts"
import { FakeServer } from "../client/fake-server.ts"
import { OLENA, TARAS } from "../client/fake-socket.ts"

/** So many messages the room has, of which the newest fifty come by themselves. */
const STORED = 1_200

let server: FakeServer
let chat: Chat
let view: RoomView
let acts: Acts
let focused: number[]
let mine: Message

vi.mock("../../src/client/socket.ts", async (original) => {
  const { FakeNetwork } = await import("../client/fake-socket.ts")
  return { ...(await original<object>()), browserSocket: () => server.listener.open, browserNetwork: () => new FakeNetwork() }
})

beforeEach(async () => {
  vi.useFakeTimers()
  vi.stubGlobal("HTMLTextAreaElement", class {})
  server = new FakeServer()
  server.members.add("kyiv")
  server.fill("kyiv", STORED)
  server.say("kyiv", "mine", { from: OLENA, lost: true })
  server.readMarks.set("kyiv", STORED)
  chat = new Chat({ token: "t", expiresAt: Date.now() + 3_600_000, user: { ...OLENA, guest: false } }, {} as AccountCalls, () => {})
  await pass(0)
  chat.show("kyiv")
  await pass(1_000)
  view = chat.current!
  focused = []
  acts = new Acts(chat, view, (seq) => focused.push(seq))
  mine = view.message(STORED + 1)!
})

afterEach(() => {
  chat.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const textOf = (message: Message | null | undefined) => (message?.kind === "chat" ? message.text : null)
const swallow = () => void (server.intercept = ({ type }) => (type === "ping" ? undefined : []))
const refuse = (type: string, code: "too_large" | "no_such_message") =>
  void (server.intercept = (frame) => (frame.type === type ? [{ type: "error", code, text: "", retryable: false, ref: (frame as { id: string }).id }] : undefined))
const edit = async (message: Message, text: string) => {
  acts.edit(message)
  view.editing!.text = text
  acts.saveEdit()
  await pass(100)
}

describe("an edit", () => {
  test("shows its text before it is stored, and waits until it is", async () => {
    swallow()
    await edit(mine, "mine, better")
    expect(textOf(view.message(mine.seq))).toBe("mine, better")
    expect(view.drawn.changes).toHaveLength(1)
    expect(view.drawn.pending).toEqual([])
    server.intercept = () => undefined
    await pass(30_000)
    expect(textOf(view.message(mine.seq))).toBe("mine, better")
    expect(view.message(mine.seq)).toHaveProperty("edited_at")
    expect(view.drawn.changes).toEqual([])
  })

  test("that was refused leaves the text, and is gone on with where the message is edited again", async () => {
    refuse("edit", "too_large")
    await edit(mine, "far too long")
    expect(textOf(view.message(mine.seq))).toBe("mine")
    expect(view.drawn.changes.map(({ failure }) => failure?.code)).toEqual(["too_large"])
    server.intercept = () => undefined
    acts.edit(mine)
    expect(view.editing!.text).toBe("far too long")
    view.editing!.text = "short"
    acts.saveEdit()
    await pass(100)
    expect(textOf(view.message(mine.seq))).toBe("short")
    expect(view.drawn.changes).toEqual([])
  })

  test("to nothing asks whether to delete, and the field stays until that is answered", async () => {
    await edit(mine, "  ")
    expect(acts.deleting?.seq).toBe(mine.seq)
    expect(view.editing).not.toBeNull()
    acts.remove(mine)
    await pass(100)
    expect(view.editing).toBeNull()
    expect(view.message(mine.seq)?.kind).toBe("deleted")
    acts.drewDeleted(mine.seq)
    expect(focused).toContain(mine.seq)
  })

  test("to the same text says nothing, and gives the focus back", async () => {
    await edit(mine, "mine ")
    expect(server.got("edit")).toEqual([])
    expect(view.editing).toBeNull()
    expect(focused).toEqual([mine.seq])
  })

  test("keeps what was typed while the room is drawn anew, and in its room", async () => {
    acts.edit(mine)
    view.editing!.text = "half"
    for (let i = 0; i < 20; i++) server.say("kyiv", `more ${i}`)
    await pass(100)
    chat.show(null)
    chat.show("kyiv")
    await pass(100)
    expect(chat.current!.editing).toEqual({ seq: mine.seq, from: "mine", text: "half" })
  })
})

describe("a reaction", () => {
  test("is set by one press and taken back by the next, as the wire has it", async () => {
    acts.toggle(mine, "❤️")
    await pass(100)
    expect(view.message(mine.seq)?.reactions).toEqual([{ emoji: "❤", users: [OLENA.id] }])
    acts.toggle(mine, "❤")
    await pass(100)
    expect(view.message(mine.seq)?.reactions).toBeUndefined()
    expect(server.got("react").map(({ emoji, on }) => [emoji, on])).toEqual([["❤", true], ["❤", false]])
  })

  test("that is refused is told, and gone after a while", async () => {
    refuse("react", "no_such_message")
    acts.toggle(mine, "🔥")
    await pass(100)
    expect(view.message(mine.seq)?.reactions).toBeUndefined()
    expect(chat.notice.now).toMatchObject({ code: "no_such_message" })
    await pass(10_000)
    expect(chat.notice.now).toBeNull()
  })
})

test("a pin is set, and taken back", async () => {
  const button = {} as Element
  acts.run("pin", mine, button)
  await pass(100)
  expect(view.message(mine.seq)?.pinned).toBe(true)
  acts.run("pin", view.message(mine.seq)!, button)
  await pass(100)
  expect(view.message(mine.seq)?.pinned).toBeUndefined()
})

describe("an answer", () => {
  test("goes with the text, and with no other", async () => {
    view.answered = mine
    chat.send(view) // nothing is written yet
    expect(view.answered).toBe(mine)
    for (const text of ["yes", "and more"]) {
      view.draft = text
      chat.send(view)
    }
    await pass(100)
    expect(server.got("chat").map(({ text, reply_to }) => [text, reply_to])).toEqual([["yes", mine.seq], ["and more", undefined]])
  })

  test("to a message that is not here has it fetched once, and anew when it has changed", async () => {
    expect(view.message(3)).toBeUndefined()
    void chat.fetchQuoted(view, 3)
    await chat.fetchQuoted(view, 3)
    await pass(100)
    expect(textOf(view.message(3))).toBe("text 3")
    expect(server.got("history").filter(({ before }) => before === 4)).toHaveLength(1)
    server.change("kyiv", { type: "delete", of: 3 })
    await pass(100)
    expect(view.message(3)).toBeUndefined()
    await chat.fetchQuoted(view, 3)
    await pass(100)
    expect(view.message(3)?.kind).toBe("deleted")
  })
})

describe("a leap to a message", () => {
  test("loads what lies between", async () => {
    const leap = new Leap(chat, view)
    void leap.to(STORED - 240)
    await pass(5_000)
    expect(leap.wanted).toBe(STORED - 240)
    expect(textOf(view.message(STORED - 240))).toBe(`text ${STORED - 240}`)
    leap.arrived(STORED - 240)
    expect([leap.wanted, leap.marked]).toEqual([null, STORED - 240])
    await pass(5_000)
    expect(leap.marked).toBeNull()
  })

  test("that is too far ends somewhere, and is told", async () => {
    const leap = new Leap(chat, view)
    void leap.to(2)
    await pass(5_000)
    expect(leap.wanted).toBeNull()
    expect(chat.notice.now).toBe("too_far_back")
    expect(view.drawn.messages[0]!.seq).toBeGreaterThan(2)
  })
})

test("a change is nothing new to hear, and neither is what was deleted before it came", async () => {
  server.say("kyiv", "heard")
  await pass(100)
  expect(textOf(chat.heard)).toBe("heard")
  const before = chat.heard
  server.change("kyiv", { type: "edit", of: before!.seq, text: "changed" }, { from: TARAS })
  server.tell({ type: "message", kind: "deleted", room: "kyiv", seq: server.log("kyiv").length + 1, id: "gone", from: TARAS, at: new Date().toISOString() })
  await pass(100)
  expect(chat.heard).toBe(before)
})

test("what is unsent is counted as messages and as changes", async () => {
  swallow()
  chat.session.write("kyiv", "a message")
  chat.session.pin("kyiv", mine.seq, true)
  chat.session.react("kyiv", mine.seq, "🔥", true)
  expect(chat.unsent).toMatchObject({ messages: 1, changes: 2 })
})
