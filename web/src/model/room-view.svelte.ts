/** One room as the page sees it. */
import type { Message, OutboxEntry, Refusal, Room, RoomLog, User } from "../client/index.ts"

export class RoomView {
  readonly name: string
  readonly room: Room
  readonly createdAt = Date.now()
  messages = $state.raw<readonly Message[]>([])
  pending = $state.raw<readonly OutboxEntry[]>([])
  online = $state.raw<readonly User[]>([])
  typing = $state.raw<readonly User[]>([])
  last = $state.raw<Message | null>(null)
  /** When the newest message was written, whether or not it is here. */
  lastAt = $state<number | null>(null)
  refusal = $state.raw<Refusal | null>(null)
  joined = $state(false)
  members = $state(0)
  unread = $state(0)
  /** How far the user has read, or null while that is not known. */
  readSeq = $state<number | null>(null)
  missing = $state(0)
  hasOlder = $state(false)
  /** Whether later messages than those that are here were let go, since the reader stands far above them. */
  hasNewer = $state(false)
  loadingOlder = $state(false)
  /** Where the line "new" stands: the first number that was unread when the room was opened, or that came and was not seen. */
  firstNew = $state<number | null>(null)
  /** Whether the first new message is still on its way here. */
  firstNewComes = $state(false)
  /** Counts how often the room began anew: what was shown of it is gone then. */
  life = $state(0)
  #draft = $state("")
  readonly #wrote: (text: string) => void
  #log: RoomLog
  #marksNew = false
  #allSeen = true

  /** `draft`: what was half written here. `wrote` is told of each change of it. */
  constructor(room: Room, draft: string, wrote: (text: string) => void) {
    this.room = room
    this.#draft = draft
    this.#wrote = wrote
    this.#log = room.log
    this.name = room.name
  }

  /** What is being written and not sent yet. */
  get draft(): string {
    return this.#draft
  }

  set draft(text: string) {
    this.#draft = text
    this.#wrote(text)
  }

  /** It was written on another page. */
  drafted(text: string): void {
    this.#draft = text
  }

  get activeAt(): number {
    return this.lastAt ?? this.createdAt
  }

  /** The reader turns to the room: what is unread now stays marked as new until they turn to it again. */
  opened(): void {
    this.#marksNew = true
    this.#allSeen = true
    this.firstNew = null
    this.#markNew()
  }

  /** Takes over the room's state. Fields that did not change do not cause a drawing. */
  draw(pending: readonly OutboxEntry[], loadingOlder: boolean): void {
    const { room } = this
    if (this.#log !== room.log) {
      this.#log = room.log
      this.life += 1
      this.opened()
    }
    this.messages = room.log.messages
    if (pending.length > 0 || this.pending.length > 0) this.pending = pending
    this.online = sameUsers(this.online, room.online) ? this.online : [...room.online.values()]
    this.typing = sameUsers(this.typing, room.typing) ? this.typing : [...room.typing.values()]
    this.last = room.last
    this.lastAt = room.lastAt
    this.refusal = room.refusal
    this.joined = room.joined
    this.members = room.members
    this.unread = room.unread
    this.readSeq = room.readSeq
    this.missing = room.joined ? room.log.missing : 0
    this.hasOlder = room.log.hasOlder
    this.hasNewer = room.log.end !== null
    this.loadingOlder = loadingOlder
    this.#markNew()
  }

  /** The message below the line, or null where that is not here: it is the first of others'. */
  firstNewMessage(me: User): Message | null {
    const { firstNew, messages } = this
    if (firstNew === null || messages.length === 0 || messages[0]!.seq > firstNew) return null
    return messages.find(({ seq, from }) => seq >= firstNew && from.id !== me.id) ?? null
  }

  /** What is in view was marked as read just now. What is not seen although it is here stands below the line from now on. */
  looked(): void {
    const { firstUnread } = this.room
    if (firstUnread !== null && this.#allSeen) this.firstNew = firstUnread
    this.#allSeen = firstUnread === null
  }

  /** The reader looks away: the line has done its work where all is read, and what comes from now on is new. */
  looksAway(): void {
    if (this.room.unread > 0) return
    this.firstNew = null
    this.#marksNew = false
    this.#allSeen = true
  }

  // The server's read mark may come after the room was opened.
  #markNew(): void {
    const { readSeq, log } = this.room
    if (this.#marksNew && readSeq !== null) {
      this.#marksNew = false
      this.looked()
    }
    this.firstNewComes = this.firstNew !== null && log.hole !== null && log.hole.from <= this.firstNew
  }
}

const sameUsers = (shown: readonly User[], now: ReadonlyMap<string, User>): boolean =>
  shown.length === now.size && shown.every((user) => now.get(user.id) === user)
