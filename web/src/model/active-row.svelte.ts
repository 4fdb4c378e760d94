/**
 * The row of the log whose actions are at hand: under the mouse, or where the keyboard's focus is, whichever moved last. All rows are one
 * stop of the Tab key, the one where one was last; arrows walk on from there. Rows are told by the numbers of their messages.
 */
import { tick } from "svelte"

export class ActiveRow {
  #hovered = $state<number | null>(null)
  #focused = $state<number | null>(null)
  #byKey = $state(false)
  #visited = $state<number | null>(null)
  readonly #list: () => HTMLElement | undefined

  constructor(list: () => HTMLElement | undefined) {
    this.#list = list
  }

  get seq(): number | null {
    return this.#byKey ? this.#focused : this.#hovered
  }

  /** The stop of the Tab key among rows that go from `first` to `last`. */
  stop(first: number, last: number): number {
    const visited = this.#visited
    return visited !== null && visited >= first && visited <= last && this.#row(visited) ? visited : last
  }

  /** Puts the focus on a row. */
  async focus(seq: number): Promise<void> {
    this.#visited = seq
    await tick()
    this.#row(seq)?.focus()
  }

  readonly onpointerover = ({ pointerType, target }: PointerEvent): void => {
    if (pointerType !== "touch") this.#hovered = seqOf(target)
  }

  // The mouse may lie still while rows move below it.
  readonly onpointermove = ({ pointerType }: PointerEvent): void => {
    if (this.#byKey && pointerType !== "touch" && !inToolbar(document.activeElement)) this.#byKey = false
  }

  readonly onpointerleave = (): void => void (this.#hovered = null)

  readonly onfocusin = ({ target }: FocusEvent): void => {
    const seq = seqOf(target)
    // A link in another row is a stop of its own: the rows' stop is still to come.
    if (seq !== null && target === this.#row(seq)) this.#visited = seq
    if (!(target as Element).matches(":focus-visible")) return
    this.#focused = seq
    this.#byKey = true
  }

  readonly onfocusout = ({ relatedTarget: to }: FocusEvent): void => {
    if (!(to instanceof Element) || !(this.#list()?.contains(to) || to.closest("dialog"))) this.#focused = null
  }

  /** Walks along the rows. True where the key was for that. */
  walk({ key, target, altKey, ctrlKey, metaKey, shiftKey }: KeyboardEvent): boolean {
    const row = target as HTMLElement
    if (altKey || ctrlKey || metaKey || shiftKey || row.dataset["seq"] === undefined || !row.matches(":focus-visible")) return false
    const rows = [...(this.#list()?.querySelectorAll<HTMLElement>("[data-seq]") ?? [])]
    const at = rows.indexOf(row)
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[key]
    if (to === undefined) return false
    const next = rows[to]
    if (next) void this.focus(seqOf(next)!)
    return true
  }

  #row(seq: number): HTMLElement | null {
    return this.#list()?.querySelector<HTMLElement>(`[data-seq="${seq}"]`) ?? null
  }
}

const seqOf = (target: EventTarget | null): number | null => {
  const seq = target instanceof Element ? target.closest<HTMLElement>("[data-seq]")?.dataset["seq"] : undefined
  return seq === undefined ? null : Number(seq)
}

const inToolbar = (element: Element | null): boolean => element?.closest("[role=toolbar]") != null && element.matches(":focus-visible")
