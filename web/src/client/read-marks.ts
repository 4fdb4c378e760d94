/** Sends how far the user has read: of each room the furthest mark, gathered for a moment, kept while there is no connection. */
import { after } from "./timers.ts"
import type { RoomName } from "./wire.ts"

const GATHER_MS = 400

export class ReadMarks {
  readonly #send: (room: RoomName, seq: number) => boolean
  readonly #unsent = new Map<RoomName, number>()
  #cancel: (() => void) | null = null

  /** `send` answers whether the mark went out. */
  constructor(send: (room: RoomName, seq: number) => boolean) {
    this.#send = send
  }

  mark(room: RoomName, seq: number): void {
    this.#unsent.set(room, Math.max(seq, this.#unsent.get(room) ?? 0))
    this.#cancel ??= after(GATHER_MS, () => this.flush())
  }

  /** Does not send what was marked in `room`. */
  forget(room: RoomName): void {
    this.#unsent.delete(room)
  }

  flush(): void {
    this.stop()
    for (const [room, seq] of this.#unsent) if (this.#send(room, seq)) this.#unsent.delete(room)
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }
}
