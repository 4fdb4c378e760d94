/**
 * The browser's database, in which what a person has not sent yet outlives the page, and what is known of their rooms. Where it is forbidden
 * nothing does, and nothing fails.
 */
export type StoreName = "drafts" | "files" | "contents" | "rooms" | "logs"
/** The stores of a transaction. */
export type Stores = (name: StoreName) => IDBObjectStore

const NAME = "homin"
const VERSION = 2

let opened: Promise<IDBDatabase> | null = null

/** Rejects where the browser has none for us: a private window, a full disk, a refusal. */
const open = (): Promise<IDBDatabase> =>
  (opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION)
    request.onupgradeneeded = ({ oldVersion }) => {
      const database = request.result
      if (oldVersion < 1) {
        database.createObjectStore("drafts", { keyPath: ["user", "room"] }).createIndex("user", "user")
        database.createObjectStore("files", { keyPath: "id" }).createIndex("user", "user")
        // Apart from what is told of them, so that a change of that does not write the bytes anew.
        database.createObjectStore("contents")
      }
      if (oldVersion < 2) {
        database.createObjectStore("rooms", { keyPath: ["user", "room"] }).createIndex("user", "user")
        // Apart again: at each change all rooms are looked through, and one log is written.
        database.createObjectStore("logs")
      }
    }
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close() // a newer page in another tab wants to
      resolve(request.result)
    }
    request.onerror = () => reject(request.error)
  }))

/** Runs `work` in one transaction over `stores`. Resolves to what it made once that is stored. Transactions over one store run in the order of these calls. */
export const transact = async <Made>(
  stores: readonly StoreName[],
  mode: IDBTransactionMode,
  work: (store: Stores) => Made | Promise<Made>,
): Promise<Made> => {
  const transaction = (await open()).transaction(stores, mode)
  const stored = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
  stored.catch(() => {}) // where `work` throws first, that is what is told
  const made = await work((name) => transaction.objectStore(name))
  await stored
  return made
}

/** What a request of a transaction gives. */
export const given = <Value>(request: IDBRequest<Value>): Promise<Value> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
