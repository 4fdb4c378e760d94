/** A set of whole numbers kept as sorted, disjoint, non-touching intervals [from, to]. It says which sequence numbers of a room are known. */
export interface Interval {
  readonly from: number
  readonly to: number
}

export class Intervals {
  #list: Interval[] = []

  get isEmpty(): boolean {
    return this.#list.length === 0
  }

  has(value: number): boolean {
    return this.#list.some(({ from, to }) => from <= value && value <= to)
  }

  /** Adds [from, to]; nothing where `to` is below `from`. */
  add(from: number, to: number): void {
    if (to < from) return
    const tail = this.#list.at(-1)
    if (tail && from === tail.to + 1) {
      this.#list[this.#list.length - 1] = { from: tail.from, to } // the common case: the next message
      return
    }
    if (!tail || from > tail.to) {
      this.#list.push({ from, to })
      return
    }
    const apart = this.#list.filter((each) => each.to + 1 < from || to + 1 < each.from)
    const merged = this.#list.filter((each) => !apart.includes(each))
    apart.push({
      from: Math.min(from, ...merged.map((each) => each.from)),
      to: Math.max(to, ...merged.map((each) => each.to)),
    })
    this.#list = apart.sort((a, b) => a.from - b.from)
  }

  /** What of it is above `value`. */
  above(value: number): readonly Interval[] {
    return this.#list.filter(({ to }) => to > value).map(({ from, to }) => ({ from: Math.max(from, value + 1), to }))
  }

  /** Forgets everything below `value`. */
  dropBelow(value: number): void {
    this.#list = this.#list
      .filter(({ to }) => to >= value)
      .map(({ from, to }) => ({ from: Math.max(from, value), to }))
  }

  /** Forgets everything above `value`. */
  dropAbove(value: number): void {
    this.#list = this.#list
      .filter(({ from }) => from <= value)
      .map(({ from, to }) => ({ from, to: Math.min(to, value) }))
  }

  /** The lowest hole within [from, upTo], or null. */
  firstHole(from: number, upTo: number): Interval | null {
    let start = from
    for (const each of this.#list) {
      if (each.to < start) continue
      if (each.from > start) return start <= upTo ? { from: start, to: Math.min(each.from - 1, upTo) } : null
      start = each.to + 1
    }
    return start <= upTo ? { from: start, to: upTo } : null
  }

  /** How many numbers within [from, upTo] are missing. */
  missing(from: number, upTo: number): number {
    const known = this.#list.reduce((sum, each) => sum + Math.max(0, Math.min(each.to, upTo) - Math.max(each.from, from) + 1), 0)
    return Math.max(0, upTo - from + 1) - known
  }
}
