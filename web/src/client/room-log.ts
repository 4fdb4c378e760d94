/**
 * What is known of one room's log: its messages in the order of `seq`, without doubles, and which numbers are still missing.
 *
 * The log is wanted from `start` to `target` whole; `hole` names the lowest part of that which has not been seen. A page of history
 * covers the numbers it was asked for, even where it holds no message for one of them (a deployment may keep messages for a limited time),
 * so a hole is asked for once and never again.
 *
 * It holds a bounded number of messages, those around the reader. Where the reader stands far above the newest, the log ends at `end`, and
 * what follows is only counted until somebody reads on.
 */
import { type Interval, Intervals } from "./intervals.ts"
import type { Message } from "./wire.ts"

/** So many messages are held at most; past that so many are kept, so that not every arrival lets one go. */
export const HELD_AT_MOST = 2_000
export const KEPT = 1_200

export class RoomLog {
  /** Where somebody reads: the messages around this number stay; null: at the newest. */
  reader: number | null = null
  #messages: Message[] = []
  #copy: readonly Message[] | null = null
  #known = new Intervals()
  #start: number | null = null
  #end: number | null = null
  #target = 0
  #newest: Message | null = null
  #beginningSeen = false

  /** The messages that are held, oldest first. The array is replaced, never changed: a copy, made when it is asked for and not at each arrival. */
  get messages(): readonly Message[] {
    return (this.#copy ??= this.#messages.slice())
  }

  /** How many messages are held. */
  get size(): number {
    return this.#messages.length
  }

  /** The newest message that has come, whether or not it is held. */
  get newest(): Message | null {
    const held = this.#messages.at(-1) ?? null
    return (this.#newest?.seq ?? 0) > (held?.seq ?? 0) ? this.#newest : held
  }

  /** The last number that is held where later ones were let go; null: all up to the newest are wanted. */
  get end(): number | null {
    return this.#end
  }

  /** The number before which nothing has been asked for yet, or null for a room of which nothing is known. */
  get start(): number | null {
    return this.#start
  }

  /** The newest number that is known to exist. */
  get target(): number {
    return this.#target
  }

  get hasOlder(): boolean {
    return this.#start !== null && this.#start > 1 && !this.#beginningSeen
  }

  get hole(): Interval | null {
    return this.#start === null ? null : this.#known.firstHole(this.#start, this.#upTo)
  }

  get missing(): number {
    return this.#start === null ? 0 : this.#known.missing(this.#start, this.#upTo)
  }

  /** The newest number up to which the log is whole: where a `join` resumes from. */
  get resumeAfter(): number | null {
    if (this.#start === null) return null
    if (this.#end !== null) return this.#target // what lies between is asked for by who reads on
    return (this.hole?.from ?? this.#target + 1) - 1
  }

  /**
   * Whether another message than one of these stands here under its number. A number is given once in the life of a store and its message
   * keeps its `id`, author and time, so this is a store that went back, in whatever order the two came.
   */
  contradicts(messages: readonly Message[]): boolean {
    return messages.some((message) => {
      const held = this.at(message.seq)
      return held !== null && (held.id !== message.id || held.from.id !== message.from.id || held.at !== message.at)
    })
  }

  /** Wants the log from after `seq` on, without the messages up to there: for a room that is followed but not looked at. */
  anchor(seq: number): void {
    if (this.#start !== null) return
    this.#start = seq + 1
    this.#target = Math.max(this.#target, seq)
  }

  /** Wants the log from `seq` on, too: what lies between is missing. Nothing for a room of which nothing is known. */
  reach(seq: number): void {
    if (this.#start !== null) this.#start = Math.max(1, Math.min(this.#start, seq))
  }

  /** The room is known to reach `seq`: what lies between is missing. */
  expect(seq: number): void {
    if (this.#start !== null) this.#target = Math.max(this.#target, seq)
  }

  /** A message that arrived by itself. False where it was here already. */
  receive(message: Message): boolean {
    if (message.seq > this.#upTo && this.#end !== null) return this.#passedBy(message)
    const isNew = !this.#known.has(message.seq)
    this.#start ??= message.seq
    if (isNew && message.seq < this.#start) return false // older than what is wanted; history brings it when it is asked for
    this.#insert([message])
    this.#cover(message.seq, message.seq)
    this.#bound()
    return isNew
  }

  /** The answer to a `join` without `after`: the newest messages of a room whose newest number is `seq`. */
  joinedFresh(messages: readonly Message[], seq: number, more: boolean): void {
    const first = messages[0]?.seq ?? seq + 1
    this.#start = Math.min(this.#start ?? first, first)
    if (!more) this.#beginningSeen = true
    this.#insert(messages)
    this.#cover(first, seq)
  }

  /** The answer to a question for what follows `after`, known to reach at least to `upTo`: a `join` with `after`, or a page of history. */
  pageAfter(after: number, upTo: number, messages: readonly Message[], more: boolean): void {
    this.#start = Math.min(this.#start ?? after + 1, after + 1)
    const last = messages.at(-1)?.seq
    const covered = more && last !== undefined ? last : Math.max(upTo, last ?? 0)
    this.#target = Math.max(this.#target, upTo, covered)
    if (after === this.#end) this.#end = covered < this.#target ? covered : null
    this.#insert(messages)
    this.#cover(after + 1, covered)
    this.#bound()
  }

  /** A page of history from before `before`. */
  pageBefore(before: number, messages: readonly Message[], more: boolean): void {
    const first = messages[0]?.seq ?? before
    if (!more || messages.length === 0) this.#beginningSeen = true
    this.#start = Math.min(this.#start ?? first, first)
    this.#insert(messages)
    this.#cover(first, before - 1)
    this.#bound()
  }

  /** The log that begins with these messages, the newest up to `upTo`. What follows them here goes over into it. */
  anew(upTo: number, messages: readonly Message[], more: boolean): RoomLog {
    const log = new RoomLog()
    log.joinedFresh(messages, upTo, more)
    for (const message of this.#messages) if (message.seq > upTo) log.receive(message)
    log.expect(this.#target)
    return log
  }

  /** Nobody reads here: keeps only the newest `count` messages; the others can be asked for again. */
  trim(count: number): void {
    this.reader = null
    if (this.#end !== null) return this.toNewest()
    if (this.size > count && !this.hole) this.#keep(this.size - count, this.size)
  }

  /** Wants what comes from now on, without what is held, where that does not reach the newest. */
  toNewest(): void {
    if (this.#end === null) return
    this.reader = this.#end = null
    this.#start = this.#target + 1
    this.#known = new Intervals()
    this.#beginningSeen = false
    this.#replace([])
  }

  /** Whether it is known what stands under this number: a message, or none any more. */
  isKnown(seq: number): boolean {
    return this.#known.has(seq)
  }

  /** How many of the numbers [from, to] are not known. */
  unknown(from: number, to: number): number {
    return this.#known.missing(from, to)
  }

  /** The message under this number, or null where none is here. */
  at(seq: number): Message | null {
    const messages = this.#messages
    if (seq > (messages.at(-1)?.seq ?? 0)) return null // the common case: the next message
    const message = messages[indexOf(messages, seq)]
    return message?.seq === seq ? message : null
  }

  /** The last number that is wanted. */
  get #upTo(): number {
    return this.#end ?? this.#target
  }

  /** A message beyond the end of what is held. */
  #passedBy(message: Message): boolean {
    const isNew = message.seq > this.#target
    if (isNew) this.#newest = message
    this.#target = Math.max(this.#target, message.seq)
    return isNew
  }

  #cover(from: number, to: number): void {
    this.#target = Math.max(this.#target, to)
    this.#known.add(from, Math.min(to, this.#upTo))
  }

  #insert(messages: readonly Message[]): void {
    const end = this.#end ?? Infinity
    const added = messages.filter(({ seq }) => seq <= end && !this.#known.has(seq))
    if (added.length === 0) return
    const last = this.#messages.at(-1)?.seq ?? 0
    const appends = added.every((message, i) => message.seq > (added[i - 1]?.seq ?? last))
    this.#messages.push(...added)
    if (!appends) this.#messages = withoutDoubles(this.#messages.sort((a, b) => a.seq - b.seq))
    this.#copy = null
  }

  /** Lets go what is furthest from the reader, where more is held than may be. */
  #bound(): void {
    const { size } = this
    if (size <= HELD_AT_MOST) return
    const wanted = this.reader === null ? size : indexOf(this.#messages, this.reader) - KEPT / 2
    const from = Math.max(0, Math.min(wanted, size - KEPT))
    this.#keep(from, from + KEPT)
  }

  /** Keeps the messages from the index `from` to before `to`. */
  #keep(from: number, to: number): void {
    const held = this.#messages
    if (to < held.length) {
      this.#newest = this.newest
      this.#end = held[to - 1]!.seq
      this.#known.dropAbove(this.#end)
    }
    if (from > 0) {
      this.#start = held[from]!.seq
      this.#known.dropBelow(this.#start)
      this.#beginningSeen = false
    }
    this.#replace(held.slice(from, to))
  }

  #replace(messages: Message[]): void {
    this.#messages = messages
    this.#copy = null
  }
}

/** The index of the first of `messages`, oldest first, whose number is at least `seq`. */
export const indexOf = (messages: readonly Message[], seq: number): number => {
  let low = 0
  let high = messages.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (messages[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}

const withoutDoubles = (sorted: Message[]): Message[] => sorted.filter(({ seq }, i) => seq !== sorted[i - 1]?.seq)
