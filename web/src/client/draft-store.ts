/** Where half-written texts outlive the page: one record for each person and room. */
import { given, transact } from "./database.ts"
import type { RoomName } from "./wire.ts"

export interface DraftStore {
  /** By room. */
  load(): Promise<ReadonlyMap<RoomName, string>>
  /** An empty text is none. */
  put(room: RoomName, text: string): void
  /** Calls `listener` with what other pages of this person put; the answer ends that. */
  watch(listener: (room: RoomName, text: string) => void): () => void
}

/** Keeps nothing. */
export const noDrafts = (): DraftStore => ({ load: async () => new Map(), put: () => {}, watch: () => () => {} })

interface Kept {
  user: string
  room: RoomName
  text: string
}

/** The drafts of the user `userId` in the browser's database. */
export const storedDrafts = (userId: string): DraftStore => {
  const pages = new BroadcastChannel(`homin.drafts.${userId}`)
  const waiting = new Map<RoomName, string>()
  let writing = false

  const write = (texts: readonly (readonly [RoomName, string])[]) =>
    transact(["drafts"], "readwrite", (store) => {
      for (const [room, text] of texts) {
        if (text === "") store("drafts").delete([userId, room])
        else store("drafts").put({ user: userId, room, text } satisfies Kept)
      }
    })

  /** Every key that is pressed changes a text; while one is written the next ones gather. */
  const writeAll = async (): Promise<void> => {
    if (writing) return
    writing = true
    while (waiting.size > 0) {
      const texts = [...waiting]
      waiting.clear()
      await write(texts).catch(() => {}) // it lasts as long as the page
    }
    writing = false
  }

  return {
    async load() {
      const kept: Kept[] = await transact(["drafts"], "readonly", (store) => given(store("drafts").index("user").getAll(userId))).catch(() => [])
      return new Map(kept.map(({ room, text }) => [room, text]))
    },
    put(room, text) {
      waiting.set(room, text)
      pages.postMessage([room, text])
      void writeAll()
    },
    watch(listener) {
      pages.onmessage = ({ data: [room, text] }: MessageEvent<[RoomName, string]>) => listener(room, text)
      return () => void (pages.onmessage = null)
    },
  }
}

/** What the user `from` had begun to write goes to `to`, who has begun nothing in that room. */
export const adoptDrafts = (from: string, to: string): Promise<void> =>
  transact(["drafts"], "readwrite", async (store) => {
    const drafts = store("drafts")
    const taken = new Set(((await given(drafts.index("user").getAll(to))) as Kept[]).map(({ room }) => room))
    for (const kept of (await given(drafts.index("user").getAll(from))) as Kept[]) {
      if (taken.has(kept.room)) continue
      drafts.put({ ...kept, user: to })
      drafts.delete([from, kept.room])
    }
  })
