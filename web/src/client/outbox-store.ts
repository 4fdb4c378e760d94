/** Where the outbox outlives the page. One record for each entry, so that two tabs of one user do not overwrite each other's. */
import type { ErrorCode, RoomName } from "./wire.ts"

/** What a person has done, as the frame says it that takes it to the server. `of`, `reply_to`, `thread`: the number of a message. `mentions`: user ids. */
export type Said =
  | { readonly type: "chat"; readonly text: string; readonly reply_to?: number; readonly thread?: number; readonly mentions?: readonly string[] }
  | { readonly type: "edit"; readonly of: number; readonly text: string; readonly mentions?: readonly string[] }
  | { readonly type: "delete"; readonly of: number }
  | { readonly type: "react"; readonly of: number; readonly emoji: string; readonly on: boolean }
  | { readonly type: "pin"; readonly of: number; readonly on: boolean }

export interface OutboxEntry {
  readonly id: string
  readonly room: RoomName
  /** Milliseconds of this machine's clock. */
  readonly writtenAt: number
  /** Why the server will not take it, or null while it may yet. */
  readonly failure: { readonly code: ErrorCode; readonly text: string } | null
  /** Ids under which the same person may have sent it before. */
  readonly former?: readonly string[]
  /** Of a change: it was sent once, so it may have reached the server, or may yet. */
  readonly sent?: true
  /** The life of the store in which the number was read that is in `said`; missing where it bears none. */
  readonly epoch?: string
  /** The number in `said` is of a store that is no more. */
  readonly astray?: true
  readonly said: Said
}

export interface OutboxStore {
  /** All entries in the order in which they were written. */
  load(): OutboxEntry[]
  put(entry: OutboxEntry): void
  remove(id: string): void
}

/** Keeps the outbox in memory, for as long as the program runs. */
export const memoryOutbox = (): OutboxStore => {
  const entries = new Map<string, OutboxEntry>()
  return {
    load: () => [...entries.values()].sort(byId),
    put: (entry) => void entries.set(entry.id, entry),
    remove: (id) => void entries.delete(id),
  }
}

/** Keeps the outbox of the user `userId` in the browser's local storage. Where that is full or forbidden, it lasts as long as the page. */
export const storedOutbox = (userId: string, storage: Storage = localStorage): OutboxStore => {
  const prefix = prefixOf(userId)
  const attempt = (change: () => void) => {
    try {
      change()
    } catch {
      // Private windows and full disks: the entry stays in the memory of the page.
    }
  }
  return {
    load: () => keysFrom(prefix, storage).flatMap((key) => readEntry(storage.getItem(key))).sort(byId),
    put: (entry) => attempt(() => storage.setItem(prefix + entry.id, JSON.stringify(entry))),
    remove: (id) => attempt(() => storage.removeItem(prefix + id)),
  }
}

/** What the user `from` had written and not sent goes to `to`, who is the same person. */
export const adoptOutbox = (from: string, to: string, storage: Storage = localStorage): void => {
  try {
    for (const key of keysFrom(prefixOf(from), storage)) {
      for (const entry of readEntry(storage.getItem(key))) {
        const adopted: OutboxEntry = { ...entry, former: [...(entry.former ?? []), from] }
        storage.setItem(prefixOf(to) + entry.id, JSON.stringify(adopted))
      }
      storage.removeItem(key)
    }
  } catch {
    // Storage is forbidden, so nothing was left; or full, and what is left stays where it is.
  }
}

const prefixOf = (userId: string): string => `homin.outbox.${userId}.`

const keysFrom = (prefix: string, storage: Storage): string[] =>
  Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "").filter((key) => key.startsWith(prefix))

// Identifiers sort by the time at which they were made.
const byId = (a: OutboxEntry, b: OutboxEntry): number => (a.id < b.id ? -1 : 1)

/** Before there were changes, an entry was a chat and bore its text itself. */
type Kept = Partial<OutboxEntry> & { text?: unknown }

const readEntry = (record: string | null): OutboxEntry[] => {
  try {
    const { text, said = { type: "chat", text }, ...entry } = JSON.parse(record ?? "null") as Kept
    const isWhole = typeof entry.id === "string" && typeof entry.room === "string" && isSaid(said as Loose)
    return isWhole ? [{ writtenAt: 0, failure: null, ...entry, said } as OutboxEntry] : []
  } catch {
    return []
  }
}

type Loose = { readonly [Field in "type" | "text" | "reply_to" | "thread" | "of" | "emoji" | "on" | "mentions"]?: unknown }

const isSaid = ({ type, text, reply_to, thread, of, emoji, on, mentions }: Loose): boolean => {
  if (mentions !== undefined && !(Array.isArray(mentions) && mentions.every((id) => typeof id === "string"))) return false
  switch (type) {
    case "chat":
      return typeof text === "string" && [reply_to, thread].every((of) => of === undefined || typeof of === "number")
    case "edit":
      return typeof of === "number" && typeof text === "string"
    case "delete":
      return typeof of === "number"
    case "react":
      return typeof of === "number" && typeof emoji === "string" && typeof on === "boolean"
    case "pin":
      return typeof of === "number" && typeof on === "boolean"
    default:
      return false
  }
}
