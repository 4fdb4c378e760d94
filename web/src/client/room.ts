/** What the client knows of one room: its log, who is there, who types, how far this user has read. */
import { Intervals } from "./intervals.ts"
import { isDirect, isPrivate } from "./room-names.ts"
import { type LogWatch, RoomLog } from "./room-log.ts"
import { foldRoom, type Standing, standingOf } from "./standing.ts"
import { Tally, type Unread } from "./tally.ts"
import type { Entry, ErrorCode, Incoming, JoinedRoom, Level, Message, RoomChange, RoomName, RoomSummary, User } from "./wire.ts"

const NEWEST_PAGE = 50
const READ_BEFORE = 20

export interface Refusal {
  readonly code: ErrorCode
  readonly text: string
}

/** What messages are to this user. */
export interface Eyes {
  /** Whether an entry is this user's own. */
  isOwn(entry: Pick<Message, "from">): boolean
  /** Whether this user is among those whom a message mentions, by their ids. */
  mentions(ids: readonly string[]): boolean
  /** Whether it is an entry of this user's own log, and was read where it was said, or is this very sign-in. */
  isReadThere(message: Message): boolean
}

export class Room {
  readonly name: RoomName
  /** Of what this user is alerted. */
  level: Level = "all"
  /** How often the server has told the level by itself. */
  levelTold = 0
  #tally = this.#newTally()
  /** Replaced where the room starts anew: what was held of it is let go then. */
  log = this.#newLog()
  /** How it stands, or null until the server has let us in. */
  standing: Standing | null = null
  /** How many stores its numbers have been of: of another one they may name other messages. */
  stores = 1
  /** Whether all that is known of it was kept by an earlier page: the server has said nothing of it yet. */
  isFromDisk = false
  /** Whether this connection has joined the room. */
  joined = false
  /** Why the server does not let us in, or null. */
  refusal: Refusal | null = null
  /** How many are online; `online` names at most the first hundred of them. */
  members = 0
  readonly online = new Map<string, User>()
  readonly typing = new Map<string, User>()
  /** How far this user has read, or null where the server has not said yet. */
  readSeq: number | null = null
  /** What was the newest when we came in, over this connection. */
  enteredSeq = 0
  #summary: RoomSummary | null = null
  /** What has been in view, beyond `readSeq`. */
  #seen = new Intervals()
  /** The numbers of changes that took a role from a member, of those that came while it was known who is in the room. */
  readonly #demotions = new Set<number>()
  /** Who has invited this user here, and what they called it: until the server lists the room, nobody else knows how far it is read. */
  #invitation: { readonly by: User; readonly title: string } | null = null
  readonly #eyes: Eyes
  readonly #catchUp: number

  /** `catchUp`: how many missing messages are fetched by themselves. */
  constructor(name: RoomName, eyes: Eyes, catchUp: number) {
    this.name = name
    this.#eyes = eyes
    this.#catchUp = catchUp
  }

  get isPrivate(): boolean {
    return isPrivate(this.name)
  }

  get isDirect(): boolean {
    return isDirect(this.name)
  }

  /** What it is called for people; empty where it has no other name than its own. */
  get title(): string {
    return this.standing?.title ?? this.#summary?.title ?? this.#invitation?.title ?? ""
  }

  get isArchived(): boolean {
    return this.standing?.archived ?? this.#summary?.archived ?? false
  }

  /** As the server has listed it last; null until it has. */
  get summary(): RoomSummary | null {
    return this.#summary
  }

