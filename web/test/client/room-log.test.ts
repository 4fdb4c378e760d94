import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { HELD_AT_MOST, KEPT, RoomLog } from "../../src/client/room-log.ts"
import type { Room } from "../../src/client/room.ts"
import type { Session } from "../../src/client/session.ts"
import type { Message } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer } from "./fake-server.ts"

const MANY = 20_000
const message = (seq: number): Message => ({ kind: "chat", room: "den", seq, id: `m${seq}`, from: { id: "u2", name: "Taras" }, at: "2026-11-20T12:00:00.000Z", text: `text ${seq}` })
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const seqs = (log: RoomLog) => log.messages.map(({ seq }) => seq)

/** A log with the newest hundred of a room of a thousand. */
const entered = (): RoomLog => {
  const log = new RoomLog()
  log.joinedFresh(run(901, 1000).map(message), 1000, true, 1000)
  return log
}
const arrive = (log: RoomLog, from: number, to: number): void => {
  for (let seq = from; seq <= to; seq++) {
    expect(log.receive(message(seq))).toBe(true)
    if (log.size > HELD_AT_MOST) throw new Error(`${log.size} messages are held`)
  }
}

describe("a log in which 20,000 messages arrive", () => {
  test("holds the newest where nobody reads above them", () => {
    const log = entered()
    arrive(log, 1001, 1000 + MANY)
    expect(log.size).toBeGreaterThanOrEqual(KEPT)
    expect(seqs(log)).toEqual(run(1000 + MANY - log.size + 1, 1000 + MANY))
    expect([log.missing, log.end, log.hasOlder, log.resumeAfter]).toEqual([0, null, true, 1000 + MANY])
  })

  test("holds what is around the reader, and counts the rest", () => {
    const log = entered()
    log.reader = 950
    arrive(log, 1001, 1000 + MANY)
    expect(seqs(log).slice(0, 100)).toEqual(run(901, 1000))
    expect([log.size, log.end]).toEqual([KEPT, 900 + KEPT])
    expect([log.missing, log.hole, log.target, log.newest?.seq]).toEqual([0, null, 1000 + MANY, 1000 + MANY])
    expect(log.receive(message(1000 + MANY))).toBe(false)
    expect(log.resumeAfter, "what was let go is not asked for on return").toBe(1000 + MANY)
  })

  test("holds as little where somebody reads back through all of them", () => {
    const log = new RoomLog()
    log.joinedFresh(run(MANY - 49, MANY).map(message), MANY, true, MANY)
    while (log.hasOlder) {
      log.reader = log.start! // at the top
      log.pageBefore(log.start!, run(Math.max(1, log.start! - 50), log.start! - 1).map(message), log.start! > 51, MANY)
      expect(log.size).toBeLessThanOrEqual(HELD_AT_MOST)
      expect(seqs(log)).toEqual(run(log.start!, log.end ?? MANY))
    }
    expect(log.messages[0]!.seq).toBe(1)
    arrive(log, MANY + 1, MANY + 10)
    expect(log.end).not.toBeNull()
  })

  test("reads on to the newest, page after page, and receives again what comes then", () => {
    const log = entered()
    log.reader = 950
    arrive(log, 1001, 5000)
    for (let pages = 0; log.end !== null; pages++) {
      expect(pages).toBeLessThan(30)
      const { end, target } = log
      log.reader = end
      log.pageAfter(end, target, run(end + 1, Math.min(target, end + 200)).map(message), end + 200 < target, target)
      expect(seqs(log)).toEqual(run(log.start!, log.end ?? 5000))
    }
    arrive(log, 5001, 5001)
    expect(log.newest?.seq).toBe(5001)
    expect([log.missing, log.messages.at(-1)!.seq]).toEqual([0, 5001])
  })

  test("copies its messages when somebody looks, and not at each arrival", () => {
    const log = entered()
    const { messages } = log
    expect(log.messages).toBe(messages)
    log.receive(message(1001))
    expect(messages).toHaveLength(100)
    expect(log.messages).toHaveLength(101)
  })
})

describe("a session whose reader is far above the newest", () => {
  let server: FakeServer
  let session: Session
  let room: Room

  beforeEach(async () => {
    vi.useFakeTimers()
    server = new FakeServer()
    server.fill("den", 100)
    session = await beginWith(server, memoryOutbox(), ["den"])
    room = session.rooms.get("den")!
    room.log.reader = 60
    for (let i = 0; i < 3000; i++) server.say("den", `text ${i}`)
    await pass(0)
  })

  afterEach(() => {
    session.stop()
    vi.useRealTimers()
  })

  test("holds no more than may be, and knows what is new", () => {
    expect(room.log.size).toBeLessThanOrEqual(HELD_AT_MOST)
    expect([room.log.target, room.unread, room.last?.seq]).toEqual([3100, 3000, 3100])
  })

  test("does not ask for what it let go when it comes back", async () => {
    const asked = server.got("history").length
    const { size } = room.log
    server.cut()
    server.fill("den", 10)
    await pass(60_000)
    expect(server.got("resume").at(-1)).toMatchObject({ rooms: [{ after: 3100 }] })
    expect(server.got("history")).toHaveLength(asked)
    expect([room.log.size, room.log.target, room.log.missing]).toEqual([size, 3110, 0])
  })

  test("reads on", async () => {
    const { end } = room.log
    await session.history.newer(room)
    expect(seqs(room.log).slice(-200)).toEqual(run(end! + 1, end! + 200))
  })

  test("is at the newest at once, whatever was asked for before", async () => {
    const older = session.history.older(room)
    await session.history.newest(room)
    await older
    expect(seqs(room.log)).toEqual(run(3051, 3100))
    server.say("den", "the next")
    await pass(0)
    expect(seqs(room.log)).toEqual(run(3051, 3101))
    expect(room.log.hole).toBeNull()
  })
})
