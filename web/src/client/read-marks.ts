/** Sends how far the user has read: of each room the furthest mark, gathered for a moment, kept while there is no connection. */
import type { RoomName } from "./wire.ts"

const GATHER_MS = 400

export class ReadMarks {
  readonly #send: (room: RoomName, seq: number) => boolean
  readonly #unsent = new Map<RoomName, number>()
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `send` answers whether the mark went out. */
  constructor(send: (room: RoomName, seq: number) => boolean) {
    this.#send = send
  }

  mark(room: RoomName, seq: number): void {
    this.#unsent.set(room, Math.max(seq, this.#unsent.get(room) ?? 0))
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS)
  }

  flush(): void {
    this.stop()
    for (const [room, seq] of this.#unsent) if (this.#send(room, seq)) this.#unsent.delete(room)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
