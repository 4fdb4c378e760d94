/** How far this user has read each room: by what they have seen here, on their other devices, and as the server remembers it. */
import { ReadMarks } from "./read-marks.ts"
import type { Room } from "./room.ts"
import type { RoomName } from "./wire.ts"

export class Reading {
  readonly #marks: ReadMarks
  readonly #changed: (room: RoomName) => void
  /** Whether the server has listed this user's rooms on this connection: one that it did not list has no mark yet. */
  #listed = false

  /** `send` answers whether the mark went out. */
  constructor(send: (room: RoomName, seq: number) => boolean, changed: (room: RoomName) => void) {
    this.#marks = new ReadMarks(send)
    this.#changed = changed
  }

  /** These messages were in view. The mark moves over what was seen, and over one's own, up to the first that was not. */
  saw(room: Room, seqs: readonly number[]): void {
    const seq = room.saw(seqs)
    if (seq !== null) this.read(room, seq)
  }

  /** The user has read up to `seq`. Nothing before the server has told how far they had read: what is new would be lost to sight. */
  read(room: Room, seq: number): void {
    if (room.readSeq === null || seq <= room.readSeq) return
    room.readSeq = seq
    this.#marks.mark(room.name, seq)
    this.#changed(room.name)
  }

  /** Another device of this user has read up to `seq`. */
  elsewhere(room: Room, seq: number): void {
    room.readSeq = Math.max(room.readSeq ?? 0, seq)
    this.#changed(room.name)
  }

  /** The server remembers `seq`; what has been read here since is told again. */
  remembered(room: Room, seq: number): void {
    if (room.readSeq !== null && room.readSeq > seq) this.#marks.mark(room.name, room.readSeq)
  }

  /** The server has listed this user's rooms; `rooms`: all that are known here. */
  listed(rooms: Iterable<Room>): void {
    this.#listed = true
    for (const room of rooms) this.#begin(room)
  }

  entered(room: Room): void {
    this.#begin(room)
    this.#marks.flush()
  }

  /** What the server remembers of this room has to be asked for anew: until then nothing is known to be read. */
  forgotten(room: Room): void {
    this.#listed = false
    this.#marks.forget(room.name)
  }

  disconnected(): void {
    this.#listed = false
  }

  stop(): void {
    this.#marks.stop()
  }

  /** To somebody who has just come in, what was said before is not unread; who was let in has been in since then. */
  #begin(room: Room): void {
    if (!this.#listed || !room.joined || room.readSeq !== null || room.awaitsMark) return
    room.readSeq = room.enteredSeq
    this.#marks.mark(room.name, room.enteredSeq)
  }
}
