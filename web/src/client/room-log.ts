/**
 * What is known of one room's log: its messages in the order of `seq`, without doubles, and which numbers are still missing.
 *
 * The log is wanted from `start` to `target` whole; `hole` names the lowest part of that which has not been seen. A page of history
 * covers the numbers it was asked for, even where it holds no message for one of them (a deployment may keep messages for a limited time),
 * so a hole is asked for once and never again.
 */
import { type Interval, Intervals } from "./intervals.ts"
import type { Message } from "./wire.ts"

export class RoomLog {
  #messages: Message[] = []
  #known = new Intervals()
  #start: number | null = null
  #target = 0
  #beginningSeen = false

  /** All messages, oldest first. The array is replaced, never changed. */
  get messages(): readonly Message[] {
    return this.#messages
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
    return this.#start === null ? null : this.#known.firstHole(this.#start, this.#target)
  }

  get missing(): number {
    return this.#start === null ? 0 : this.#known.missing(this.#start, this.#target)
  }

  /** The newest number up to which the log is whole: where a `join` resumes from. */
  get resumeAfter(): number | null {
    if (this.#start === null) return null
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
    const isNew = !this.#known.has(message.seq)
    this.#start ??= message.seq
    if (isNew && message.seq < this.#start) return false // older than what is wanted; history brings it when it is asked for
    this.#insert([message])
    this.#cover(message.seq, message.seq)
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
    this.#insert(messages)
    const last = messages.at(-1)?.seq
    this.#cover(after + 1, more && last !== undefined ? last : Math.max(upTo, last ?? 0))
    this.#target = Math.max(this.#target, upTo)
  }

  /** A page of history from before `before`. */
  pageBefore(before: number, messages: readonly Message[], more: boolean): void {
    const first = messages[0]?.seq ?? before
    if (!more || messages.length === 0) this.#beginningSeen = true
    this.#start = Math.min(this.#start ?? first, first)
    this.#insert(messages)
    this.#cover(first, before - 1)
  }

  /** The log that begins with these messages, the newest up to `upTo`. What follows them here goes over into it. */
  anew(upTo: number, messages: readonly Message[], more: boolean): RoomLog {
    const log = new RoomLog()
    log.joinedFresh(messages, upTo, more)
    for (const message of this.#messages) if (message.seq > upTo) log.receive(message)
    log.expect(this.#target)
    return log
  }

  /** Keeps only the newest `count` messages; the others can be asked for again. */
  trim(count: number): void {
    if (this.#messages.length <= count || this.hole) return
    this.#messages = this.#messages.slice(-count)
    this.#start = this.#messages[0]!.seq
    this.#known.dropBelow(this.#start)
    this.#beginningSeen = false
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

  #cover(from: number, to: number): void {
    this.#known.add(from, to)
    this.#target = Math.max(this.#target, to)
  }

  #insert(messages: readonly Message[]): void {
    const added = messages.filter(({ seq }) => !this.#known.has(seq))
    if (added.length === 0) return
    const last = this.#messages.at(-1)?.seq ?? 0
    const appends = added.every((message, i) => message.seq > (added[i - 1]?.seq ?? last))
    this.#messages = [...this.#messages, ...added]
    if (!appends) this.#messages = withoutDoubles(this.#messages.sort((a, b) => a.seq - b.seq))
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
