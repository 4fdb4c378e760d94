/** How changes reach the messages of a room's log: in order, once, and all of them. */
import { describe, expect, test } from "vitest"
import { REPEATED_AT_MOST, WAITING_AT_MOST } from "../../src/client/change-log.ts"
import { HELD_AT_MOST, RoomLog } from "../../src/client/room-log.ts"
import type { Entry } from "../../src/client/wire.ts"
import { chat, edit, pin, react, remove } from "./entries.ts"
import { TARAS } from "./fake-socket.ts"

const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const receive = (log: RoomLog, ...entries: Entry[]): void => {
  for (const entry of entries) log.receive(entry)
}

/** A log that holds the messages 1 to 3, all there is. */
const entered = (): RoomLog => {
  const log = new RoomLog()
  log.joinedFresh([chat(1), chat(2), chat(3)], 3, false, 3)
  return log
}

describe("a change", () => {
  test("replaces its message and the list, and leaves the other messages as they are", () => {
    const log = entered()
    const { messages } = log
    receive(log, pin(4, 2))
    expect(log.messages).not.toBe(messages)
    expect(log.messages[1]).toEqual({ ...messages[1], pinned: true })
    expect(messages[1]).toEqual(chat(2))
    expect([log.messages[0], log.messages[2]]).toEqual([messages[0], messages[2]])
    expect(log.messages[0]).toBe(messages[0])
  })

  test("that changes nothing leaves the list as it is", () => {
    const log = entered()
    const { messages } = log
    receive(log, pin(4, 2, false), react(5, 9, "👍"), remove(6, 4))
    expect(log.messages).toBe(messages)
  })

  test("has a number as a message has, and is none", () => {
    const log = entered()
    receive(log, pin(4, 2))
    expect([log.target, log.resumeAfter, log.missing, log.size, log.newest?.seq]).toEqual([4, 4, 0, 3, 3])
    expect([log.at(4), log.isKnown(4)]).toEqual([null, true])
  })

  test("ahead of a hole waits, and is applied in its turn", () => {
    const log = entered()
    receive(log, pin(5, 1, false), edit(6, 1, "last"))
    expect([log.messages[0], log.gap, log.resumeAfter]).toEqual([chat(1), { from: 4, to: 4 }, 3])
    receive(log, pin(4, 1))
    expect(log.messages[0]).toEqual({ ...chat(1), text: "last", edited_at: edit(6, 1).at })
  })

  test("that its message holds already is dropped", () => {
    const log = entered()
    log.pageAfter(3, 4, [{ ...chat(4), text: "of today" }], false, 6)
    receive(log, edit(5, 4, "of yesterday"), edit(6, 4, "of today"), edit(7, 4, "newer"))
    expect(log.messages[3]).toMatchObject({ text: "newer", edited_at: edit(7, 4).at })
  })

  test("of the newest message is seen where that message is not held", () => {
    const log = new RoomLog()
    log.listed(chat(60), 60)
    log.anchor(60)
    receive(log, edit(61, 60, "better"))
    expect([log.size, log.newest]).toEqual([0, { ...chat(60), text: "better", edited_at: edit(61, 60).at }])
  })
})

describe("a page that was read before what is known by now", () => {
  test("gets the changes that came meanwhile, without a question", () => {
    const log = new RoomLog()
    log.joinedFresh([chat(9)], 9, true, 9)
    receive(log, pin(10, 8), remove(11, 7))
    log.pageBefore(9, [chat(7), chat(8)], true, 9)
    expect(log.messages).toEqual([expect.objectContaining({ seq: 7, kind: "deleted" }), { ...chat(8), pinned: true }, chat(9)])
    expect(log.gap).toBeNull()
  })

  test("has them asked for again where they were too many to be kept", () => {
    const log = new RoomLog()
    const last = 10 + 3 * REPEATED_AT_MOST
    log.joinedFresh([chat(9)], 9, true, 9)
    receive(log, pin(10, 8), ...run(11, last).map((seq) => react(seq, 9, "👍", seq % 2 === 0)))
    log.pageBefore(9, [chat(8)], true, 9)
    expect([log.missing, log.gap?.from, log.resumeAfter]).toEqual([0, 10, 9])
    const { from, to } = log.gap!
    log.pageAfter(from - 1, to, [pin(10, 8), ...run(11, to).map((seq) => react(seq, 9, "👍", seq % 2 === 0))], false, last)
    expect([log.gap, log.messages[0]]).toEqual([null, { ...chat(8), pinned: true }])
  })

  test("a message that is repeated long after it was changed gets that, too", () => {
    const log = new RoomLog()
    log.joinedFresh([chat(9)], 9, true, 9)
    receive(log, pin(10, 8))
    log.reach(8)
    receive(log, chat(8))
    expect(log.gap).toEqual({ from: 9, to: 9 })
    log.pageAfter(8, 9, [chat(9)], false, 10)
    expect(log.messages[0]).toEqual({ ...chat(8), pinned: true })
  })
})