  /** With whom this user is in a direct room. */
  get others(): readonly User[] {
    const { people } = this.standing ?? {}
    if (people) return [...people.values()].filter((from) => !this.#isOwn({ from }))
    return this.#summary?.with ?? (this.#invitation ? [this.#invitation.by] : [])
  }

  /** Whether how it stands has to be told anew: what was changed of it was passed over. */
  get isStandingStale(): boolean {
    return this.joined && this.standing !== null && this.standing.asOf < this.log.passedOver
  }

  /** Whether `change` took a role from a member, and did not let somebody in: it says the same. */
  isDemotion(change: RoomChange): boolean {
    if (change.kind !== "member" || change.role !== "member") return false
    if (this.#demotions.has(change.seq)) return true
    const before = this.log.lines.findLast((line) => line.seq < change.seq && line.kind === "member" && line.user.id === change.user.id)
    return before?.kind === "member" && before.role !== undefined
  }

  /** Whether the list of rooms, which is asked for, will say how far it is read. */
  get awaitsMark(): boolean {
    return this.#invitation !== null && this.#summary === null
  }

  /** Somebody has let this user in. */
  invited(by: User, title: string): void {
    this.#invitation = { by, title }
  }

  /** Whether the log holds a message of this user's own with this `id`. */
  hasOwn(id: string): boolean {
    return this.log.messages.some((message) => message.id === id && this.#isOwn(message))
  }

  /** Whether more is missing than is fetched by itself. */
  get isFarBehind(): boolean {
    return this.log.behind > this.#catchUp
  }

  /** With how many messages the room starts anew. */
  get newestPage(): number {
    return Math.max(1, Math.min(NEWEST_PAGE, this.#catchUp))
  }

  /** The number of the newest entry, whether or not it is here. */
  get seq(): number {
    return Math.max(this.#summary?.seq ?? 0, this.log.target)
  }

  /** The newest message that is known, as it is now, for a list of rooms. A change to an older one does not move it. */
  get last(): Message | null {
    return this.log.newest
  }

  /** When the newest message was written, milliseconds since 1970, or null where there is none. */
  get lastAt(): number | null {
    const at = this.last === null ? null : Date.parse(this.last.at)
    const listed = this.#summary?.last_at === undefined ? null : Date.parse(this.#summary.last_at)
    return listed === null || (at !== null && at > listed) ? at : listed
  }

  /** How many messages of others follow the mark, and how many of them mention this user. What was deleted does not count. */
  get unreadCount(): Unread {
    return this.#tally.count(this.log, this.readSeq, this.seq)
  }

  get unread(): number {
    return this.unreadCount.messages
  }

  /** Whether that is right; else the server has to count. */
  get isUnreadCounted(): boolean {
    return !this.joined || this.#tally.isRight(this.log, this.readSeq, this.seq)
  }

  /** Whether the message is still to be read. */
  isUnread(message: Message): boolean {
    return this.readSeq !== null && message.seq > this.readSeq && !this.#isRead(message)
  }

  /** The first number after the mark that is, or may be, another's message; null where all is read. */
  get firstUnread(): number | null {
    if (this.readSeq === null) return null
    for (let seq = Math.max(this.readSeq + 1, this.log.first); seq <= this.seq; seq++) if (!this.#needsNoEyes(seq)) return seq
    return null
  }

  /** These numbers were in view: answers how far everything is read now, or null where that is not known. */
  saw(seqs: readonly number[]): number | null {
    if (this.readSeq === null) return null
    let seq = this.readSeq
    for (const each of seqs) if (each > seq) this.#seen.add(each, each)
    while (seq < this.seq && (this.#seen.has(seq + 1) || this.#needsNoEyes(seq + 1))) seq += 1
    this.#seen.dropBelow(seq + 1)
    return seq
  }

  // No message (a change, or not kept any more), or one of which nothing is left, or one's own.
  #needsNoEyes(seq: number): boolean {
    const message = this.log.at(seq)
    return message === null ? this.log.isKnown(seq) : this.#isRead(message)
  }

  #isRead(message: Message): boolean {
    // A sign-in is one's own, and is for one's eyes all the same: it may have been somebody else.
    return message.kind === "deleted" || (this.#isOwn(message) && message.kind !== "signed_in") || this.#eyes.isReadThere(message)
  }

  #isOwn(entry: Pick<Message, "from">): boolean {
    return this.#eyes.isOwn(entry)
  }

  /** Wants what is unread, and a little before it; not where that is more than is fetched by itself. False: not known yet. */
  reachUnread(): boolean {
    if (!this.joined || this.readSeq === null) return false
    const from = this.readSeq + 1 - READ_BEFORE
    if (this.unread > 0 && this.seq - from < this.#catchUp) this.log.reach(from)
    return true
  }

  summarised(summary: RoomSummary): void {
    this.#summary = summary
    this.#tally.listed(summary)
    if (summary.last) this.log.listed(summary.last, summary.seq)
    this.readSeq = Math.max(this.readSeq ?? 0, summary.read_seq)
    if (!this.joined) this.members = summary.members
  }

  /** The server says of what this user is alerted. */
  alertsOf(level: Level): void {
    this.level = level
    this.levelTold += 1
  }

  /** Takes the answer to a `join` or `resume` that asked for what follows `after`, or for the newest messages where that is null. */
  entered(joined: JoinedRoom, after: number | null): void {
    const { seq, as_of = seq, members, online, messages, more } = joined
    this.joined = true
    this.isFromDisk = false
    this.enteredSeq = seq
    this.refusal = null
    this.members = members
    this.#nowOnline(online)
    // What came by itself meanwhile may be ahead of the answer.
    if (this.standing === null || this.standing.asOf <= seq) this.standing = standingOf(joined)
    this.log.begins(joined.first ?? 1)
    if (after === null) this.log.joinedFresh(messages, seq, more, as_of)
    else {
      this.log.expect(seq)
      // Where it is far behind they are the oldest of what was missed, and it starts anew at the newest.
      if (!this.isFarBehind) this.log.pageAfter(after, seq, messages, more, as_of)
    }
    this.log.retell(seq)
  }

  /** Takes the newest messages up to `upTo`, with what was changed up to `asOf`. What is held goes, also where they follow it: see `RoomLog.anew`. */
  startAnew(upTo: number, messages: readonly Entry[], more: boolean, asOf: number): void {
    this.log = this.log.anew(upTo, messages, more, asOf)
  }

  /** Takes who has come or gone; or all who are there now, in place of what was known. */
  present({ user, online, members, present }: Incoming<"presence">): void {
    this.members = members
    if (present !== undefined) this.#nowOnline(present)
    if (user === undefined) return
    if (online) this.online.set(user.id, user)
    else {
      this.online.delete(user.id)
      this.typing.delete(user.id)
    }
  }

  #nowOnline(users: readonly User[]): void {
    this.online.clear()
    for (const user of users) this.online.set(user.id, user)
  }

  disconnected(): void {
    this.joined = false
    this.typing.clear()
  }

  /** Forgets all that came from a message store which is no more. */
  forget(): void {
    this.stores += 1
    this.isFromDisk = false
    this.log = this.#newLog()
    this.standing = null
    this.#demotions.clear()
    this.joined = false
    this.readSeq = null
    this.#summary = null
    this.#tally = this.#newTally()
    this.#seen = new Intervals()
  }

  #newTally(): Tally {
    return new Tally({
      isRead: (message) => this.#isRead(message),
      mentions: ({ mentions = [] }) => this.#eyes.mentions(mentions),
      isOwn: (entry) => this.#isOwn(entry),
    })
  }

  #newLog(): RoomLog {
    const watch: LogWatch = { changed: (change) => this.#tally.changed(change), passed: (message) => this.#tally.passed(message) }
    return new RoomLog((change) => {
      if (this.standing === null || change.seq <= this.standing.asOf) return
      if (change.kind === "member" && change.role === "member" && this.standing.people?.has(change.user.id)) this.#demotions.add(change.seq)
      this.standing = foldRoom(this.standing, change, (user) => this.#isOwn({ from: user }))
    }, watch)
  }
}
