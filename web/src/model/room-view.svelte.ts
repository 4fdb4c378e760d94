/** One room as the page sees it. */
import type { Message, OutboxEntry, Refusal, Room, User } from "../client/index.ts"

export class RoomView {
  readonly name: string
  readonly room: Room
  readonly createdAt = Date.now()
  messages = $state.raw<readonly Message[]>([])
  pending = $state.raw<readonly OutboxEntry[]>([])
  online = $state.raw<readonly User[]>([])
  typing = $state.raw<readonly User[]>([])
  last = $state.raw<Message | null>(null)
  refusal = $state.raw<Refusal | null>(null)
  joined = $state(false)
  members = $state(0)
  unread = $state(0)
  /** How far the user has read, or null while that is not known. */
  readSeq = $state<number | null>(null)
  missing = $state(0)
  hasOlder = $state(false)
  loadingOlder = $state(false)
  /** Where the line "new" stands: the first number that was unread when the room was opened, or when the reader looked away. */
  firstNew = $state<number | null>(null)
  /** Whether the first new message is still on its way here. */
  firstNewComes = $state(false)
  draft = $state("")
  #marksNew = false

  constructor(room: Room) {
    this.room = room
    this.name = room.name
  }

  get activeAt(): number {
    return this.last ? Date.parse(this.last.at) : this.createdAt
  }

  /** The reader turns to the room: what is unread now stays marked as new until they turn to it again. */
  opened(): void {
    this.#marksNew = true
    this.firstNew = null
    this.#markNew()
  }

  /** Takes over the room's state. Fields that did not change do not cause a drawing. */
  draw(pending: readonly OutboxEntry[], loadingOlder: boolean): void {
    const { room } = this
    this.messages = room.log.messages
    if (pending.length > 0 || this.pending.length > 0) this.pending = pending
    this.online = sameUsers(this.online, room.online) ? this.online : [...room.online.values()]
    this.typing = sameUsers(this.typing, room.typing) ? this.typing : [...room.typing.values()]
    this.last = room.last
    this.refusal = room.refusal
    this.joined = room.joined
    this.members = room.members
    this.unread = room.unread
    this.readSeq = room.readSeq
    this.missing = room.joined ? room.log.missing : 0
    this.hasOlder = room.log.hasOlder
    this.loadingOlder = loadingOlder
    this.#markNew()
  }

  // The server's read mark may come after the room was opened.
  #markNew(): void {
    const { readSeq, unread, log } = this.room
    if (this.#marksNew && readSeq !== null) {
      if (unread > 0 && this.firstNew === null) this.firstNew = readSeq + 1
      this.#marksNew = false
    }
    this.firstNewComes = this.firstNew !== null && log.hole !== null && log.hole.from <= this.firstNew
  }

  /** The reader looks away, or back: what comes while nobody looks is new. */
  looksAway(): void {
    if (this.unread === 0) {
      this.firstNew = null
      this.#marksNew = false
    }
  }

  /** The first message that came while nobody looked. */
  missed(seq: number): void {
    this.firstNew ??= seq
  }
}

const sameUsers = (shown: readonly User[], now: ReadonlyMap<string, User>): boolean =>
  shown.length === now.size && shown.every((user) => now.get(user.id) === user)
