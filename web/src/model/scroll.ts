/** Holds the reader's place while rows come and go above it. Rows are the direct children of `list`, each with a `data-key`. */
export interface Anchor {
  readonly key: string
  /** Pixels from the top of what is seen to the top of the row. */
  readonly top: number
}

/** The first row that is seen. */
export const anchorOf = (list: HTMLElement, scroller: HTMLElement): Anchor | null => {
  const row = rowAt(list, scroller.scrollTop)
  const key = row?.dataset["key"]
  return row && key !== undefined ? { key, top: row.offsetTop - scroller.scrollTop } : null
}

/** Scrolls so that the anchor's row stands where it stood. */
export const restore = (list: HTMLElement, scroller: HTMLElement, { key, top }: Anchor): void => {
  const row = list.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)
  if (!row) return
  const moved = row.offsetTop - scroller.scrollTop - top
  if (moved !== 0) scroller.scrollTop += moved
}

/** The highest `data-seq` of the rows that end above `bottom`, in pixels of the scrolled content. */
export const lastRowAbove = (list: HTMLElement, bottom: number): number | undefined => {
  for (let row = rowAt(list, bottom); row; row = row.previousElementSibling as HTMLElement | null) {
    const seq = row.dataset["seq"]
    if (seq !== undefined && row.offsetTop + row.offsetHeight <= bottom + 1) return Number(seq)
  }
  return undefined
}

/** The first row that ends below `y`, or the last row. */
const rowAt = (list: HTMLElement, y: number): HTMLElement | null => {
  const rows = list.children
  let low = 0
  let high = rows.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle] as HTMLElement
    if (row.offsetTop + row.offsetHeight <= y) low = middle + 1
    else high = middle
  }
  return (rows[low] as HTMLElement | undefined) ?? null
}
