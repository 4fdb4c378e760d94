/** Where files that are not sent yet outlive the page. A page has those that it holds the lock of, so that no two send the same. */
import { given, transact } from "./database.ts"
import type { RoomName } from "./wire.ts"

/** How many bytes of files are kept for one person. */
export const KEPT_BYTES = 64_000_000

/** What is told of a file that is kept. */
export interface FilePlace {
  readonly room: RoomName
  readonly behind: string | null
  /** False: it is held until the person sends it. */
  readonly sent: boolean
}

export interface KeptFile extends FilePlace {
  readonly id: string
  readonly file: File
}

export interface FileStore {
  /** The files of this person that no other page has, in the order in which they were given. They are this page's from now on. */
  load(): Promise<KeptFile[]>
  /** False where it is not kept: it would be too much, the browser has no room, or the file cannot be read. */
  add(file: KeptFile): Promise<boolean>
  change(id: string, place: FilePlace): void
  remove(id: string): void
  /** Another page may have what is this page's. */
  release(): void
}

/** Keeps nothing. */
export const noFiles = (): FileStore => ({ load: async () => [], add: async () => false, change: () => {}, remove: () => {}, release: () => {} })

interface Kept extends FilePlace {
  id: string
  user: string
  size: number
}

/** The files of the user `userId` in the browser's database, `bound` bytes at most. */
export const storedFiles = (userId: string, bound = KEPT_BYTES): FileStore => {
  const locks = new Map<string, () => void>()
  const unlock = (id: string) => {
    locks.get(id)?.()
    locks.delete(id)
  }
  const all = (files: IDBObjectStore): Promise<Kept[]> => given(files.index("user").getAll(userId))

  const loadOne = async ({ id, room, behind, sent }: Kept): Promise<KeptFile[]> => {
    const release = await locked(id)
    if (release === null) return []
    locks.set(id, release)
    const file: File | undefined = await transact(["contents"], "readonly", (store) => given(store("contents").get(id)))
    if (file) return [{ id, room, behind, sent, file }]
    unlock(id) // sent by another page meanwhile
    return []
  }

  return {
    async load() {
      const kept = await transact(["files"], "readonly", (store) => all(store("files"))).catch(() => [])
      const loaded = await Promise.all(kept.map((each) => loadOne(each).catch(() => [])))
      return loaded.flat().sort((one, other) => (one.id < other.id ? -1 : 1))
    },
    async add({ id, file, ...place }) {
      const release = await locked(id)
      if (release !== null) locks.set(id, release)
      try {
        return await transact(["files", "contents"], "readwrite", async (store) => {
          const used = (await all(store("files"))).reduce((sum, { size }) => sum + size, 0)
          if (used + file.size > bound) return false
          store("files").put({ id, user: userId, size: file.size, ...place } satisfies Kept)
          store("contents").put(file, id)
          return true
        })
      } catch {
        return false
      }
    },
    change(id, place) {
      void transact(["files"], "readwrite", async (store) => {
        const kept = (await given(store("files").get(id))) as Kept | undefined
        if (kept) store("files").put({ ...kept, ...place })
      }).catch(() => {})
    },
    remove(id) {
      void transact(["files", "contents"], "readwrite", (store) => {
        store("files").delete(id)
        store("contents").delete(id)
      })
        .catch(() => {})
        .finally(() => unlock(id))
    },
    release() {
      for (const id of locks.keys()) unlock(id)
    },
  }
}

/**
 * Takes the lock of a file; gives what releases it, and null where another page has it. A page that goes leaves its locks. Where the
 * browser has no locks (a plain address in a network of one's own) two pages may send a file: by its `id` it is stored once all the same.
 */
const locked = (id: string): Promise<(() => void) | null> => {
  const { locks } = navigator as { locks?: LockManager }
  if (!locks) return Promise.resolve(() => {})
  return new Promise((resolve) => {
    const answer = locks.request(`homin.file.${id}`, { ifAvailable: true }, (lock) => {
      if (lock === null) return resolve(null)
      return new Promise<void>((release) => resolve(release))
    })
    answer.catch(() => resolve(null))
  })
}

/**
 * What the user `from` had given goes to `to`, who is the same person, and is held: one that was under way may have been stored under the
 * former id, so the person looks first.
 */
export const adoptFiles = (from: string, to: string): Promise<void> =>
  transact(["files"], "readwrite", async (store) => {
    for (const kept of (await given(store("files").index("user").getAll(from))) as Kept[]) store("files").put({ ...kept, user: to, sent: false })
  })
