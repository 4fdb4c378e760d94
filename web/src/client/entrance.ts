/** Enters rooms, each once at a time: what was asked for by name first, then the others, a few side by side. */
import { ignoreLoss } from "./backfill.ts"
import { Refused, type Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import type { Entry, RoomName } from "./wire.ts"

export interface EntrancePorts {
  requests: Requests
  /** Whether there is a connection to enter by. */
  isOpen(): boolean
  /** The room is joined; `entries` came with the answer. */
  entered(room: Room, entries: readonly Entry[]): void
  /** The server has less of the room than it had: what is known here is to be forgotten. */
  wentBack(room: Room): void
  /** The server does not let us in: `room.refusal` says why. */
  refused(room: Room): void
}

const AT_ONCE = 8

export class Entrance {
  readonly #ports: EntrancePorts
  readonly #under = new Map<RoomName, Promise<void>>()

  constructor(ports: EntrancePorts) {
    this.#ports = ports
  }

  isEntering(room: Room): boolean {
    return this.#under.has(room.name)
  }

  /** Resolves when the room is entered, refused, or cannot be entered over this connection any more. */
  enter(room: Room): Promise<void> {
    const under = this.#under.get(room.name)
    if (under) return under
    if (room.joined || !this.#ports.isOpen()) return Promise.resolve()
    const join = this.#join(room)
      .catch((error: unknown) => this.#failed(room, error))
      .finally(() => this.#under.delete(room.name))
    this.#under.set(room.name, join)
    return join
  }

  /** Enters all of `rooms` that this connection has not joined and that have not refused us. */
  async enterAll(rooms: Iterable<Room>): Promise<void> {
    const waiting = [...rooms].filter(({ joined, refusal }) => !joined && refusal === null)
    const enterNext = async (): Promise<void> => {
      for (let room = waiting.shift(); room; room = waiting.shift()) await this.enter(room)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, enterNext))
  }

  async #join(room: Room): Promise<void> {
    for (;;) {
      const { log, seq } = room
      const after = log.resumeAfter
      const joined = await this.#ports.requests.ask({ type: "join", room: room.name, ...(after === null ? {} : { after }) })
      if (room.log !== log) continue // forgotten meanwhile: this answers what is not asked any more
      // A router answers from the room's row as it is after the question came, and the server had stored all that we knew when we asked: so
      // less than that is a store that went back. What arrived between question and answer may well be ahead of the answer.
      if (joined.seq < seq || log.contradicts(joined.messages)) {
        this.#ports.wentBack(room)
        continue
      }
      room.entered(joined, after)
      return this.#ports.entered(room, joined.messages)
    }
  }

  #failed(room: Room, error: unknown): void {
    if (error instanceof Refused) {
      room.refusal = { code: error.code, text: error.message }
      this.#ports.refused(room)
    } else ignoreLoss(error)
  }
}
