/**
 * What the server keeps no longer is let go, and nothing of it is missed, however the client comes to hear of it.
 * tests/unit/test_client_retention.py has the same cases.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { RoomLog } from "../../src/client/room-log.ts"
import type { Room } from "../../src/client/room.ts"
import type { Session, SessionOptions } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { chat, generator } from "./entries.ts"
import { FakeServer } from "./fake-server.ts"
import { FakeNetwork, OLENA } from "./fake-socket.ts"

let server: FakeServer

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => void vi.useRealTimers())

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
const seqs = (log: RoomLog): number[] => log.messages.map(({ seq }) => seq)
const den = (session: Session): Room => session.rooms.get("den")!
const begun = async (count: number, options: Partial<SessionOptions> = {}): Promise<Session> => {
  const session = await beginWith(server, memoryOutbox(), ["den"], new FakeNetwork(), options)
  for (let i = 0; i < count; i++) server.say("den", `text ${i}`)
  server.received.length = 0
  return session
}

describe("a log", () => {
  const whole = (to: number): RoomLog => {
    const log = new RoomLog()
    log.joinedFresh(range(1, to).map((seq) => chat(seq)), to, false, to)
    return log
  }

  test("lets go what is not kept any more, and holds the rest", () => {
    const log = whole(6)
    log.begins(4)
    expect([seqs(log), log.start, log.first, log.hasOlder, log.gap]).toEqual([[4, 5, 6], 4, 4, false, null])
    log.begins(2)
    expect(log.first).toBe(4)
  })

  test("misses nothing of it, and knows that nothing is there", () => {
    const log = whole(2)
    log.receive(chat(5))
    log.receive(chat(9))
    log.begins(5)
    expect([seqs(log), log.hole, log.isKnown(3), log.unknown(1, 9)]).toEqual([[5, 9], { from: 6, to: 8 }, true, 3])
  })

  test("that ends before it goes on there", () => {
    const log = whole(2)
    log.begins(9)
    expect([seqs(log), log.gap, log.resumeAfter, log.newest]).toEqual([[], null, 8, null])
    log.receive(chat(9))
    expect([seqs(log), log.gap]).toEqual([[9], null])
  })

  test("takes nothing of it from a page that was read before, nor from a list of rooms", () => {
    const log = new RoomLog()
    log.anchor(6)
    log.begins(4)
    log.pageBefore(7, range(1, 6).map((seq) => chat(seq)), true, 6)
    log.listed(chat(3), 6)
    expect([seqs(log), log.hasOlder, log.newest?.seq]).toEqual([[4, 5, 6], false, 6])
  })

  test("that was let go above the reader wants what comes next, once nothing of it is kept", () => {
    const log = whole(10)
    log.reader = 1
    for (let seq = 11; seq <= 2_500; seq++) log.receive(chat(seq))
    expect(log.end).toBe(1_200)
    log.begins(2_000)
    expect([log.end, log.size, log.gap, log.hasOlder]).toEqual([null, 0, null, true])
    log.begins(2_501)
    expect([log.hasOlder, log.gap, log.resumeAfter]).toEqual([false, null, 2_500])
  })
})

test.each([5, 21, 25, 31])("who comes back goes on at the first (%i) without asking for what is gone", async (first) => {
  const session = await begun(20)
  server.cut()
  server.fill("den", 10)
  server.expire("den", first)
  await pass(500)
  const { log } = den(session)
  expect([seqs(log), log.first, log.gap]).toEqual([range(first, 30), first, null])
  expect(server.got("history")).toEqual([])
})

test("who has a hole there asks once", async () => {
  const session = await begun(20)
  server.fill("den", 10)
  server.expire("den", 26)
  server.say("den", "heard")
  await pass(500)
  const { log } = den(session)
  expect([seqs(log), log.first, log.gap]).toEqual([range(26, 31), 26, null])
  expect(server.got("history")).toHaveLength(1)
})

test("what is unread is what is kept of it", async () => {
  const session = await begun(20)
  session.read("den", 3)
  server.cut()
  server.expire("den", 11)
  await pass(500)
  expect([den(session).unread, den(session).firstUnread]).toEqual([10, 11])
})

test("a message that is answered is not asked for where it is gone", async () => {
  const session = await begun(20)
  server.cut()
  server.expire("den", 11)
  await pass(500)
  server.received.length = 0
  expect(await session.message("den", 4)).toBeNull()
  expect(server.got("history")).toEqual([])
})

test("older pages end there", async () => {
  server.fill("den", 100)
  const session = await begun(0)
  server.expire("den", 31)
  await session.history.older(den(session))
  await pass(500)
  expect([seqs(den(session).log), den(session).log.hasOlder]).toEqual([range(31, 100), false])
})

const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
test.each(Array.from({ length: Number(process.env["CASES"] ?? 40) }, (_, i) => FIRST + i))(
  "seed %i: whatever goes in between, everybody ends with what a new client finds",
  async (seed) => {
    const random = generator(seed)
    const chance = (probability: number) => random() < probability
    const session = await begun(5, { catchUp: chance(0.5) ? 10 : 1_000 })
    for (let step = 0; step < 120; step++) {
      const count = server.log("den").length
      if (chance(0.4)) server.say("den", `text ${step}`, { lost: chance(0.2) })
      if (chance(0.2)) {
        const messages = server.messages("den")
        const of = messages[Math.floor(random() * messages.length)]?.seq
        if (of !== undefined) server.change("den", { type: "react", of, emoji: "👍", on: chance(0.6) }, { lost: chance(0.2) })
      }
      if (chance(0.05)) server.govern("den", { kind: "room", title: `title ${step}` }, { lost: chance(0.3) })
      if (chance(0.1)) server.expire("den", Math.floor(random() * (count + 2)))
      if (chance(0.1)) server.cut()
      if (chance(0.2)) await session.history.older(den(session)).catch(() => {})
      if (chance(0.5)) await pass(random() * 2_000)
    }
    server.say("den", "the last")
    server.cut()
    await pass(60_000)
    const { log, standing } = den(session)
    expect([log.first, log.gap]).toEqual([server.first("den"), null])
    expect(log.messages).toEqual(server.messages("den").filter(({ seq }) => seq >= log.start!))
    expect(standing?.title ?? "").toBe(server.standing("den").title ?? "")
    expect(session.user).toEqual(OLENA)
  },
)
