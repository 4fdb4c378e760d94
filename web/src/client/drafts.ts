/**
 * The half-written texts of a person, one for each room and each thread, the same in all of their pages. Of a thread it is kept under a name
 * that begins with its room's.
 */
import type { DraftStore } from "./draft-store.ts"
import { Emitter } from "./emitter.ts"
import type { RoomName } from "./wire.ts"

/** Under which name it is kept. No room's name has this sign. */
export const draftOf = (room: RoomName, thread: number | null): string => (thread === null ? room : `${room}#${thread}`)
const roomOf = (name: string): RoomName => name.split("#", 1)[0]!

export class Drafts {
  /** The text under this name came from the store, or from another page. */
  readonly changes = new Emitter<RoomName>()
  /** What was there before this page is here. */
  readonly loaded: Promise<void>
  readonly #store: DraftStore
  readonly #texts = new Map<RoomName, string>()
  /** Which texts are newer than what the store had. */
  readonly #newer = new Set<RoomName>()
  readonly #unwatch: () => void

  constructor(store: DraftStore) {
    this.#store = store
    this.#unwatch = store.watch((room, text) => this.#came(room, text))
    this.loaded = store.load().then((kept) => {
      for (const [room, text] of kept) if (!this.#newer.has(room)) this.#came(room, text)
    })
  }

  of(room: RoomName): string {
    return this.#texts.get(room) ?? ""
  }

  /** The rooms in which something is half written. */
  get rooms(): readonly RoomName[] {
    return [...new Set(Array.from(this.#texts.keys(), roomOf))]
  }

  get size(): number {
    return this.#texts.size
  }

  /** What is half written in the room and its threads. */
  within(room: RoomName): readonly string[] {
    return [...this.#texts].filter(([name]) => roomOf(name) === room).map(([, text]) => text)
  }

  /** Nothing is half written there any more. */
  forget(room: RoomName): void {
    for (const name of this.#texts.keys()) if (roomOf(name) === room) this.write(name, "")
  }

  write(room: RoomName, text: string): void {
    if (text === this.of(room)) return
    this.#take(room, text)
    this.#store.put(room, text)
  }

  stop(): void {
    this.#unwatch()
  }

  #came(room: RoomName, text: string): void {
    this.#take(room, text)
    this.changes.emit(room)
  }

  #take(room: RoomName, text: string): void {
    this.#newer.add(room)
    if (text === "") this.#texts.delete(room)
    else this.#texts.set(room, text)
  }
}
