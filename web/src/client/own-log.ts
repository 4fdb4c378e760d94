/** The log of what happened to this user, kept as a room's: who let them in where. It is no room that anybody writes in. */
import type { Room } from "./room.ts"
import type { Entry, RoomName } from "./wire.ts"

export interface OwnLogPorts {
  room(name: RoomName): Room
  /** This user has been let in: the room is one of theirs. */
  invited(room: Room): void
  /** This user is in a room that is not listed here: it was entered on another connection. */
  elsewhere(room: Room): void
  read(room: Room, seq: number): void
}

/** So many entries that nobody has to look at may follow the mark before it is moved over them. */
const PASSED_AT_MOST = 50

export class OwnLog {
  /** Its name, or null until the server has said it. */
  name: RoomName | null = null
  readonly #ports: OwnLogPorts
  /** What was its newest when it was entered first over this connection: the list of rooms, which is asked for then, knows of that. */
  #since: number | null = null

  constructor(ports: OwnLogPorts) {
    this.#ports = ports
  }

  /** There is a connection, over which it is called so. */
  begin(name: RoomName): void {
    this.name = name
    this.#since = null
  }

  /** `log` has grown. What is told of direct messages, and was read where it was said, needs no eyes here: the mark goes over it, not each time. */
  passOver(log: Room): void {
    if (log.name !== this.name) return
    const upTo = log.saw([])
    if (upTo !== null && upTo - log.readSeq! >= PASSED_AT_MOST) this.#ports.read(log, upTo)
  }

  /** These came. */
  found(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if ((entry.kind !== "invited" && entry.kind !== "mention") || entry.room !== this.name) continue
      const log = this.#ports.room(entry.room)
      if (!log.joined || entry.seq <= (this.#since ??= log.enteredSeq)) continue
      const room = this.#ports.room(entry.about.room)
      if (room.joined) continue
      if (entry.kind === "mention") {
        if (room.summary === null) this.#ports.elsewhere(room)
        continue
      }
      room.invited(entry.from, entry.about.title ?? "")
      this.#ports.invited(room)
    }
  }
}
