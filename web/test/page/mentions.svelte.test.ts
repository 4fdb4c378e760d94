/** Whom a text that is sent mentions, what is told of in the title, and what the inbox holds. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { AccountCalls } from "../../src/client/accounts.ts"
import { alertsOf } from "../../src/model/alerts.ts"
import { Chat } from "../../src/model/chat.svelte.ts"
import { pass } from "../client/beginning.ts"
import { FakeServer } from "../client/fake-server.ts"
import { OLENA, TARAS } from "../client/fake-socket.ts"

const VIRA = { id: "u3", name: "Vira" }
const OTHER_VIRA = { id: "u4", name: "Vira" }
const ME = "~me.u1"
const OF_ME = { mentions: [OLENA.id] }

let server: FakeServer
let chat: Chat

vi.mock("../../src/client/socket.ts", async (original) => {
  const { FakeNetwork } = await import("../client/fake-socket.ts")
  return { ...(await original<object>()), browserSocket: () => server.listener.open, browserNetwork: () => new FakeNetwork() }
})

beforeEach(async () => {
  vi.useFakeTimers()
  server = new FakeServer()
  server.me = ME
  for (const room of ["den", "hall", ME]) server.members.add(room)
  server.say("den", "hello", { from: VIRA })
  chat = new Chat({ token: "t", expiresAt: Date.now() + 3_600_000, user: { ...OLENA, guest: false } }, {} as AccountCalls, () => {})
  await pass(0)
  chat.show("den")
  await pass(1_000)
})

afterEach(() => {
  chat.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const send = async (text: string) => {
  chat.current!.draft = text
  chat.send(chat.current!)
  await pass(100)
  return server.got("chat").at(-1)!.mentions
}

describe("a message that is sent mentions", () => {
  test("whom its text names, of those who are here or have spoken, and never oneself", async () => {
    expect(await send("@Vira and @taras, and @Olena")).toEqual([VIRA.id, TARAS.id])
    expect(await send("@Ivan")).toBeUndefined()
  })

  test("who was chosen, of people who are called alike", async () => {
    server.say("den", "me too", { from: OTHER_VIRA })
    await pass(100)
    expect(await send("@Vira")).toEqual([OTHER_VIRA.id, VIRA.id])
    chat.current!.named(VIRA)
    expect(await send("@Vira")).toEqual([VIRA.id])
  })

  test("who was chosen from elsewhere, as long as the name stands there", async () => {
    chat.current!.named({ id: "u9", name: "Ivan" })
    expect(await send("@Ivan")).toEqual(["u9"])
    expect(await send("Ivan")).toBeUndefined()
  })
})

describe("of a room is told", () => {
  const room = { unread: 7, mentions: 2 }
  test.each([
    ["all that is unread", { ...room, level: "all" }, false, 1, 7],
    ["what mentions one, and answers", { ...room, level: "mentions" }, false, 1, 3],
    ["all that is said to one directly", { ...room, level: "mentions" }, true, 0, 7],
    ["nothing", { ...room, level: "none" }, true, 1, 0],
  ] as const)("%s", (_, news, isDirect, replies, count) => expect(alertsOf(news, isDirect, replies)).toBe(count))

  test("what its level allows, by the sum of all rooms", async () => {
    server.say("hall", "one")
    server.say("hall", "@Olena", OF_ME)
    server.say("hall", "an answer")
    server.notify("mention", { room: "hall", of: 3, why: "reply" })
    await pass(100)
    const before = chat.alerts
    server.tell({ type: "notify", room: "hall", level: "mentions" })
    await pass(100)
    expect(chat.alerts).toBe(before - 1)
    server.tell({ type: "notify", room: "hall", level: "none" })
    await pass(100)
    expect(chat.alerts).toBe(before - 3)
  })
})

describe("the inbox", () => {
  test("holds what was said to one, the newest first, but not what was said directly", async () => {
    server.notify("mention", { room: "hall", of: 1, why: "mention" })
    server.notify("mention", { room: "~d.1", of: 1, why: "direct" })
    server.notify("mention", { room: "hall", of: 2, why: "reply" })
    await pass(100)
    expect(chat.inbox.happenings.map((it) => it.kind === "mention" && it.about.why)).toEqual(["reply", "mention"])
    expect([chat.inbox.unread, chat.inbox.repliesIn("hall")]).toEqual([2, 1])
  })

  test("has no news of what was read where it was said, nor of rooms of which one wants none", async () => {
    for (const text of ["one", "two"]) server.say("hall", text, OF_ME)
    for (const of of [1, 2]) server.notify("mention", { room: "hall", of, why: "mention" })
    await pass(100)
    expect(chat.inbox.unread).toBe(2)
    server.readMarks.set("hall", 1)
    server.tell({ type: "read", room: "hall", user: OLENA, seq: 1 })
    await pass(100)
    expect(chat.inbox.unread).toBe(1)
    server.tell({ type: "notify", room: "hall", level: "none" })
    await pass(100)
    expect([chat.inbox.unread, chat.inbox.happenings.length]).toEqual([0, 2])
  })
})
