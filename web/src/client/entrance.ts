/** Enters rooms, each once at a time: those of which something is known all at once by `resume`, the others a few side by side by `join`. */
import { ignoreLoss } from "./backfill.ts"
import { Refused, type Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import type { RoomLog } from "./room-log.ts"
import type { Entry, JoinedRoom, RoomName } from "./wire.ts"

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
/** Rooms of one `resume`; the next waits for its answer. An older server names the `ref` of a frame that it does not know only where that is short. */
const RESUMED_AT_ONCE = 100

/** What was known of a room when it was asked for: everything up to `after`, and that it reaches `seq`. */
interface Asked {
  room: Room
  log: RoomLog
  after: number | null
  seq: number
}

const about = (room: Room): Asked => ({ room, log: room.log, after: room.log.resumeAfter, seq: room.seq })

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

  /** Enters all of `rooms` that this connection has not joined. What `resume` is refused is joined: so each room has its own wait, and its reason. */
  async enterAll(rooms: Iterable<Room>): Promise<void> {
    const [known, unknown]: [Room[], Room[]] = [[], []]
    for (const room of rooms) if (!room.joined) (room.log.resumeAfter === null || this.isEntering(room) ? unknown : known).push(room)
    await Promise.all([this.#resumeAll(known), this.#joinAll(unknown)])
    await this.#joinAll(known)
  }

  async #joinAll(rooms: readonly Room[]): Promise<void> {
    const waiting = [...rooms]
    const enterNext = async (): Promise<void> => {
      for (let room = waiting.shift(); room; room = waiting.shift()) await this.enter(room)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, enterNext))
  }

  async #join(room: Room): Promise<void> {
    for (;;) {
      const asked = about(room)
      const joined = await this.#ports.requests.ask({ type: "join", room: room.name, ...(asked.after === null ? {} : { after: asked.after }) })
      if (this.#take(asked, joined)) return
    }
  }

  /** Ends early where the server does not know `resume`, or the connection is gone. */
  async #resumeAll(rooms: readonly Room[]): Promise<void> {
    for (let at = 0; at < rooms.length; at += RESUMED_AT_ONCE) {
      const asked = new Map(rooms.slice(at, at + RESUMED_AT_ONCE).map((room) => [room.name, about(room)]))
      const wanted = Array.from(asked, ([room, { after }]) => ({ room, after: after ?? 0 }))
      const resumed = this.#ports.requests.resume(wanted, (answer) => {
        if (!("error" in answer)) this.#take(asked.get(answer.room)!, answer)
      })
      let isOver = false
      const entering = resumed.catch((error: unknown) => {
        isOver = true
        if (!(error instanceof Refused)) ignoreLoss(error)
      })
      for (const name of asked.keys()) this.#under.set(name, entering)
      await entering
      for (const name of asked.keys()) this.#under.delete(name)
      if (isOver) return
    }
  }

  /** Whether that was an answer, and we are in; else the room is to be asked for anew. */
  #take({ room, log, after, seq }: Asked, joined: JoinedRoom): boolean {
    if (room.log !== log) return false // forgotten meanwhile: this answers what is not asked any more
    // A router answers from the room's row as it is after the question came, and the server had stored all that we knew when we asked: so
    // less than that is a store that went back. What arrived between question and answer may well be ahead of the answer.
    if (joined.seq < seq || log.contradicts(joined.messages)) {
      this.#ports.wentBack(room)
      return false
    }
    room.entered(joined, after)
    this.#ports.entered(room, joined.messages)
    return true
  }

  #failed(room: Room, error: unknown): void {
    if (error instanceof Refused) {
      room.refusal = { code: error.code, text: error.message }
      this.#ports.refused(room)
    } else ignoreLoss(error)
  }
}
