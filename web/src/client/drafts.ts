/** The half-written texts of a person, one for each room, the same in all of their pages. */
import type { DraftStore } from "./draft-store.ts"
import { Emitter } from "./emitter.ts"
import type { RoomName } from "./wire.ts"

export class Drafts {
  /** The text of this room came from the store, or from another page. */
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
    return [...this.#texts.keys()]
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
