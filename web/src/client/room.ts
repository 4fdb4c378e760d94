/** What the client knows of one room: its log, who is there, who types, how far this user has read. */
import { RoomLog } from "./room-log.ts"
import type { ErrorCode, Incoming, Message, RoomName, RoomSummary, User } from "./wire.ts"

const UNREAD_AT_MOST = 1_000
const READ_BEFORE = 20

export interface Refusal {
  readonly code: ErrorCode
  readonly text: string
}

export class Room {
  readonly name: RoomName
  log = new RoomLog()
  /** Whether this connection sits in the room. */
  joined = false
  /** Why the server does not let us in, or null. */
  refusal: Refusal | null = null
  /** How many are online; `online` names at most the first hundred of them. */
  members = 0
  readonly online = new Map<string, User>()
  readonly typing = new Map<string, User>()
  /** How far this user has read, or null where the server has not said yet. */
  readSeq: number | null = null
  #summarySeq = 0
  #summaryLast: Message | null = null

  constructor(name: RoomName) {
    this.name = name
  }

  /** The number of the newest message, whether or not it is here. */
  get seq(): number {
    return Math.max(this.#summarySeq, this.log.target)
  }

  /** The newest message that is known, for a list of rooms. */
  get last(): Message | null {
    const newest = this.log.messages.at(-1) ?? null
    return (newest?.seq ?? 0) >= (this.#summaryLast?.seq ?? 0) ? newest : this.#summaryLast
  }

  get unread(): number {
    return this.readSeq === null ? 0 : Math.max(0, this.seq - this.readSeq)
  }

  /** Wants what is unread, and a little before it; not where that is more than anybody waits for. False: not known yet. */
  reachUnread(): boolean {
    if (!this.joined || this.readSeq === null) return false
    if (this.unread > 0 && this.unread <= UNREAD_AT_MOST) this.log.reach(this.readSeq + 1 - READ_BEFORE)
    return true
  }

  summarised({ seq, read_seq, members, last }: RoomSummary): void {
    this.#summarySeq = seq
    this.#summaryLast = last ?? null
    this.readSeq = Math.max(this.readSeq ?? 0, read_seq)
    if (!this.joined) this.members = members
  }

  /** Takes the answer to a `join` that asked for what follows `after`, or for the newest messages where that is null. */
  entered({ seq, members, online, messages, more }: Incoming<"joined">, after: number | null): void {
    this.joined = true
    this.refusal = null
    this.members = members
    this.online.clear()
    for (const user of online) this.online.set(user.id, user)
    if (after === null) this.log.joinedFresh(messages, seq, more)
    else this.log.pageAfter(after, seq, messages, more)
  }

  present({ user, online, members }: Incoming<"presence">): void {
    this.members = members
    if (user === undefined) return
    if (online) this.online.set(user.id, user)
    else {
      this.online.delete(user.id)
      this.typing.delete(user.id)
    }
  }

  disconnected(): void {
    this.joined = false
    this.typing.clear()
  }

  /** Forgets all that came from a message store which is no more. */
  forget(): void {
    this.log = new RoomLog()
    this.joined = false
    this.readSeq = null
    this.#summarySeq = 0
    this.#summaryLast = null
  }
}
