/** Where the outbox outlives the page. One record for each entry, so that two tabs of one user do not overwrite each other's. */
import type { ErrorCode, RoomName } from "./wire.ts"

export interface OutboxEntry {
  readonly id: string
  readonly room: RoomName
  readonly text: string
  /** Milliseconds of this machine's clock. */
  readonly writtenAt: number
  /** Why the server will not take it, or null while it may yet. */
  readonly failure: { readonly code: ErrorCode; readonly text: string } | null
  /** Ids under which the same person may have sent it before. */
  readonly former?: readonly string[]
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

const readEntry = (text: string | null): OutboxEntry[] => {
  try {
    const entry = JSON.parse(text ?? "null") as Partial<OutboxEntry> | null
    const complete = typeof entry?.id === "string" && typeof entry.room === "string" && typeof entry.text === "string"
    return complete ? [{ writtenAt: 0, failure: null, ...entry } as OutboxEntry] : []
  } catch {
    return []
  }
}
