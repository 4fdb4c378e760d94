/**
 * What is known of one room's log: its messages as they are now, in the order of `seq`, without doubles, and which numbers are still missing.
 *
 * The log is wanted from `start` to `target` whole; `hole` names the lowest part of that which has not been seen. A page of history
 * covers the numbers it was asked for, even where it holds no message for one of them (it is a change's, or is not kept any more: what is
 * before `first`), so a hole is asked for once and never again.
 *
 * It holds a bounded number of messages, those around the reader. Where the reader stands far above the newest, the log ends at `end`, and
 * what follows is only counted until somebody reads on. What is changed of the messages that are held is wanted all the same, so which
 * entries have been seen is kept beside which numbers are known.
 */
import { ChangeLog } from "./change-log.ts"
import { HeldMessages } from "./held-messages.ts"
import { HeldThread } from "./held-thread.ts"
import type { Interval } from "./intervals.ts"
import { KnownNumbers } from "./known-numbers.ts"
import { RoomLines } from "./room-lines.ts"
import type { KeptLog } from "./room-record.ts"
import { type Change, changedBy, effectOf, type Entry, isMessage, isReply, isRoomChange, type Message, type MessageChange, type RoomChange } from "./wire.ts"

/** So many messages are held at most; past that so many are kept, so that not every arrival lets one go. */
export const HELD_AT_MOST = 2_000
export const KEPT = 1_200

const NO_MESSAGES: readonly Message[] = []
const NO_CHANGES: readonly Effect[] = []

type Effect = MessageChange | RoomChange

/** Who hears of what a log does not hold. */
export interface LogWatch {
  /** A message was changed, whether or not it is held; perhaps told more than once. */
  changed(change: Change): void
  /** The message follows the end of what is held. */
  passed(message: Message): void
}

const NOBODY: LogWatch = { changed: () => {}, passed: () => {} }

export class RoomLog {
  /** Where somebody reads: the messages around this number stay; null: at the newest. */
  reader: number | null = null
  readonly #held = new HeldMessages()
  readonly #changes = new ChangeLog()
  readonly #numbers = new KnownNumbers()
  readonly #lines = new RoomLines()
  /** The threads that somebody looks at, by the numbers of the messages under which they stand. */
  readonly #threads = new Map<number, HeldThread>()
  readonly #onRoomChange: (change: RoomChange) => void
  readonly #watch: LogWatch
  /** The newest message, where it is not held. */
  #newest: Message | null = null
  #passedOver = 0

  /** `onRoomChange` hears of each change of the room itself in order, once every entry before it is known; perhaps more than once. */
  constructor(onRoomChange: (change: RoomChange) => void = () => {}, watch = NOBODY) {
    this.#onRoomChange = onRoomChange
    this.#watch = watch
  }

  /** What was changed of the room itself, as far as that has come: it stands between the messages. */
  get lines(): readonly RoomChange[] {
    return this.#lines.all
  }

  /** Up to this number changes were passed over, whose effects messages hold by themselves: of the room itself nobody has told. */
  get passedOver(): number {
    return this.#passedOver
  }

  /** The messages that are held, oldest first. The array and the messages in it are replaced, never changed. */
  get messages(): readonly Message[] {
    return this.#held.all
  }

  /** How many messages are held. */
  get size(): number {
    return this.#held.size
  }

