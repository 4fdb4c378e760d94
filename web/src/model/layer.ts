/** The page's keys, and what lies over the page. */
import { Keys } from "./keys.ts"

export const keys = new Keys(window)

/** For an element that lies over the page: Escape closes it, and the focus goes back to where it was. */
export const layer = (close: () => void) => (): (() => void) => {
  const before = document.activeElement
  const closed = keys.over(close)
  return () => {
    closed()
    // Later: what is below may only now become operable again.
    queueMicrotask(() => before instanceof HTMLElement && document.activeElement === document.body && before.focus())
  }
}

/** For a dialog that is there while it is open: it is over all of the page. */
export const modal = (close: () => void) => (dialog: HTMLDialogElement): (() => void) => {
  const closed = layer(close)()
  dialog.showModal()
  return closed
}