test("an answer to a join that says less than the room's number leaves the rest to be asked for", () => {
  const log = new RoomLog()
  log.joinedFresh([chat(1), chat(2)], 5, false, 3)
  expect([log.hole, log.gap, log.resumeAfter]).toEqual([{ from: 4, to: 5 }, { from: 4, to: 5 }, 3])
  log.pageAfter(3, 5, [pin(4, 1), edit(5, 2, "better")], false, 5)
  expect([log.gap, log.resumeAfter, log.messages[0]!.pinned]).toEqual([null, 5, true])
})

test("a log that starts anew holds nothing from before the page, and what came live after it", () => {
  const before = entered()
  receive(before, pin(101, 99), chat(102), react(103, 102, "👍"))
  const log = before.anew(100, [chat(98), chat(99)], true, 100)
  expect(log.messages).toEqual([chat(98), { ...chat(99), pinned: true }, { ...chat(102), reactions: [{ emoji: "👍", users: [TARAS.id] }] }])
  expect([log.start, log.gap, log.resumeAfter]).toEqual([98, null, 103])
})

describe("more changes than may wait for a hole", () => {
  const waiting = (log: RoomLog, count: number): void => receive(log, ...run(5, 4 + count).map((seq) => pin(seq, 1, seq % 2 === 0)))

  test("are let go, and the room is to start anew", () => {
    const log = entered()
    waiting(log, WAITING_AT_MOST)
    expect(log.behind).toBe(1)
    receive(log, pin(5 + WAITING_AT_MOST, 1))
    expect([log.behind, log.resumeAfter]).toEqual([Infinity, 3])
    const last = log.target
    const anew = log.anew(last, [{ ...chat(1), pinned: true }], false, last)
    expect([anew.behind, anew.resumeAfter]).toEqual([0, last])
  })

  test("are counted by what waits, not by what was applied", () => {
    const log = entered()
    receive(log, pin(4, 1))
    waiting(log, 3 * WAITING_AT_MOST)
    expect([log.behind, log.gap]).toEqual([0, null])
  })
})

describe("where the reader is far above the newest", () => {
  const above = (): RoomLog => {
    const log = new RoomLog()
    log.joinedFresh(run(1, HELD_AT_MOST).map((seq) => chat(seq)), HELD_AT_MOST, false, HELD_AT_MOST)
    log.reader = 50
    receive(log, chat(HELD_AT_MOST + 1))
    return log
  }
  const next = HELD_AT_MOST + 2

  test("what is changed of the messages that are held is seen", () => {
    const log = above()
    expect(log.end).toBeLessThan(HELD_AT_MOST)
    receive(log, pin(next, 40), remove(next + 1, next - 1))
    expect([log.at(40)!.pinned, log.newest?.kind]).toEqual([true, "deleted"])
  })

  test("what was lost is asked for, and its messages are counted only", () => {
    const log = above()
    const { size } = log
    receive(log, edit(next + 2, 40, "better"))
    expect([log.hole, log.gap]).toEqual([null, { from: next, to: next + 1 }])
    log.pageAfter(next - 1, next + 1, [chat(next), pin(next + 1, 40)], false, next + 2)
    expect(log.at(40)).toMatchObject({ pinned: true, text: "better" })
    expect([log.size, log.gap, log.newest?.seq]).toEqual([size, null, next])
  })

  test("changes do not count as messages", () => {
    const log = above()
    receive(log, pin(next, 40), chat(next + 1), pin(next + 2, 40, false))
    expect(log.unknown(next, next + 2)).toBe(1)
    expect([next, next + 1, next + 2].map((seq) => log.isKnown(seq))).toEqual([true, false, true])
  })
})

describe("another store", () => {
  test("is not taken for one because a message was edited or deleted meanwhile", () => {
    const log = entered()
    receive(log, edit(4, 1, "better"))
    const deleted = new RoomLog()
    deleted.joinedFresh([chat(1)], 3, false, 3)
    receive(deleted, remove(4, 1))
    expect(log.contradicts([chat(1), chat(1, "older"), edit(4, 1), ...deleted.messages])).toBe(false)
  })

  test("is one that has something else under a number, be it a message or a change", () => {
    const log = entered()
    receive(log, pin(4, 1))
    expect(log.contradicts([{ ...chat(3), id: "another" }])).toBe(true)
    expect(log.contradicts([{ ...pin(3, 1), id: "another" }])).toBe(true)
    expect(log.contradicts([{ ...pin(4, 1), at: "2020-01-01T00:00:00.000Z" }])).toBe(true)
    expect(log.contradicts([{ ...chat(4), from: { id: "u9", name: "Vira" } }])).toBe(true)
  })
})
