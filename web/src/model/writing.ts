/** What a key press means in the field where a message is written, and what of the written text is sent. */

/** What of a `KeyboardEvent` is looked at. */
export type KeyPress = Pick<KeyboardEvent, "key" | "keyCode" | "isComposing" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey">

/** Whether the press belongs to an input method that is composing a word (Japanese, Chinese, Korean, dictation). */
const composes = ({ isComposing, keyCode }: KeyPress): boolean =>
  // WebKit ends the composition before the keydown that ends it (bug 165004): `isComposing` is false by then, and only
  // `keyCode` 229 tells that the key was an input method's (UI Events, legacy key attributes).
  isComposing || keyCode === 229

/**
 * Whether this press of a key sends what is written. `touch`: what is written with is a keyboard on the screen. It has no Shift+Enter, and
 * a button to send is beside it: there Enter breaks the line, and Ctrl or ⌘ with it sends.
 */
export const sends = (press: KeyPress, touch: boolean): boolean =>
  press.key === "Enter" && !press.shiftKey && !composes(press) && (!touch || press.ctrlKey || press.metaKey)

/** Whether this press of a key is an Escape that is meant for the page. */
export const leaves = (press: KeyPress): boolean => press.key === "Escape" && !composes(press)

/** A screen that is touched and has no mouse beside it, as a media query. */
export const TOUCH = "(pointer: coarse) and (hover: none)"

/** How many more characters `text` may have: the protocol counts code points, JavaScript's length counts UTF-16 units. */
export const charactersLeft = (text: string, mostChars: number): number => mostChars - (text.length < mostChars / 2 ? text.length : [...text].length)

/** Whether this press of a key, in a field without a text, goes up to what was written last. */
export const goesUp = (press: KeyPress): boolean =>
  press.key === "ArrowUp" && !press.shiftKey && !press.ctrlKey && !press.metaKey && !press.altKey && !composes(press)

/** The text as it is sent: without the empty lines before it and the white space after it. The first line keeps its indent: it may be code. */
export const sentOf = (draft: string): string => draft.replace(/^(?:\s*\n)+/, "").trimEnd()