  /** The newest message that is known, whether or not it is held. */
  get newest(): Message | null {
    const held = this.#held.last
    return (this.#newest?.seq ?? 0) > (held?.seq ?? 0) ? this.#newest : held
  }

  /** The last number that is held where later ones were let go; null: all up to the newest are wanted. */
  get end(): number | null {
    return this.#numbers.end
  }

  /** The number before which nothing has been asked for yet, or null for a room of which nothing is known. */
  get start(): number | null {
    return this.#numbers.start
  }

  /** The newest number that is known to exist. */
  get target(): number {
    return this.#numbers.target
  }

  /** The number of the oldest entry that the server keeps. */
  get first(): number {
    return this.#numbers.first
  }

  get hasOlder(): boolean {
    return this.#numbers.hasOlder
  }

  /** The lowest numbers of which it is not known what stands there. */
  get hole(): Interval | null {
    return this.#numbers.hole
  }

  get missing(): number {
    return this.#numbers.missing
  }

  /** What is to be asked for next: the hole, or else entries that were not seen and may change what is held. */
  get gap(): Interval | null {
    return this.start === null ? null : (this.hole ?? this.#changes.hole(this.target))
  }

  /** How many numbers are to be asked for. Without end where more changes came meanwhile than may wait for that. */
  get behind(): number {
    if (this.start === null) return 0
    return this.#changes.isOverrun ? Infinity : Math.max(this.missing, this.#changes.missing(this.target))
  }

  /** The newest number up to which the log is whole: where a `join` resumes from. */
  get resumeAfter(): number | null {
    if (this.start === null) return null
    // Where the log ends before the newest, the messages between are asked for by who reads on.
    const known = this.end === null ? (this.hole?.from ?? this.target + 1) - 1 : this.target
    return Math.min(known, this.#changes.through)
  }

  /**
   * Whether another entry than one of these stands here under its number. A number is given once in the life of a store and its entry keeps
   * its `id`, author and time, whatever is changed of it, so this is a store that went back, in whatever order the two came.
   */
  contradicts(entries: readonly Entry[]): boolean {
    return entries.some((entry) => {
      const here = this.at(entry.seq) ?? (this.#newest?.seq === entry.seq ? this.#newest : this.#changes.at(entry.seq))
      return here !== null && (here.id !== entry.id || here.from.id !== entry.from.id || here.at !== entry.at)
    })
  }

  /** The server keeps nothing before `first` any more: what is held of it is let go, and none of it is missing. */
  begins(first: number): void {
    if (first <= this.first) return
    this.#numbers.begins(first)
    this.#lines.dropBelow(first)
    if (this.#newest !== null && this.#newest.seq < first) this.#newest = null
    this.#held.keep(this.#held.indexOf(first), this.size)
    if (this.start === null) return
    if (this.end !== null && this.end < first) this.toNewest()
    const { through } = this.#changes
    if (through >= first - 1) return
    this.#passedOver = first - 1
    this.#apply(this.#changes.saw(through + 1, first - 1))
  }

  /** Wants the log from after `seq` on, without the messages up to there: for a room that is followed but not looked at. */
  anchor(seq: number): void {
    if (this.start !== null) return
    this.#begin(seq + 1, seq)
    this.#numbers.expect(seq)
  }

  /** Wants the log from `seq` on, too: what lies between is missing. Nothing for a room of which nothing is known. */
  reach(seq: number): void {
    if (this.start !== null) this.#numbers.reach(Math.max(1, seq))
  }

  /** The room is known to reach `seq`: what lies between is missing. */
  expect(seq: number): void {
    if (this.start !== null) this.#numbers.expect(seq)
  }

  /** The room's newest message, with what was changed up to `asOf`. It need not be held. */
  listed(message: Message, asOf: number): void {
    if (message.seq < this.first) return
    const { newest } = this
    if (newest !== null && (message.seq < newest.seq || (message.seq === newest.seq && asOf <= this.asOf(newest)))) return
    if (this.#held.at(message.seq) !== null) return
    this.#newest = message
    this.#held.note(message, asOf)
    if (this.start !== null) this.#apply(this.#changes.lower(Math.max(asOf, message.seq)))
  }

  /** The number as of which a message of this log is known. */
  asOf(message: Message): number {
    return this.#held.asOf(message)
  }

  /** Goes on where it was kept; nothing where something is known already. */
  restore({ seq, start, first, hasOlder, messages, asOf, lines }: KeptLog): void {
    if (this.start !== null) return
    this.begins(first)
    this.#begin(start, seq)
    if (!hasOlder) this.#numbers.sawBeginning()
    messages.forEach((message, i) => this.#held.note(message, asOf[i]!))
    this.#held.add(messages)
    this.#numbers.cover(start, seq, messages)
    this.#lines.add(lines)
  }

  /** An entry that arrived by itself. False where it was here already. */
  receive(entry: Entry): boolean {
    const { seq } = entry
    this.#begin(seq, seq - 1)
    if (isRoomChange(entry)) this.#lines.add([entry])
    const isNew = this.end !== null && seq > this.end ? this.#passedBy(entry) : this.#next(entry)
    const effect = effectOf(entry)
    this.#apply(this.#changes.saw(seq, seq, effect ? [effect] : NO_CHANGES))
    return isNew
  }

  /** The answer to a `join` without `after`: the newest messages of a room whose newest number is `seq`, with what was changed up to `asOf`. */
  joinedFresh(entries: readonly Entry[], seq: number, more: boolean, asOf: number): void {
    // What follows both the messages and `asOf` is missing: more may have been said while the answer was made.
    const last = Math.min(seq, Math.max(asOf, entries.at(-1)?.seq ?? 0))
    const first = entries[0]?.seq ?? last + 1
    this.#begin(first, Math.min(Math.max(asOf, Math.min(first, last)), seq))
    this.#numbers.reach(first)
    if (!more) this.#numbers.sawBeginning()
    this.#insert(entries, first, last, asOf)
    this.#numbers.expect(seq)
  }

  /**
   * The answer to a question for what follows `after`, known to reach at least to `upTo`: a `join` with `after`, or a page of history. Its
   * messages hold what was changed up to `asOf`.
   */
  pageAfter(after: number, upTo: number, entries: readonly Entry[], more: boolean, asOf: number): void {
    this.#begin(after + 1, after)
    this.#numbers.reach(after + 1)
    const last = entries.at(-1)?.seq ?? after // a `resume` may list nothing at all where there is more
    const covered = more ? last : Math.max(upTo, last)
    this.#numbers.expect(Math.max(upTo, covered))
    if (after === this.end) this.#numbers.reachOn(covered < this.target ? covered : null)
    this.#insert(entries, after + 1, covered, asOf)
    this.#lines.add(entries.filter(isRoomChange))
    this.#apply(this.#changes.saw(after + 1, covered, entries.flatMap((entry) => effectOf(entry) ?? [])))
    this.#bound()
  }

  /** A page of history from before `before`, which lists messages alone. They hold what was changed up to `asOf`. */
  pageBefore(before: number, entries: readonly Entry[], more: boolean, asOf: number): void {
    const first = entries[0]?.seq ?? before
    this.#begin(first, before - 1)
    if (!more || entries.length === 0) this.#numbers.sawBeginning()
    this.#numbers.reach(first)
    this.#insert(entries, first, before - 1, asOf)
    this.#bound()
  }

  /**
   * The log that begins with these messages, the newest up to `upTo`, which hold what was changed up to `asOf`. Of what is here only what
   * follows them goes over into it: of the rest nobody knows what was changed meanwhile.
   */
  anew(upTo: number, entries: readonly Entry[], more: boolean, asOf: number): RoomLog {
    const log = new RoomLog(this.#onRoomChange, this.#watch)
    log.begins(this.first)
    log.#lines.add(this.lines)
    log.joinedFresh(entries, upTo, more, asOf)
    log.#adopt(this, upTo)
    log.expect(this.target)
    return log
  }

  /** Nobody reads here: keeps only the newest `count` messages; the others can be asked for again. */
  trim(count: number): void {
    this.reader = null
    if (this.end !== null) return this.toNewest()
    if (this.size > count && !this.hole) this.#keep(this.size - count, this.size)
  }

  /** Wants what comes from now on, without what is held, where that does not reach the newest. */
  toNewest(): void {
    if (this.end === null) return
    this.reader = null
    this.#numbers.restart()
    this.#held.keep(0, 0)
    if (this.#changes.through < this.target) this.#beginChanges(this.target)
  }

  /** Whether it is known what stands under this number: a message, or none. */
  isKnown(seq: number): boolean {
    return this.#numbers.isKnown(seq)
  }

  /** How many of the numbers [from, to] are not known. */
  unknown(from: number, to: number): number {
    return this.#numbers.unknown(from, to)
  }

  /** The message under this number, or null where none is here. */
  at(seq: number): Message | null {
    return this.#held.at(seq)
  }

  /** Holds the thread under the message `root`, too: what comes to it, and what is changed of its messages. Until that is let go, or this log is. */
  follow(root: number): HeldThread {
    const followed = this.#threads.get(root)
    if (followed) return followed
    const thread = new HeldThread(root, this.#held)
    this.#threads.set(root, thread)
    const message = this.at(root)
    const isWhole = message !== null && this.start! <= root && this.hole === null && this.end === null
    if (isWhole) thread.begin(message, this.messages.filter((each) => each.thread === root))
    return thread
  }

  unfollow(root: number): void {
    this.#threads.delete(root)
  }

  /** Whether the thread still gets what comes here. */
  holds(thread: HeldThread): boolean {
    return this.#threads.get(thread.root) === thread
  }

  /** Messages of a thread have come, which hold what was changed up to `asOf`: has `take` put them into it. */
  threadPage(thread: HeldThread, messages: readonly Message[], asOf: number, take: (messages: readonly Message[]) => void): void {
    if (!this.holds(thread)) return
    for (const message of messages) this.#held.note(message, asOf)
    take(messages)
    this.#apply(this.#changes.lower(Math.max(asOf, messages[0]?.seq ?? 0)))
  }

  /** Where nothing is known yet, the log begins at `start`, and nothing up to `through` can change what it will hold. */
  #begin(start: number, through: number): void {
    if (this.start !== null) return
    this.#numbers.reach(start)
    this.#beginChanges(through)
  }

  #beginChanges(through: number): void {
    this.#threads.clear()
    this.#changes.begin(through)
    this.#passedOver = through
  }

  /** What came of the room itself after `seq` is told again: up to there it was learnt in another way. */
  retell(seq: number): void {
    if (this.start !== null) this.#apply(this.#changes.lower(seq))
  }

  /** An entry within what is wanted. */
  #next(entry: Entry): boolean {
    const { seq } = entry
    const isNew = !this.#numbers.has(seq)
    if (isNew && seq < this.start!) return false // older than what is wanted; history brings it when it is asked for
    this.#numbers.cover(seq, seq, NO_MESSAGES)
    if (isNew && isMessage(entry)) {
      this.#held.add([entry])
      this.#toThread(entry)
      this.#apply(this.#changes.lower(seq)) // repeated by the server, it may come long after what was changed of it
      this.#bound()
    }
    return isNew
  }

  /** An entry beyond the end of what is held. */
  #passedBy(entry: Entry): boolean {
    const { seq } = entry
    const isNew = seq > this.target
    if (isMessage(entry)) {
      this.#numbers.expect(seq)
      if (isNew) this.#toThread(entry)
      this.#watch.passed(entry)
      if (seq > (this.newest?.seq ?? 0)) this.#newest = entry
    } else this.#numbers.cover(seq, seq, NO_MESSAGES)
    return isNew
  }

  /** A page that covers the numbers [from, to], and whose messages hold what was changed up to `asOf`. */
  #insert(entries: readonly Entry[], from: number, to: number, asOf: number): void {
    const end = this.end ?? Infinity
    const messages = entries.filter(isMessage).filter(({ seq }) => seq >= this.first)
    for (const message of messages) this.#held.note(message, asOf)
    for (const message of messages) if (message.seq > end) this.#watch.passed(message)
    const added = messages.filter(({ seq }) => seq <= end && !this.#numbers.has(seq))
    this.#held.add(added)
    for (const message of added) this.#toThread(message)
    this.#numbers.cover(from, to, messages)
    const newest = messages.at(-1)
    const isPassed = newest !== undefined && newest.seq > (this.newest?.seq ?? 0)
    if (isPassed) this.#newest = newest
    const oldest = added[0] ?? (isPassed ? newest : undefined)
    if (oldest !== undefined) this.#apply(this.#changes.lower(Math.max(asOf, oldest.seq)))
  }

  /** Takes over what `log` has after `seq`. */
  #adopt(log: RoomLog, seq: number): void {
    const messages = log.messages.slice(log.#held.indexOf(seq + 1))
    for (const message of messages) this.#held.note(message, log.#held.asOf(message))
    this.#held.add(messages)
    for (const { from, to } of log.#numbers.above(seq)) this.#numbers.cover(from, to, NO_MESSAGES)
    if (log.#newest !== null && log.#newest.seq > seq) this.listed(log.#newest, log.#held.asOf(log.#newest))
    this.#apply(this.#changes.adopt(log.#changes))
    this.#bound()
  }

  #apply(changes: readonly Effect[]): void {
    for (const change of changes) {
      if (isRoomChange(change)) {
        this.#onRoomChange(change)
        continue
      }
      if (!isMessage(change)) this.#watch.changed(change)
      if (this.#newest?.seq === changedBy(change)) this.#newest = this.#held.folded(this.#newest, change)
      this.#held.apply(change)
      for (const thread of this.#threads.values()) thread.apply(change)
    }
  }

  /** A message that was not here has come. */
  #toThread(message: Message): void {
    if (isReply(message)) this.#threads.get(message.thread)?.take(message)
  }

  /** Lets go what is furthest from the reader, where more is held than may be. */
  #bound(): void {
    const { size } = this
    if (size <= HELD_AT_MOST) return
    const wanted = this.reader === null ? size : this.#held.indexOf(this.reader) - KEPT / 2
    const from = Math.max(0, Math.min(wanted, size - KEPT))
    this.#keep(from, from + KEPT)
  }

  /** Keeps the messages from the index `from` to before `to`. */
  #keep(from: number, to: number): void {
    const held = this.messages
    if (to < held.length) {
      this.#newest = this.newest
      this.#numbers.dropAbove(held[to - 1]!.seq, held.slice(to))
      for (const message of held.slice(to)) this.#watch.passed(message)
    }
    if (from > 0) this.#numbers.dropBelow(held[from]!.seq)
    this.#held.keep(from, to)
  }
}
