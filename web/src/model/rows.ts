/** Turns a room's messages into the rows that are shown: days, the line before what is new, groups of one author. */
import type { Message, OutboxEntry, User } from "../client/index.ts"
import { dayOf } from "./times.ts"

export type Row =
  | { kind: "day"; key: string; at: number }
  | { kind: "new"; key: string }
  /** `head`: the first of a group, with avatar and name. */
  | { kind: "message"; key: string; head: boolean; at: number; message: Message }
  | { kind: "pending"; key: string; head: boolean; at: number; entry: OutboxEntry }

export const GROUP_MS = 5 * 60_000

export interface RowsOf {
  messages: readonly Message[]
  /** What waits to be sent; it stands below all messages. */
  pending: readonly OutboxEntry[]
  me: User | null
  /** The first number that was new when the room was opened, or null. */
  firstNew: number | null
  /** The time zone whose days they are, by its IANA name. */
  zone: string
}

export const rowsOf = ({ messages, pending, me, firstNew, zone }: RowsOf): Row[] => {
  const rows: Row[] = []
  let author: string | null = null
  let groupAt = 0
  let day = NaN
  const stored = new Set<string>()
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
  for (const message of messages) {
    const at = Date.parse(message.at)
    const key = keyOf(message, me)
    stored.add(key)
    dayBefore(at, key)
    if (!newShown && message.seq >= firstNew! && message.from.id !== me?.id) {
      newShown = true
      rows.push({ kind: "new", key: "new" })
      author = null
    }
    const head = begins(message.from.id, at)
    rows.push({ kind: "message", key, head, at, message })
  }
  for (const entry of pending) {
    const key = ownKey(entry.id)
    if (stored.has(key)) continue // it is here already, and its acknowledgement on its way
    const at = Math.max(entry.writtenAt, groupAt)
    dayBefore(at, key)
    const head = begins(me?.id ?? "", at)
    rows.push({ kind: "pending", key, head, at: entry.writtenAt, entry })
  }
  return rows
}

// One's own message keeps its key when it turns from waiting to stored, so that its row stays where it is on the page.
const ownKey = (id: string): string => `own-${id}`
const keyOf = ({ from, id, seq }: Message, me: User | null): string => (from.id === me?.id ? ownKey(id) : `seq-${seq}`)
