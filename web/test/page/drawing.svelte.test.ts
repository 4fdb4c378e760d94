import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { AccountCalls } from "../../src/client/accounts.ts"
import type { ServerFrame } from "../../src/client/wire.ts"
import { Chat } from "../../src/model/chat.svelte.ts"
import type { RoomView } from "../../src/model/room-view.svelte.ts"
import { pass } from "../client/beginning.ts"
import { FakeServer } from "../client/fake-server.ts"
import { OLENA, TARAS } from "../client/fake-socket.ts"

const DRAW_EVERY_MS = 32
/** So many messages the room has, of which the newest fifty come by themselves. */
const STORED = 80
const HELD = 50

let server: FakeServer
let chat: Chat
let view: RoomView
let unfollow: (() => void)[] = []

vi.mock("../../src/client/socket.ts", async (original) => {
  const { FakeNetwork } = await import("../client/fake-socket.ts")
  return { ...(await original<object>()), browserSocket: () => server.listener.open, browserNetwork: () => new FakeNetwork() }
})

beforeEach(async () => {
  vi.useFakeTimers()
  server = new FakeServer()
  server.members.add("kyiv")
  server.fill("kyiv", STORED)
  server.readMarks.set("kyiv", STORED)
  const account = { token: "t", expiresAt: Date.now() + 3_600_000, user: { ...OLENA, guest: false } }
  chat = new Chat(account, {} as AccountCalls, () => {})
  await pass(0)
  chat.show("kyiv")
  await pass(1_000)
  view = chat.current!
})

afterEach(() => {
  unfollow.forEach((stop) => stop())
  unfollow = []
  chat.stop()
  vi.useRealTimers()
})

/** When an effect that reads this ran anew, and what it read. */
const follow = async <Value>(read: () => Value) => {
  const drawings: { at: number; value: Value }[] = []
  unfollow.push(
    $effect.root(() => {
      $effect(() => void drawings.push({ at: Date.now(), value: read() }))
    }),
  )
  await pass(0)
  drawings.length = 0
  return drawings
}

const typing: ServerFrame = { type: "typing", room: "kyiv", user: TARAS }

describe("the page", () => {
  test("draws a flood no more often than every 32 ms, and all of it", async () => {
    const drawings = await follow(() => view.drawn.messages.length)
    for (let i = 0; i < 200; i++) {
      server.say("kyiv", `flood ${i}`)
      await pass(1)
    }
    await pass(DRAW_EVERY_MS)
    const waits = drawings.slice(1).map(({ at }, i) => at - drawings[i]!.at)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(DRAW_EVERY_MS)
    expect(drawings.length).toBeGreaterThanOrEqual(6)
    expect(drawings.at(-1)!.value).toBe(HELD + 200)
  })

  test("draws at once what comes after a while, in a window that nobody sees too", async () => {
    const drawings = await follow(() => chat.alerts)
    server.say("kyiv", "hello")
    await pass(0)
    expect(drawings).toEqual([{ at: Date.now(), value: 1 }])
  })

  test.each<[string, () => void, (view: RoomView) => unknown]>([
    ["a message", () => server.say("kyiv", "hello"), ({ drawn }) => [drawn.messages.length, drawn.last, drawn.lastAt, drawn.unread]],
    ["who came", () => server.tell({ type: "presence", room: "kyiv", user: { id: "u3", name: "Ivan" }, online: true, members: 3 }), ({ drawn }) => [drawn.online.length, drawn.members]],
    ["who types", () => server.tell(typing), ({ drawn }) => drawn.typing.length],
    ["what was read elsewhere", () => void server.tell({ type: "read", room: "kyiv", user: OLENA, seq: STORED + 1 }), ({ drawn }) => [drawn.readSeq, drawn.unread]],
    ["what waits to be sent", () => ((server.intercept = () => []), chat.session.write("kyiv", "mine")), ({ drawn }) => drawn.pending.length],
    ["that older ones are asked for", () => ((server.intercept = () => []), void chat.loadOlder(view)), ({ drawn }) => drawn.loadingOlder],
  ])("draws %s", async (_, change, read) => {
    const before = read(view)
    const drawings = await follow(() => read(view))
    change()
    await pass(5_000)
    expect(drawings.length).toBeGreaterThan(0)
    expect(drawings[0]!.value).not.toEqual(before)
  })
})

describe("a room", () => {
  test("stays as it was drawn until the next drawing, whoever reads it", async () => {
    server.say("kyiv", "drawn at once")
    await pass(1)
    const { drawn } = view
    server.say("kyiv", "drawn later")
    server.tell(typing)
    expect(view.room.log.messages).toHaveLength(HELD + 2)
    expect(view.drawn).toBe(drawn)
    expect(drawn.messages).toHaveLength(HELD + 1)
    await pass(DRAW_EVERY_MS)
    expect(view.drawn.messages).toHaveLength(HELD + 2)
    expect(view.drawn.typing).toEqual([TARAS])
  })

  test("has another life with another store", async () => {
    const { life } = view.drawn
    server.epoch = "e2"
    server.cut()
    await pass(5_000)
    expect(view.drawn.life).not.toBe(life)
  })

  test("runs nothing anew because of what did not change in it", async () => {
    chat.session.write("kyiv", "mine")
    const { messages, online, pending } = $derived(view.drawn)
    const drawings = await follow(() => [messages, online, pending])
    server.tell(typing)
    await pass(DRAW_EVERY_MS)
    expect(view.drawn.typing).toEqual([TARAS])
    expect(drawings).toEqual([])
  })

  test("shows at once that a room is not joined any more", async () => {
    const drawings = await follow(() => view.drawn.joined)
    server.cut()
    await pass(DRAW_EVERY_MS)
    expect(drawings.map(({ value }) => value)).toEqual([false])
  })

  test("shows the room that bears the name now, where one was forgotten and came back", async () => {
    const { room } = view
    chat.session.forget("kyiv")
    chat.session.open("kyiv")
    await pass(DRAW_EVERY_MS)
    expect(chat.current?.name).toBe("kyiv")
    expect(chat.current?.room).not.toBe(room)
    expect(chat.current?.room).toBe(chat.session.rooms.get("kyiv"))
  })
})
