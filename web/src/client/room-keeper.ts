/** Keeps the rooms of a session on the disk: what changed is gathered for a moment and written at once, what is gone goes without delay. */
import type { Room } from "./room.ts"
import { isOwnLog } from "./room-names.ts"
import { partsOf, recordOf } from "./room-record.ts"
import type { Kept, RoomStore, RoomToKeep } from "./room-store.ts"
import { after } from "./timers.ts"
import type { RoomName } from "./wire.ts"

const GATHER_MS = 1_000
/** What the disk has not given by then is not waited for: the server has it, too. */
const LOADED_WITHIN_MS = 1_500

export class RoomKeeper {
  readonly #store: RoomStore
  readonly #rooms: () => ReadonlyMap<RoomName, Room>
  /** The life of the server's store that the rooms are of, or null until it is known. */
  #epoch: string | null = null
  /** Of each room that may be on the disk, of which store its numbers were. */
  readonly #kept = new Map<RoomName, number>()
  /** What was written of a room: see `partsOf`. */
  readonly #written = new Map<RoomName, readonly unknown[]>()
  readonly #usedAt = new Map<RoomName, number>()
  readonly #stale = new Set<RoomName>()
  #cancel: (() => void) | null = null
  #isWriting = false
  #isOver = false

  constructor(store: RoomStore, rooms: () => ReadonlyMap<RoomName, Room>) {
    this.#store = store
    this.#rooms = rooms
  }

  /** What an earlier page has left, or null. Never rejects, and does not wait long. */
  async load(): Promise<Kept | null> {
    let cancel = () => {}
    const late = new Promise<null>((resolve) => (cancel = after(LOADED_WITHIN_MS, () => resolve(null))))
    const loaded = this.#store.load().catch(() => {
      this.#isOver = true
      return null
    })
    const kept = await Promise.race([loaded, late])
    cancel()
    return kept
  }

  /** The rooms of this life go on from what was kept. */
  restored({ epoch, rooms }: Kept): void {
    this.#epoch = epoch
    for (const { room: name } of rooms) {
      const room = this.#rooms().get(name)
      if (!room) continue
      this.#kept.set(name, room.stores)
      if (room.isFromDisk) this.#written.set(name, this.#partsOf(room)) // else the server was faster
    }
  }

  /** The server has said in which life its store is. */
  begin(epoch: string): void {
    this.#epoch = epoch
    if (!this.#isOver) void this.#store.begin(epoch).catch(() => {})
  }

  /** Somebody looks at the room: of those that are kept it goes last. */
  used(name: RoomName): void {
    this.#usedAt.set(name, Date.now())
  }

  /** The room has changed; null: which rooms there are. */
  changed(name: RoomName | null): void {
    if (this.#isOver || this.#epoch === null) return
    const gone = (name === null ? [...this.#kept.keys()] : [name]).filter((each) => this.#isGone(each))
    if (gone.length > 0) this.#drop(gone)
    if (name !== null) this.#stale.add(name)
    if (this.#stale.size > 0) this.#cancel ??= after(GATHER_MS, () => this.flush())
  }

  /** Writes now what is gathered: perhaps nobody comes back to this page. */
  flush(): void {
    this.#cancel?.()
    this.#cancel = null
    void this.#write()
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#isOver = true
    this.#cancel?.()
    this.#cancel = null
  }

  /** Whether what is on the disk of this room is of no room that this user is in, or of another store. */
  #isGone(name: RoomName): boolean {
    const stores = this.#kept.get(name)
    if (stores === undefined) return false
    const room = this.#rooms().get(name)
    return !room || room.refusal !== null || room.stores !== stores
  }

  #drop(names: readonly RoomName[]): void {
    for (const name of names) {
      this.#kept.delete(name)
      this.#written.delete(name)
    }
    void this.#store.write(this.#epoch!, [], names).catch(() => {})
  }

  /** While it is written what changes meanwhile gathers. */
  async #write(): Promise<void> {
    if (this.#isWriting || this.#isOver || this.#epoch === null) return
    const rooms = [...this.#stale].flatMap((name) => this.#toKeep(name))
    this.#stale.clear()
    if (rooms.length === 0) return
    this.#isWriting = true
    try {
      await this.#store.write(this.#epoch, rooms, [])
    } catch (error) {
      this.#failed(error, rooms)
    }
    this.#isWriting = false
    if (this.#stale.size > 0 && !this.#isOver) this.#cancel ??= after(GATHER_MS, () => this.flush())
  }

  /** Of a room that has never been kept, only what the server says that this user is in. */
  #toKeep(name: RoomName): RoomToKeep[] {
    const room = this.#rooms().get(name)
    if (!room || room.refusal !== null || (!room.joined && !this.#kept.has(name))) return []
    const parts = this.#partsOf(room)
    const before = this.#written.get(name)
    if (before && parts.every((part, i) => part === before[i])) return []
    const record = recordOf(room)
    if (record === null) return []
    this.#kept.set(name, room.stores)
    this.#written.set(name, parts)
    const usedAt = isOwnLog(name) ? Date.now() : (this.#usedAt.get(name) ?? 0)
    return [{ record, usedAt, activeAt: room.lastAt ?? 0, mayBegin: room.joined }]
  }

  #partsOf(room: Room): readonly unknown[] {
    return [...partsOf(room), this.#usedAt.get(room.name)]
  }

  #failed(error: unknown, rooms: readonly RoomToKeep[]): void {
    for (const { record } of rooms) this.#written.delete(record.room)
    if (!(error instanceof Error) || error.name !== "QuotaExceededError") return
    // What has not been sent yet needs the room more than what the server has.
    this.stop()
    void this.#store.wipe().catch(() => {})
  }
}
