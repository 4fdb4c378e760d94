/** Turns a room's messages into the rows that are shown: days, the line before what is new, groups of one author. */
import type { Message, OutboxEntry, RoomChange, Said, User } from "../client/index.ts"
import { dayOf } from "./times.ts"

export type Row =
  | { kind: "day"; key: string; at: number }
  | { kind: "new"; key: string }
  /** What was changed of the room itself. */
  | { kind: "line"; key: string; at: number; change: RoomChange }
  /** `head`: the first of a group, with avatar and name. `changes`: what this user does to the message and is not stored yet. */
  | { kind: "message"; key: string; head: boolean; at: number; message: Message; changes: readonly Changing[] }
  | { kind: "pending"; key: string; head: boolean; at: number; entry: Writing }
  /** In a room, what is said in one of its threads: `said`, stored or on its way. `goesOn`: the line before it is of the same thread. */
  | { kind: "threaded"; key: string; at: number; thread: number; said: Message | Writing; goesOn: boolean }

/** A message that waits to be sent. */
export type Writing = OutboxEntry & { readonly said: Extract<Said, { type: "chat" }> }
/** A change of a message that waits to be sent. */
export type Changing = OutboxEntry & { readonly said: Exclude<Said, { type: "chat" }> }

export const isWriting = (entry: OutboxEntry): entry is Writing => entry.said.type === "chat"

export const GROUP_MS = 5 * 60_000

export interface RowsOf {
  /** With what this user has changed of them already, whether or not that is stored. */
  messages: readonly Message[]
  /** What was changed of the room itself, among them; oldest first as well. */
  lines?: readonly RoomChange[]
  /** The messages that wait to be sent; they stand below all others. */
  pending: readonly Writing[]
  /** The changes that wait to be sent. */
  changes: readonly Changing[]
  me: User | null
  /** The first number that was new when the room was opened, or null. */
  firstNew: number | null
  /** Whether these are a thread's own messages, each a whole row there. */
  inThread?: boolean
  /** When what stands above them was said, in Unix milliseconds: the day is not named again. */
  since?: number | undefined
  /** The time zone whose days they are, by its IANA name. */
  zone: string
}

export const rowsOf = ({ messages, lines = [], pending, changes, me, firstNew, inThread = false, since, zone }: RowsOf): Row[] => {
  const rows: Row[] = []
  let author: string | null = null
  let groupAt = 0
  let day = since === undefined ? NaN : dayOf(since, zone)
  const stored = new Set<string>()
  const changesOf = (seq: number): readonly Changing[] => (changes.length === 0 ? changes : changes.filter(({ said }) => said.of === seq))
  // Where others are new before the first that is shown, the line stands further up.
  let newShown = firstNew === null || messages.length === 0 || messages[0]!.seq > firstNew
  // Clocks of servers differ: a day may come twice, so its line is named for what follows it.
  const dayBefore = (at: number, next: string): void => {
    const today = dayOf(at, zone)
    if (today === day) return
    rows.push({ kind: "day", key: `day-${next}`, at })
    day = today
    author = null
  }
  const begins = (by: string, at: number): boolean => {
    const head = by !== author || at - groupAt > GROUP_MS
    if (head) groupAt = at
    author = by
    return head
  }
  // What was deleted is one quiet line that names its author: it is in nobody's group, and only that of another ends there.
  const passes = (by: string): false => {
    if (by !== author) author = null
    return false
  }
  const pushThreaded = (key: string, at: number, thread: number, said: Message | Writing): void => {
    const before = rows.at(-1)
    rows.push({ kind: "threaded", key, at, thread, said, goesOn: before?.kind === "threaded" && before.thread === thread })
    author = null
  }
  let nextLine = 0
  const linesBefore = (seq: number): void => {
    for (let line = lines[nextLine]; line && line.seq < seq; line = lines[++nextLine]) {
      const at = Date.parse(line.at)
      dayBefore(at, `line-${line.seq}`)
      rows.push({ kind: "line", key: `line-${line.seq}`, at, change: line })
      author = null
    }
  }
  for (const message of messages) {
    linesBefore(message.seq)
    const at = Date.parse(message.at)
    const key = keyOf(message, me)
    stored.add(key)
    dayBefore(at, key)
    if (!newShown && message.seq >= firstNew! && message.from.id !== me?.id) {
      newShown = true
      rows.push({ kind: "new", key: "new" })
      author = null
    }
    if (message.thread !== undefined && !inThread) {
      pushThreaded(key, at, message.thread, message)
      continue
    }
    const head = message.kind === "deleted" ? passes(message.from.id) : begins(message.from.id, at)
    rows.push({ kind: "message", key, head, at, message, changes: changesOf(message.seq) })
  }
  linesBefore(Infinity)
  for (const entry of pending) {
    const key = ownKey(entry.id)
    if (stored.has(key)) continue // it is here already, and its acknowledgement on its way
    const at = Math.max(entry.writtenAt, groupAt)
    dayBefore(at, key)
    if (entry.said.thread !== undefined && !inThread) {
      pushThreaded(key, entry.writtenAt, entry.said.thread, entry)
      continue
    }
    const head = begins(me?.id ?? "", at)
    rows.push({ kind: "pending", key, head, at: entry.writtenAt, entry })
  }
  return rows
}

// One's own message keeps its key when it turns from waiting to stored, so that its row stays where it is on the page.
const ownKey = (id: string): string => `own-${id}`
const keyOf = ({ from, id, seq }: Message, me: User | null): string => (from.id === me?.id ? ownKey(id) : `seq-${seq}`)
