/**
 * Whose a key is: it belongs to what lies open on top (the picture viewer, the drawer of rooms, a dialog), and to the page where nothing does.
 * This is the one place that listens for keys on the window: what lies below cannot take a key from what lies above.
 */
import { leaves } from "./writing.ts"

type Handler = (event: KeyboardEvent) => void

export class Keys {
  /** How to close each thing that is open, the topmost last. */
  readonly #open: (() => void)[] = []
  readonly #shortcuts = new Set<Handler>()

  constructor(target: Pick<EventTarget, "addEventListener">) {
    // On the way down: before any element below the layer, of which the layer may be a child, hears of it.
    target.addEventListener("keydown", (event) => this.#leave(event as KeyboardEvent), { capture: true })
    target.addEventListener("keydown", (event) => this.#shortcut(event as KeyboardEvent))
  }

  /** Something opens over all that is open now: Escape closes it, with `close`. The answer is to be called when it is closed. */
  over(close: () => void): () => void {
    const layer = () => close()
    this.#open.push(layer)
    return () => {
      const at = this.#open.indexOf(layer)
      if (at >= 0) this.#open.splice(at, 1)
    }
  }

  /** Keys that do something wherever the focus is, while nothing lies over the page. The answer ends that. */
  onShortcut(handler: Handler): () => void {
    this.#shortcuts.add(handler)
    return () => this.#shortcuts.delete(handler)
  }

  #leave(event: KeyboardEvent): void {
    const close = this.#open.at(-1)
    if (!close || !leaves(event)) return
    event.preventDefault()
    event.stopImmediatePropagation()
    close()
  }

  #shortcut(event: KeyboardEvent): void {
    if (event.defaultPrevented || this.#open.length > 0) return
    for (const handler of this.#shortcuts) handler(event)
  }
}
