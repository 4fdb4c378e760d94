/**
 * A client that comes back fetches what it missed, up to a bound. After a longer absence a room starts anew at its newest messages, holds them
 * without a hole, and asks for nothing that nobody wants to see. tests/unit/test_client_absence.py has the same cases.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import type { Room } from "../../src/client/room.ts"
import type { Session, SessionOptions } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer } from "./fake-server.ts"
import { FakeNetwork } from "./fake-socket.ts"

let server: FakeServer

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => void vi.useRealTimers())

/** Ten messages were seen, and the connection is gone while others say more. Passing half a second, it is there again. */
const absent = async (missed: number, options: Partial<SessionOptions> = {}): Promise<Session> => {
  const session = await beginWith(server, memoryOutbox(), ["den"], new FakeNetwork(), options)
  for (let i = 0; i < 10; i++) server.say("den", "seen")
  server.cut()
  server.fill("den", missed)
  server.received.length = 0
  return session
}

const den = (session: Session): Room => session.rooms.get("den")!
const held = (session: Session): number[] => den(session).log.messages.map(({ seq }) => seq)
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test("after ten thousand messages one page is asked for, and the room starts anew", async () => {
  const session = await absent(10_000)
  const before = den(session).log
  await pass(500)
  expect(server.got("history")).toEqual([expect.objectContaining({ before: 10_011, limit: 50 })])
  expect(held(session)).toEqual(range(9_961, 10_010))
  const { log } = den(session)
  expect(log).not.toBe(before)
  expect([log.start, log.missing, log.resumeAfter, log.hasOlder]).toEqual([9_961, 0, 10_010, true])
})

test("how much is unread is known all the same, and nothing of it counts as read", async () => {
  const session = await absent(10_000)
  session.read("den", 10)
  await pass(500)
  expect(den(session).readSeq).toBe(10)
  expect(den(session).unread).toBe(10_000)
  session.saw("den", range(9_961, 10_010))
  expect(den(session).readSeq).toBe(10)
})

test.each([
  [1_000, 1],
  [1_001, 962],
])("up to the bound everything is fetched: %i missed, held from %i on", async (missed, starts) => {
  const session = await absent(missed)
  await pass(500)
  expect(held(session)).toEqual(range(starts, missed + 10))
})

test("a client without a bound fetches everything", async () => {
  const session = await absent(1_500, { catchUp: Infinity })
  await pass(500)
  expect(held(session)).toEqual(range(1, 1_510))
})

test("what is said meanwhile follows", async () => {
  const session = await absent(5_000)
  server.intercept = (frame) => {
    if (frame.type === "history" && server.log("den").length < 5_013) for (let i = 0; i < 3; i++) server.say("den", "meanwhile")
    return undefined
  }
  await pass(500)
  expect(server.got("history")).toHaveLength(1)
  expect(held(session)).toEqual(range(4_961, 5_013))
})

test("a connection that breaks meanwhile loses nothing", async () => {
  const session = await absent(5_000)
  server.intercept = (frame) => {
    if (frame.type !== "history" || server.got("history").length > 1) return undefined
    server.cut()
    server.fill("den", 100)
    return []
  }
  await pass(5_000)
  expect(server.got("history")).toHaveLength(2)
  expect(held(session)).toEqual(range(5_061, 5_110))
})

test("a jump beyond the bound on a live connection starts anew, too", async () => {
  const session = await absent(0)
  await pass(500)
  server.fill("den", 4_000)
  server.say("den", "seen again")
  await pass(0)
  expect(server.got("history")).toHaveLength(1)
  expect(held(session)).toEqual(range(3_962, 4_011))
})

test("what was passed over comes when it is asked for, page by page, as far as anybody looks", async () => {
  const session = await absent(5_000)
  await pass(500)
  await session.history.older(session.rooms.get("den")!)
  expect(held(session)).toEqual(range(4_911, 5_010))
  expect(den(session).log.missing).toBe(0)
  expect(server.got("history")).toHaveLength(2)
})

test("a page of what was held before does not make a hole in what is held now", async () => {
  server.fill("den", 200)
  const session = await absent(0)
  await pass(500)
  const release: (() => void)[] = []
  const { deliver } = server
  server.deliver = (socket, frame) => (frame.type === "history" && frame.messages[0]!.seq < 200 ? release.push(() => deliver(socket, frame)) : deliver(socket, frame))
  const older = session.history.older(session.rooms.get("den")!)
  await pass(0)
  server.fill("den", 2_000)
  server.say("den", "a jump")
  await pass(0)
  for (const arrive of release) arrive()
  await older
  expect(held(session)).toEqual(range(2_162, 2_211))
  expect(den(session).log.missing).toBe(0)
})

test("what was written before and passed over is acknowledged all the same", async () => {
  const session = await absent(0)
  await pass(500)
  server.deliver = (socket, frame) => (frame.type === "message" ? undefined : socket.say(frame))
  session.write("den", "mine")
  server.cut()
  server.deliver = (socket, frame) => socket.say(frame)
  server.fill("den", 5_000)
  await pass(500)
  expect(session.outbox.of("den")).toEqual([])
  expect(held(session)).toEqual(range(4_962, 5_011))
})

test("a small bound is the size of the page as well", async () => {
  const session = await absent(30, { catchUp: 20 })
  await pass(500)
  expect(held(session)).toEqual(range(21, 40))
})

test("a newest page that reaches what is held takes its place: nobody knows what was changed meanwhile of what is not on it", async () => {
  const session = await absent(30, { catchUp: 20 })
  server.logs.set("den", server.log("den").filter(({ seq }) => seq <= 20 || seq >= 39)) // others are not kept any more
  server.intercept = (frame) => {
    if (frame.type === "rooms") return [{ type: "rooms", rooms: [] }]
    if (frame.type !== "join") return undefined
    return [{ type: "joined", room: "den", seq: 40, members: 1, online: [], messages: server.log("den").slice(10), more: false }]
  }
  await pass(500)
  expect(server.got("history")).toHaveLength(1)
  expect(held(session)).toEqual([...range(3, 20), 39, 40])
  expect(den(session).log.missing).toBe(0)
})

test("a room that is followed and not looked at starts anew as well", async () => {
  server.members.add("den")
  server.fill("den", 10)
  const session = await beginWith(server, memoryOutbox(), [])
  server.cut()
  server.fill("den", 5_000)
  await pass(500)
  expect(server.got("history")).toHaveLength(1)
  expect(held(session)).toEqual(range(4_961, 5_010))
  expect(den(session).unread).toBeGreaterThanOrEqual(5_000)
})
