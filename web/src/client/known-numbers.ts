/**
 * Of which of a room's numbers it is known what stands there: a message, or none, since it is a change's or is not kept any more.
 *
 * They are wanted from `start` to `target`, or to `end` where what follows is only counted. Beyond the end it is known of some that they hold
 * no message.
 */
import { type Interval, Intervals } from "./intervals.ts"

interface Numbered {
  readonly seq: number
}

export class KnownNumbers {
  #known = new Intervals()
  /** Those after the end that hold no message. */
  #passed = new Intervals()
  #start: number | null = null
  #end: number | null = null
  #target = 0
  #first = 1
  #beginningSeen = false

  /** The number before which nothing has been asked for yet, or null for a room of which nothing is known. */
  get start(): number | null {
    return this.#start
  }

  /** The last number that is wanted where later ones are only counted; null: all are wanted. */
  get end(): number | null {
    return this.#end
  }

  /** The newest number that is known to exist. */
  get target(): number {
    return this.#target
  }

  /** Those before this one are not kept any more. */
  get first(): number {
    return this.#first
  }

  get hasOlder(): boolean {
    return this.#start !== null && this.#start > this.#first && !this.#beginningSeen
  }

  get hole(): Interval | null {
    return this.#start === null ? null : this.#known.firstHole(this.#start, this.#upTo)
  }

  get missing(): number {
    return this.#start === null ? 0 : this.#known.missing(this.#start, this.#upTo)
  }

  /** Whether this one is wanted and known. */
  has(seq: number): boolean {
    return this.#known.has(seq)
  }

  /** Whether it is known of this one what stands there, or at least that it is no message. */
  isKnown(seq: number): boolean {
    return seq < this.#first || this.#known.has(seq) || this.#passed.has(seq)
  }

  /** Of how many in [start, to] that is not known. */
  unknown(start: number, to: number): number {
    const from = Math.max(start, this.#first)
    if (to < from) return 0
    return this.#known.missing(from, to) + this.#passed.missing(from, to) - (to - from + 1)
  }

  /** Wants them from `start` on, too. */
  reach(start: number): void {
    this.#start = Math.max(this.#first, Math.min(this.#start ?? start, start))
  }

  /** Those before `first` are not kept any more: none of them is wanted. */
  begins(first: number): void {
    this.#first = first
    this.expect(first - 1)
    if (this.#start === null) return
    this.#start = Math.max(this.#start, first)
    this.#known.dropBelow(first)
  }

  expect(seq: number): void {
    this.#target = Math.max(this.#target, seq)
  }

  /** There are none before the start. */
  sawBeginning(): void {
    this.#beginningSeen = true
  }

  /** Those in [from, to] are known, and `messages`, oldest first, are all messages among them. */
  cover(from: number, to: number, messages: readonly Numbered[]): void {
    this.expect(to)
    this.#known.add(from, Math.min(to, this.#upTo))
    if (to > this.#upTo) this.#pass(from, to, messages)
  }

  /** What is known of those after `seq`. */
  above(seq: number): readonly Interval[] {
    return [...this.#known.above(seq), ...this.#passed.above(seq)]
  }

  /** From now on they are wanted from `start` on. */
  dropBelow(start: number): void {
    this.#start = start
    this.#known.dropBelow(start)
    this.#beginningSeen = false
  }

  /** From now on those after `end` are only counted; `messages`, oldest first, are the messages among them that are known. */
  dropAbove(end: number, messages: readonly Numbered[]): void {
    const known = this.#known.above(end)
    this.#known.dropAbove(end)
    this.#end = end
    for (const { from, to } of known) {
      const among = messages.filter(({ seq }) => seq >= from && seq <= to)
      this.#pass(from, to, among)
    }
  }

  /** From now on they are wanted up to `end`; null: all. */
  reachOn(end: number | null): void {
    this.#end = end
    if (end === null) this.#passed = new Intervals()
    else this.#passed.dropBelow(end + 1)
  }

  /** Wants what comes after the newest. */
  restart(): void {
    this.reachOn(null)
    this.#known = new Intervals()
    this.dropBelow(this.#target + 1)
  }

  /** The last number that is wanted. */
  get #upTo(): number {
    return this.#end ?? this.#target
  }

  #pass(from: number, to: number, messages: readonly Numbered[]): void {
    let next = Math.max(from, this.#upTo + 1)
    for (const { seq } of messages) {
      if (seq < next) continue
      this.#passed.add(next, seq - 1)
      next = seq + 1
    }
    this.#passed.add(next, to)
  }
}
