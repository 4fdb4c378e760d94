import { describe, expect, test } from "vitest"
import type { Message, RoomChange } from "../../src/client/index.ts"
import { type Changing, GROUP_MS, type Row, rowsOf, type Writing } from "../../src/model/rows.ts"

const OLENA = { id: "u1", name: "Olena" }
const TARAS = { id: "u2", name: "Taras" }
const KYIV = "Europe/Kyiv"
const NOON = Date.parse("2026-11-20T12:00+02:00")

const message = (seq: number, from = OLENA, at = NOON + seq * 1000): Message => ({
  kind: "chat",
  room: "den",
  seq,
  id: `m${seq}`,
  from,
  at: new Date(at).toISOString(),
  text: `text ${seq}`,
})

const entry = (id: string, writtenAt = NOON + 60_000): Writing => ({ id, room: "den", said: { type: "chat", text: id }, writtenAt, failure: null })
const change = (said: Changing["said"], id = said.type): Changing => ({ id, room: "den", said, writtenAt: NOON, failure: null })
const deleted = (seq: number, from = OLENA): Message => ({ kind: "deleted", room: "den", seq, id: `m${seq}`, from, at: new Date(NOON + seq * 1000).toISOString() })

const line = (seq: number, at = NOON + seq * 1000): RoomChange => ({ kind: "room", room: "den", seq, id: `c${seq}`, from: TARAS, at: new Date(at).toISOString(), title: "Den" })

const build = (messages: Message[], { pending = [] as Writing[], changes = [] as Changing[], firstNew = null as number | null, zone = KYIV } = {}): Row[] =>
  rowsOf({ messages, pending, changes, me: OLENA, firstNew, zone })

const outline = (rows: Row[]): string[] =>
  rows.map((row) => {
    if (row.kind === "message") return `${row.head ? "HEAD " : ""}${row.message.seq}`
    if (row.kind === "pending") return `${row.head ? "HEAD " : ""}${row.entry.id}`
    return row.kind
  })

describe("what was changed of the room", () => {
  const lines = (seqs: number[], messages: Message[], pending: Writing[] = []): string[] =>
    outline(rowsOf({ messages, lines: seqs.map((seq) => line(seq)), pending, changes: [], me: OLENA, firstNew: null, zone: KYIV }))

  test("stands in its place between the messages, and ends a group", () => {
    expect(lines([2, 5], [message(1), message(3), message(4)])).toEqual(["day", "HEAD 1", "line", "HEAD 3", "4", "line"])
  })

  test("stands above what waits to be sent, and alone where nothing was said", () => {
    expect(lines([2], [message(1)], [entry("w")])).toEqual(["day", "HEAD 1", "line", "HEAD w"])
    expect(lines([1, 2], [])).toEqual(["day", "line", "line"])
  })
})

describe("what is said in a thread", () => {
  const under = (thread: number, seq: number, from = OLENA): Message => ({ ...message(seq, from), thread })
  const threaded = (rows: Row[]) => rows.flatMap((row) => (row.kind === "threaded" ? [[row.thread, row.goesOn, "seq" in row.said ? row.said.seq : row.said.id]] : []))
  const waiting = (id: string, thread: number): Writing => ({ ...entry(id), said: { type: "chat", text: id, thread } })

  test("is a line of its own in the room, and ends a group there", () => {
    expect(outline(build([message(1), under(1, 2), message(3), message(4)]))).toEqual(["day", "HEAD 1", "threaded", "HEAD 3", "4"])
  })

  test("goes on where the line before is of the same thread", () => {
    const rows = build([message(1), message(2), under(1, 3), under(1, 4, TARAS), under(2, 5), message(6), under(2, 7)])
    expect(threaded(rows)).toEqual([[1, false, 3], [1, true, 4], [2, false, 5], [2, false, 7]])
  })

  test("stands there also while it waits to be sent, and where it was deleted", () => {
    const rows = build([message(1), { ...deleted(2), thread: 1 }], { pending: [waiting("w", 1), entry("beside")] })
    expect(outline(rows)).toEqual(["day", "HEAD 1", "threaded", "threaded", "HEAD beside"])
    expect(threaded(rows)).toEqual([[1, false, 2], [1, true, "w"]])
  })

  test("keeps its row when it is stored", () => {
    const key = (rows: Row[]) => rows.find(({ kind }) => kind === "threaded")!.key
    expect(key(build([message(1)], { pending: [waiting("m2", 1)] }))).toBe(key(build([message(1), under(1, 2)])))
  })

  test("is new as all messages are", () => {
    expect(outline(build([message(1), under(1, 2, TARAS)], { firstNew: 2 }))).toEqual(["day", "HEAD 1", "new", "threaded"])
  })

  test("is a whole row in the thread, where the day of what stands above is not named again", () => {
    const rows = (since: number) =>
      outline(rowsOf({ messages: [under(1, 2), under(1, 3)], pending: [waiting("w", 1)], changes: [], me: OLENA, firstNew: null, inThread: true, since, zone: KYIV }))
    expect(rows(NOON)).toEqual(["HEAD 2", "3", "w"])
    expect(rows(NOON - 24 * 3_600_000)).toEqual(["day", "HEAD 2", "3", "w"])
  })
})

