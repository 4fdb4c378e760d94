/** Which rooms stay on the disk, and which go: a bounded number of them, of one life of the server's store, none older than it was. */
import type { RoomName } from "./wire.ts"

/** Of so many rooms the messages are kept, those that were opened last first; of so many at least that they are there. */
export const KEPT_ROOMS = 100
export const LISTED_ROOMS = 500
/** So many characters are kept for one person in all. */
export const KEPT_CHARACTERS = 4_000_000

/** What is on the disk of one room, beside its log. */
export interface Row {
  readonly user: string
  readonly room: RoomName
  /** Of which life of the server's store, and in which way it is kept. */
  readonly life: string
  /** The number up to which the log is whole; null: there is no log. */
  readonly seq: number | null
  /** When this user has opened it last, and when something was said in it; milliseconds since 1970, 0: never. */
  readonly usedAt: number
  readonly activeAt: number
  /** All but the log. */
  readonly about: string
  /** How many characters the log is. */
  readonly size: number
}

/** What is to be kept of a room. */
export interface Written extends Pick<Row, "room" | "seq" | "usedAt" | "activeAt" | "about"> {
  readonly log: string | null
  /** Whether it may be kept although it is not on the disk: another page may have taken it away. */
  readonly mayBegin: boolean
}

export interface Plan {
  readonly rows: readonly Row[]
  readonly logs: ReadonlyMap<RoomName, string>
  /** Their logs go. */
  readonly withoutLog: readonly RoomName[]
  /** They go. */
  readonly gone: readonly RoomName[]
}

const NOTHING: Plan = { rows: [], logs: new Map(), withoutLog: [], gone: [] }

/** What changes on the disk, where all `rows` of this user are, by what one of their pages knows. */
export const shelve = (user: string, life: string, rows: readonly Row[], written: readonly Written[], gone: readonly RoomName[]): Plan => {
  if (rows.some((row) => row.life !== life)) return NOTHING // another page has heard of another life since
  const before = new Map(rows.map((row) => [row.room, row]))
  const wanted = new Map(before)
  const logs = new Map<RoomName, string>()
  for (const room of gone) wanted.delete(room)
  for (const each of written) {
    const known = wanted.get(each.room)
    if (known ? isOlder(each, known) : !each.mayBegin) continue
    wanted.set(each.room, rowOf(user, life, each, known))
    if (each.log !== null) logs.set(each.room, each.log)
  }
  const kept = bounded([...wanted.values()])
  const changed = [...kept.values()].filter((row) => row !== before.get(row.room))
  return {
    rows: changed,
    logs: new Map([...logs].filter(([room]) => (kept.get(room)?.seq ?? null) !== null)),
    withoutLog: changed.filter(({ seq }) => seq === null).map(({ room }) => room),
    gone: [...before.keys()].filter((room) => !kept.has(room)),
  }
}

// A page that was away knows less than one that was not.
const isOlder = (each: Written, known: Row): boolean => known.seq !== null && (each.seq === null || each.seq < known.seq)

const rowOf = (user: string, life: string, { room, seq, usedAt, activeAt, about, log }: Written, known: Row | undefined): Row => ({
  user,
  room,
  life,
  seq,
  usedAt: Math.max(usedAt, known?.usedAt ?? 0),
  activeAt,
  about,
  size: log?.length ?? 0,
})

/** Those that may stay, without their logs where that is too much. */
const bounded = (rows: readonly Row[]): ReadonlyMap<RoomName, Row> => {
  const kept = new Map<RoomName, Row>()
  let characters = 0
  let logs = 0
  for (const row of rows.toSorted((a, b) => b.usedAt - a.usedAt || b.activeAt - a.activeAt || (a.room < b.room ? -1 : 1))) {
    if (kept.size === LISTED_ROOMS || characters + row.about.length > KEPT_CHARACTERS) break
    characters += row.about.length
    if (row.seq === null) kept.set(row.room, row)
    else if (logs < KEPT_ROOMS && characters + row.size <= KEPT_CHARACTERS) {
      kept.set(row.room, row)
      characters += row.size
      logs += 1
    } else kept.set(row.room, { ...row, seq: null, size: 0 })
  }
  return kept
}
