/**
 * Whatever a page had of a room when it went, the next one goes on from there and ends with what somebody fetches who was never here.
 * SEED=n runs one case again; CASES=n runs more of them.
 */
import { describe, expect, test } from "vitest"
import { KEPT_MESSAGES, type KeptRoom, recordOf, restoreRoom } from "../../src/client/room-record.ts"
import { Room } from "../../src/client/room.ts"
import type { Entry } from "../../src/client/wire.ts"
import { chat, generator, messagesAt, pageAfter, pageBefore, randomLog, remove } from "./entries.ts"

const CASES = Number(process.env["CASES"] ?? 200)
const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
const SEEDS = process.env["SEED"] ? [FIRST] : Array.from({ length: CASES }, (_, i) => FIRST + i)

const newRoom = () => new Room("den", { isOwn: () => false, mentions: () => false, isReadThere: () => false }, 1_000)
const joined = (entries: readonly Entry[], seq: number, more: boolean, as_of = seq) => ({ room: "den", seq, as_of, members: 1, online: [], messages: [...entries], more })

/** What the next page has of it. */
const reloaded = (room: Room): Room => {
  const next = newRoom()
  restoreRoom(next, JSON.parse(JSON.stringify(recordOf(room))) as KeptRoom)
  return next
}

/** Asks for what the log lacks, a few entries at a time, as `Backfill.repair` does. */
const repair = (room: Room, log: readonly Entry[], now: number, limit: number): void => {
  for (let asked = 0; room.log.gap !== null; asked++) {
    if (asked > 5 * log.length) throw new Error("it asks without an end")
    const { from, to } = room.log.gap
    const page = pageAfter(log, now, from - 1, Math.min(limit, to - from + 1))
    room.log.pageAfter(from - 1, to, page.entries, page.more, page.asOf)
  }
}

test.each(SEEDS)("seed %i: what was kept, and what came after it, is the room as it is", (seed) => {
  const random = generator(seed)
  const any = (count: number) => Math.floor(random() * count)
  const log = randomLog(30 + any(500), random)
  let now = 1 + any(log.length)
  let room = newRoom()
  const fresh = pageBefore(log, now, now + 1, 1 + any(50))
  room.entered(joined(fresh.entries, now, fresh.more), null)
  for (let loads = 0; loads < 4; loads++) {
    const upTo = Math.min(log.length, now + any(150))
    // Some copies are lost, some come late: the page may go while something is missing, or has only waited.
    while (now < upTo) {
      const entry = log[now++]!
      if (any(12) > 0) room.log.receive(entry)
      if (any(10) === 0) repair(room, log, now, 1 + any(20))
      if (any(25) === 0 && room.log.hasOlder) {
        const { start } = room.log
        const page = pageBefore(log, now, start!, 1 + any(30), Math.max(0, now - any(10)))
        room.log.pageBefore(start!, page.entries, page.more, page.asOf)
      }
    }
    const record = recordOf(room)!
    expect(record.log!.seq, "no number is kept beyond what is whole").toBeLessThanOrEqual(room.log.resumeAfter!)
    const numbers = messagesAt(log, record.log!.seq).map(({ seq }) => seq).filter((seq) => seq >= record.log!.start)
    expect(record.log!.messages.map(({ seq }) => seq), "every message up to there is kept").toEqual(numbers)
    room = reloaded(room)
    expect(room.log.hole, "nothing is missing of what is shown").toBeNull()
    now = Math.min(log.length, now + any(60)) // said while nobody was here
    if (any(4) === 0) continue // no server either: the page is loaded once more
    const after = room.log.resumeAfter!
    const page = pageAfter(log, now, after, any(30), now - any(5))
    room.entered(joined(page.entries, now, page.more, page.asOf), after)
  }
  while (now < log.length) room.log.receive(log[now++]!)
  room.log.expect(now)
  repair(room, log, now, 50)
  const { start } = room.log
  expect(room.log.messages).toEqual(messagesAt(log, now).filter(({ seq }) => seq >= start!))
  expect(room.last).toEqual(messagesAt(log, now).at(-1))
})

describe("of a room", () => {
  test("the newest messages are kept, and that there are older ones", () => {
    const room = newRoom()
    const log = Array.from({ length: KEPT_MESSAGES + 30 }, (_, i) => chat(i + 1))
    room.entered(joined(log, log.length, false), null)
    expect(room.log.hasOlder).toBe(false)
    const next = reloaded(room)
    expect([next.log.size, next.log.start, next.log.hasOlder, next.log.resumeAfter]).toEqual([KEPT_MESSAGES, 31, true, log.length])
  })

  test("of which the beginning is known, that is known of it again", () => {
    const room = newRoom()
    room.entered(joined([chat(3)], 5, false), null)
    expect(reloaded(room).log.hasOlder).toBe(false)
  })

  test("what came beyond a hole is not kept", () => {
    const room = newRoom()
    room.entered(joined([chat(1)], 1, false), null)
    room.log.receive(chat(3))
    const next = reloaded(room)
    expect([next.log.messages.map(({ seq }) => seq), next.log.resumeAfter]).toEqual([[1], 1])
  })

  test("that is read far above its newest message nothing is kept but where it goes on", () => {
    const room = newRoom()
    const log = Array.from({ length: 2_100 }, (_, i) => chat(i + 1))
    room.entered(joined(log.slice(1_000), log.length, true), null)
    room.log.reader = 500
    room.log.pageBefore(1_001, log.slice(0, 1_000), false, log.length)
    expect(room.log.end).not.toBeNull()
    const next = reloaded(room)
    expect([next.log.size, next.log.resumeAfter, next.last]).toEqual([0, log.length, log.at(-1)])
  })

  test("a message that was deleted is kept without its text, also as the newest of a list", () => {
    const room = newRoom()
    room.summarised({ room: "den", seq: 1, read_seq: 0, unread: 1, members: 1, last: chat(1, "a secret") })
    room.entered(joined([chat(1, "a secret")], 1, false), null)
    room.log.receive(remove(2, 1))
    expect(JSON.stringify(recordOf(room))).not.toContain("secret")
  })

  test("how it stands is kept as of the number up to which it is whole, and not where it is ahead of that", () => {
    const room = newRoom()
    room.entered({ ...joined([chat(1)], 1, false), title: "Den" }, null)
    expect(reloaded(room).standing).toMatchObject({ title: "Den", asOf: 1 })
    room.entered({ ...joined([], 4, true, 1), title: "Lair" }, 1)
    expect([recordOf(room)!.log!.seq, recordOf(room)!.standing]).toEqual([1, null])
  })

  test("of which the list alone was kept, what the list says next is taken: the newest message may have been changed", () => {
    const room = newRoom()
    room.summarised({ room: "den", seq: 1, read_seq: 0, unread: 1, members: 1, last: chat(1) })
    const next = reloaded(room)
    expect([next.log.start, next.last, next.unread]).toEqual([null, chat(1), 1])
    next.summarised({ room: "den", seq: 2, read_seq: 0, unread: 1, members: 1, last: chat(1, "better") })
    expect(next.last).toEqual(chat(1, "better"))
  })
})