describe("rows", () => {
  test("one author within five minutes is one group, counted from its head", () => {
    const times = [0, GROUP_MS / 2, GROUP_MS, GROUP_MS + 1]
    const rows = build(times.map((after, i) => message(i + 1, OLENA, NOON + after)))
    expect(outline(rows)).toEqual(["day", "HEAD 1", "2", "3", "HEAD 4"])
  })

  test("another author begins another group", () => {
    expect(outline(build([message(1), message(2, TARAS), message(3)]))).toEqual(["day", "HEAD 1", "HEAD 2", "HEAD 3"])
  })

  test("each local day has its line, and a group ends with the day", () => {
    const midnight = Date.parse("2026-11-21T00:00+02:00")
    const rows = build([message(1, OLENA, midnight - 1000), message(2, OLENA, midnight + 1000)])
    expect(outline(rows)).toEqual(["day", "HEAD 1", "day", "HEAD 2"])
  })

  test("the days are those of the reader's zone", () => {
    const messages = [message(1, OLENA, NOON), message(2, OLENA, NOON + 1000)]
    const [before, after] = ["Pacific/Kiritimati", "Pacific/Niue"].map((zone) => outline(build([message(1, OLENA, Date.parse("2026-11-20T09:59:59Z")), message(2, OLENA, Date.parse("2026-11-20T10:00Z"))], { zone })))
    expect(outline(build(messages))).toEqual(["day", "HEAD 1", "2"])
    expect([before, after]).toEqual([["day", "HEAD 1", "day", "HEAD 2"], ["day", "HEAD 1", "2"]])
  })

  test("the line before what is new stands before the first new message, after its day", () => {
    const theirs = (seq: number) => message(seq, TARAS)
    expect(outline(build([theirs(1), theirs(2), theirs(3)], { firstNew: 2 }))).toEqual(["day", "HEAD 1", "new", "HEAD 2", "3"])
    expect(outline(build([theirs(2), theirs(3)], { firstNew: 2 }))).toEqual(["day", "new", "HEAD 2", "3"])
  })

  test("the line never stands above one's own message", () => {
    expect(outline(build([message(1), message(2), message(3, TARAS)], { firstNew: 1 }))).toEqual(["day", "HEAD 1", "2", "new", "HEAD 3"])
    expect(outline(build([message(1), message(2)], { firstNew: 1 }))).toEqual(["day", "HEAD 1", "2"])
  })

  test("where the first new message is above what is shown, no other is called the first", () => {
    expect(outline(build([message(7, TARAS), message(8, TARAS)], { firstNew: 2 }))).toEqual(["day", "HEAD 7", "8"])
  })

  test("where the first new message is gone, the line stands before the next", () => {
    expect(outline(build([message(1), message(3, TARAS)], { firstNew: 2 }))).toEqual(["day", "HEAD 1", "new", "HEAD 3"])
  })

  test("without the message it would stand before there is no such line", () => {
    expect(outline(build([message(1)], { firstNew: 2 }))).toEqual(["day", "HEAD 1"])
  })

  test("what waits to be sent goes on with one's own group", () => {
    expect(outline(build([message(1)], { pending: [entry("a"), entry("b")] }))).toEqual(["day", "HEAD 1", "a", "b"])
  })

  test("a message keeps its key when it turns from waiting to stored, so that its row stays", () => {
    const waiting = build([], { pending: [entry("m1")] }).at(-1)!
    const stored = build([message(1)]).at(-1)!
    expect(stored.key).toBe(waiting.key)
  })

  test("a message that is here already is not shown as waiting too", () => {
    expect(outline(build([message(1)], { pending: [entry("m1")] }))).toEqual(["day", "HEAD 1"])
  })

  test("what was deleted is in nobody's group: the author's own goes on below it, another's ends there", () => {
    expect(outline(build([message(1), deleted(2), message(3)]))).toEqual(["day", "HEAD 1", "2", "3"])
    expect(outline(build([message(1), deleted(2, TARAS), message(3)]))).toEqual(["day", "HEAD 1", "2", "HEAD 3"])
    expect(outline(build([deleted(1), message(2)]))).toEqual(["day", "1", "HEAD 2"])
  })

  test("a message has the changes of it that wait, and no others", () => {
    const [edit, pin] = [change({ type: "edit", of: 2, text: "new" }), change({ type: "pin", of: 1, on: true })]
    const rows = build([message(1), message(2), message(3)], { changes: [edit, pin] })
    expect(rows.flatMap((row) => (row.kind === "message" ? [row.changes] : []))).toEqual([[pin], [edit], []])
  })

  test("keys are unique also where clocks of servers disagree about the day", () => {
    const midnight = Date.parse("2026-11-21T00:00+02:00")
    const times = [midnight - 1, midnight + 1, midnight - 1, midnight + 1]
    const keys = build(times.map((at, i) => message(i + 1, TARAS, at))).map(({ key }) => key)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
