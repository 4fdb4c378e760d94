import { describe, expect, test } from "vitest"
import { KEPT_CHARACTERS, KEPT_ROOMS, LISTED_ROOMS, type Plan, type Row, shelve, type Written } from "../../src/client/room-shelf.ts"

const ME = "u1"
const LIFE = "1 e1"

const row = (room: string, more: Partial<Row> = {}): Row => ({ user: ME, room, life: LIFE, seq: 5, usedAt: 0, activeAt: 0, about: "{}", size: 10, ...more })
const written = (room: string, more: Partial<Written> = {}): Written => ({ room, seq: 5, usedAt: 0, activeAt: 0, about: "{}", log: "x".repeat(10), mayBegin: true, ...more })
const put = (rows: readonly Row[], ...rooms: Written[]): Plan => shelve(ME, LIFE, rows, rooms, [])
const named = (rows: readonly { room: string }[]): string[] => rows.map(({ room }) => room)

describe("what a page writes", () => {
  test("is kept, and written over by what is as new or newer", () => {
    expect(put([], written("den")).rows).toEqual([row("den")])
    for (const seq of [5, 6]) expect(put([row("den")], written("den", { seq })).rows.map((each) => each.seq)).toEqual([seq])
  })

  test.each<[string, Row, Partial<Written>]>([
    ["that knows less of the room than is there", row("den"), { seq: 4 }],
    ["that has no log where one is there", row("den"), { seq: null, log: null }],
  ])("by a page %s changes nothing", (_, there, less) => {
    expect(put([there], written("den", less))).toEqual({ rows: [], logs: new Map(), withoutLog: [], gone: [] })
  })

  test("is not kept where another page has taken the room away, unless the server has let this user in since", () => {
    expect(put([], written("den", { mayBegin: false })).rows).toEqual([])
    expect(named(put([row("den")], written("den", { mayBegin: false })).rows)).toEqual(["den"])
  })

  test("is not kept where another page has heard of another life of the server's store", () => {
    expect(put([row("hall", { life: "1 e2" })], written("den")).rows).toEqual([])
  })

  test("does not make a room older than when it was opened last", () => {
    expect(put([row("den", { usedAt: 9 })], written("den", { usedAt: 3 })).rows[0]!.usedAt).toBe(9)
  })

  test("goes where it is said to be gone", () => {
    expect(shelve(ME, LIFE, [row("den"), row("hall")], [], ["den", "other"]).gone).toEqual(["den"])
  })
})

describe("where it would be too much", () => {
  const many = (count: number, more: (i: number) => Partial<Row>) => Array.from({ length: count }, (_, i) => row(`r${i}`, more(i)))

  test("the log of the room goes that was opened longest ago; the room stays in the list", () => {
    const rows = many(KEPT_ROOMS, (i) => ({ usedAt: 100 + i }))
    const plan = put(rows, written("new", { usedAt: 1000 }))
    expect(plan.withoutLog).toEqual(["r0"])
    expect(plan.rows.find(({ room }) => room === "r0")).toMatchObject({ seq: null, size: 0 })
    expect(plan.gone).toEqual([])
  })

  test("of rooms that nobody has opened, the one goes in which nothing was said for longest", () => {
    expect(put(many(KEPT_ROOMS, (i) => ({ activeAt: 100 + i })), written("new", { activeAt: 50 })).withoutLog).toEqual(["new"])
  })

  test("characters count, those of all logs together", () => {
    const half = KEPT_CHARACTERS / 2
    const plan = put([row("old", { usedAt: 1, size: half - 10 }), row("newer", { usedAt: 2, size: half - 10 })], written("new", { usedAt: 3, log: "x".repeat(100) }))
    expect([plan.withoutLog, named(plan.rows).sort()]).toEqual([["old"], ["new", "old"]])
  })

  test("a log that alone is too much is not kept, and drives no other out", () => {
    const plan = put([row("old", { usedAt: 1 })], written("new", { usedAt: 3, log: "x".repeat(KEPT_CHARACTERS) }))
    expect([plan.withoutLog, [...plan.logs], plan.gone]).toEqual([["new"], [], []])
  })

  test("the rooms that are listed are bounded, too", () => {
    const rows = many(LISTED_ROOMS, (i) => ({ seq: null, size: 0, usedAt: 100 + i }))
    expect(put(rows, written("new", { usedAt: 1000 })).gone).toEqual(["r0"])
  })
})
