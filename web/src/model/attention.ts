/**
 * Whether somebody looks at the page. A visible window may stand beside the one that somebody works in, so it must have the focus (of several
 * visible windows `document.hasFocus()` is true in one at most: Chromium 156), or a sign of a hand on it: most desktops let a wheel scroll a
 * window without giving it the focus.
 */
const SIGN_LASTS_MS = 10_000
const SIGNS = ["wheel", "pointerdown", "touchmove", "keydown"] as const
const PASSIVE = { passive: true, capture: true } as const

export class Attention {
  readonly #listeners = new Set<() => void>()
  #signAt = -Infinity

  constructor() {
    document.addEventListener("visibilitychange", this.#changed)
    addEventListener("focus", this.#changed)
    addEventListener("blur", this.#left)
    for (const sign of SIGNS) addEventListener(sign, this.#signed, PASSIVE)
  }

  get isHere(): boolean {
    return document.visibilityState === "visible" && (document.hasFocus() || performance.now() - this.#signAt < SIGN_LASTS_MS)
  }

  /** Calls `listener` when somebody may have come or gone; the answer ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#changed)
    removeEventListener("focus", this.#changed)
    removeEventListener("blur", this.#left)
    for (const sign of SIGNS) removeEventListener(sign, this.#signed, PASSIVE)
  }

  readonly #changed = (): void => {
    for (const listener of Array.from(this.#listeners)) listener()
  }

  // A click that goes to another window is the last sign here.
  readonly #left = (): void => {
    this.#signAt = -Infinity
    this.#changed()
  }

  readonly #signed = (): void => {
    const wasHere = this.isHere
    this.#signAt = performance.now()
    if (!wasHere) this.#changed()
  }
}
