/** Holds the reader's place while rows come and go above it. Rows are the direct children of `list`; those that stay what they are have a `data-key`. */
export class Place {
  readonly #list: HTMLElement
  readonly #scroller: HTMLElement
  #key: string | null = null
  /**
   * Pixels from the top of what is seen to the end of the row `key`. Its end, not its beginning: that may lose the author's name to a
   * row that comes before it.
   */
  #end = 0
  #top = 0
  #height = 0
  #frame = 0

  constructor(list: HTMLElement, scroller: HTMLElement) {
    this.#list = list
    this.#scroller = scroller
  }

  /** Takes the first row that is seen, and will still be there, as the one to hold. */
  take(): void {
    let row = rowAt(this.#list, this.#scroller.scrollTop)
    while (row && row.dataset["key"] === undefined) row = row.nextElementSibling as HTMLElement | null
    this.#key = row?.dataset["key"] ?? null
    this.#end = row ? endOf(row) - this.#scroller.scrollTop : 0
    this.#top = this.#scroller.scrollTop
    this.#height = this.#scroller.scrollHeight
    this.#frame = this.#scroller.clientHeight
  }

  /**
   * How far the reader has scrolled since the place was taken, in pixels, downwards positive: what is drawn may come between a scroll
   * and its event. Where the content has become too short the browser scrolls by itself, and nothing can be said.
   */
  get scrolledSince(): number {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const isClamped = scrollHeight < this.#height && scrollTop + clientHeight >= scrollHeight - 1
    return isClamped ? 0 : scrollTop - this.#top
  }

  /** Whether it was the reader who has scrolled up: the row went down, by more than the browser moves it when there is less to scroll. */
  get scrolledUp(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const byItself = Math.max(0, clientHeight - this.#frame) + Math.max(0, this.#height - scrollHeight) + 1
    const row = this.#row()
    return scrollTop < this.#top - byItself && row !== null && endOf(row) - scrollTop > this.#end + byItself
  }

  /** Scrolls so that the row stands where it stood, and what the reader has scrolled since is kept. */
  hold(): void {
    const row = this.#row()
    if (!row) return
    const moved = endOf(row) - this.#scroller.scrollTop - (this.#end - this.scrolledSince)
    if (moved !== 0) this.#scroller.scrollTop += moved
  }

  #row(): HTMLElement | null {
    return this.#key === null ? null : this.#list.querySelector<HTMLElement>(`[data-key="${CSS.escape(this.#key)}"]`)
  }
}

/** The `data-seq` of the rows whose end stands between `top` and `bottom`, in pixels of the scrolled content. */
export const seqsBetween = (list: HTMLElement, top: number, bottom: number): number[] => {
  const seqs: number[] = []
  for (let row = rowAt(list, top); row && endOf(row) <= bottom + 1; row = row.nextElementSibling as HTMLElement | null) {
    const seq = row.dataset["seq"]
    if (seq !== undefined && endOf(row) > top) seqs.push(Number(seq))
  }
  return seqs
}

const endOf = (row: HTMLElement): number => row.offsetTop + row.offsetHeight

/** The first row that ends below `y`, or the last row. */
const rowAt = (list: HTMLElement, y: number): HTMLElement | null => {
  const rows = list.children
  let low = 0
  let high = rows.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle] as HTMLElement
    if (endOf(row) <= y) low = middle + 1
    else high = middle
  }
  return (rows[low] as HTMLElement | undefined) ?? null
}
