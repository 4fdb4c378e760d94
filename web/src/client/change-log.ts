/**
 * Which entries of a room's log have been seen, and the changes among them. Changes are applied in the order of `seq`, each once every entry
 * before it is known: one that is ahead of a hole waits here.
 *
 * Those that were applied last are kept, too: a page that was read before them brings messages which do not hold them yet.
 */
import { indexOf } from "./indices.ts"
import { type Interval, Intervals } from "./intervals.ts"
import type { MessageChange, RoomChange } from "./wire.ts"

type Change = MessageChange | RoomChange

/** So many changes wait for a hole at most. Where more come they are let go, and the room starts anew from its newest page. */
export const WAITING_AT_MOST = 1_000
/** So many of the changes that were applied last are kept at least, twice as many at most. */
export const REPEATED_AT_MOST = 200

const NONE: readonly Change[] = []

export class ChangeLog {
  #through = 0
  /** All changes after this number that have been seen are here. */
  #floor = 0
  /** What has been seen after `#through`. */
  #ahead = new Intervals()
  /** Oldest first. */
  #changes: Change[] = []
  #isOverrun = false

  /** What the entries up to this number have changed is in all messages that are held. */
  get through(): number {
    return this.#through
  }

  /** Whether more came than may wait. */
  get isOverrun(): boolean {
    return this.#isOverrun
  }

  /** No message is held that an entry up to `through` could change. */
  begin(through: number): void {
    this.#through = this.#floor = through
    this.#ahead = new Intervals()
    this.#changes = []
    this.#isOverrun = false
  }

  /** The entries [from, to] have been seen, and `changes` are those of them that are changes. Gives what is to be applied now, in order. */
  saw(from: number, to: number, changes: readonly Change[] = NONE): readonly Change[] {
    if (to <= this.#through) return NONE
    if (changes.length === 0 && from <= this.#through + 1 && this.#ahead.isEmpty) {
      this.#through = to // the common case: the next message
      return NONE
    }
    for (const change of changes) if (change.seq > this.#through && !this.#ahead.has(change.seq)) this.#insert(change)
    this.#ahead.add(Math.max(from, this.#through + 1), to)
    return this.#advance()
  }

  /**
   * Messages have come that hold what was changed up to `asOf` alone. Gives what is to be applied now, in order: also what other messages
   * hold already. What is not kept any more has to be seen again.
   */
  lower(asOf: number): readonly Change[] {
    if (asOf >= this.#through) return NONE
    this.#ahead.add(Math.max(asOf, this.#floor) + 1, this.#through)
    this.#through = asOf
    this.#floor = Math.min(this.#floor, asOf)
    return this.#advance()
  }

  /** Takes over what `other` has seen after `through`. Gives what is to be applied now, in order. */
  adopt(other: ChangeLog): readonly Change[] {
    const seen = [{ from: other.#floor + 1, to: other.#through }, ...other.#ahead.above(other.#through)]
    return seen.flatMap(({ from, to }) => this.saw(from, to, other.#changes.slice(indexOf(other.#changes, from), indexOf(other.#changes, to + 1))))
  }

  /** The change under this number, or null where none is here. */
  at(seq: number): Change | null {
    if (seq > (this.#changes.at(-1)?.seq ?? 0)) return null
    const change = this.#changes[indexOf(this.#changes, seq)]
    return change?.seq === seq ? change : null
  }

  /** The lowest entries up to `upTo` that have not been seen. */
  hole(upTo: number): Interval | null {
    return this.#ahead.firstHole(this.#through + 1, upTo)
  }

  /** How many entries up to `upTo` have not been seen. */
  missing(upTo: number): number {
    return this.#ahead.missing(this.#through + 1, upTo)
  }

  #insert(change: Change): void {
    const at = indexOf(this.#changes, change.seq)
    if (this.#changes[at]?.seq !== change.seq) this.#changes.splice(at, 0, change)
  }

  /** Goes on over what has been seen. */
  #advance(): readonly Change[] {
    const from = this.#through + 1
    this.#through = this.#ahead.firstHole(from, Infinity)!.from - 1
    if (this.#through >= from) this.#ahead.dropBelow(this.#through + 1)
    if (this.#changes.length === 0) return NONE
    const next = indexOf(this.#changes, this.#through + 1)
    const applied = this.#changes.slice(indexOf(this.#changes, from), next)
    if (this.#changes.length - next > WAITING_AT_MOST) {
      this.begin(this.#through)
      this.#isOverrun = true
    } else if (next > 2 * REPEATED_AT_MOST) this.#forget(next - REPEATED_AT_MOST)
    return applied
  }

  /** Lets the first `count` changes go. */
  #forget(count: number): void {
    this.#floor = this.#changes[count - 1]!.seq
    this.#changes.splice(0, count)
  }
}
