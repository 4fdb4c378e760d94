/** Completes a name that is being typed after an `@`: who is offered, who is chosen, and how the name comes into the field. */
import type { User } from "../client/index.ts"
import type { Chat } from "./chat.svelte.ts"
import { type Begun, beginningSo, begunAt } from "./mentioning.ts"
import type { Talk } from "./talk.ts"

const OFFERED_AT_MOST = 8
const WAIT_MS = 150

export class Completion {
  offered = $state.raw<readonly User[]>([])
  /** Which of `offered` is at hand. */
  at = $state(0)
  readonly #chat: Chat
  readonly #room: Talk
  #field: HTMLTextAreaElement | null = null
  #begun: Begun | null = null
  /** The name that is not to be completed any more, as far as it was typed then. */
  #left: Begun | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  /** What was looked for last, and found elsewhere than in the room. */
  #found: { readonly typed: string; readonly users: readonly User[] } = { typed: "", users: [] }

  constructor(chat: Chat, room: Talk) {
    this.#chat = chat
    this.#room = room
  }

  get isOpen(): boolean {
    return this.offered.length > 0
  }

  /** Something was typed into the field, or the caret was moved. */
  look(field: HTMLTextAreaElement): void {
    const begun = field.selectionStart === field.selectionEnd ? begunAt(field.value, field.selectionStart) : null
    if (begun?.at === this.#begun?.at && begun?.typed === this.#begun?.typed && this.#field === field) return
    this.#field = field
    this.#begun = begun
    const isLeft = begun !== null && begun.at === this.#left?.at && begun.typed.startsWith(this.#left.typed)
    if (!isLeft) this.#left = null
    if (begun === null || isLeft) return this.#offer([])
    this.#offerFor(begun)
    this.#search(begun)
  }

  /** Whether the press of a key was meant for what is offered. Escape is not among them: it is the layer's. */
  takes(event: KeyboardEvent): boolean {
    if (!this.isOpen || event.isComposing || event.keyCode === 229 || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return false
    const { length } = this.offered
    if (event.key === "ArrowDown") this.at = (this.at + 1) % length
    else if (event.key === "ArrowUp") this.at = (this.at + length - 1) % length
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.offered[this.at]!)
    else return false
    event.preventDefault()
    return true
  }

  /** Writes the name in place of what was typed of it. */
  take(user: User): void {
    const [field, begun] = [this.#field, this.#begun]
    if (!field || !begun) return
    this.#room.named(user)
    const end = begun.at + 1 + begun.typed.length
    this.#left = { at: begun.at, typed: user.name }
    this.#offer([])
    field.focus()
    field.setSelectionRange(begun.at, end)
    const written = `@${user.name}${/^\s/.test(field.value.slice(end)) ? "" : " "}`
    // So that it can be undone. Where the browser does not know of it, it is written without that.
    if (document.execCommand("insertText", false, written)) return
    field.setRangeText(written, begun.at, end, "end")
    field.dispatchEvent(new InputEvent("input", { bubbles: true }))
  }

  /** What is being typed is no name that is to be completed. */
  readonly close = (): void => {
    this.#left = this.#begun
    this.#offer([])
  }

  /** Nobody writes there for now. */
  readonly hide = (): void => {
    this.#begun = null
    this.#offer([])
  }

  #offer(users: readonly User[]): void {
    clearTimeout(this.#timer)
    this.offered = users
    this.at = 0
  }

  #offerFor({ typed }: Begun): void {
    const here = this.#room.people.filter(({ id }) => id !== this.#chat.me.id)
    const elsewhere = this.#found.users.filter(({ id }) => id !== this.#chat.me.id && !here.some((each) => each.id === id))
    this.#offer([...beginningSo(typed, here), ...beginningSo(typed, elsewhere)].slice(0, OFFERED_AT_MOST))
  }

  /** Of a public room the people are not all known: others are asked for, where there is place for them. */
  #search(begun: Begun): void {
    const { typed } = begun
    const isFutile = this.#found.users.length === 0 && this.#found.typed !== "" && typed.startsWith(this.#found.typed)
    if (this.#room.inRoom.room.isPrivate || typed === "" || this.offered.length >= OFFERED_AT_MOST || isFutile) return
    this.#timer = setTimeout(async () => {
      const users = await this.#chat.session.deeds.find(typed).catch(() => null)
      if (users === null || this.#begun !== begun || this.#left !== null) return
      this.#found = { typed, users }
      const chosen = this.offered[this.at]
      this.#offerFor(begun)
      this.at = Math.max(0, this.offered.findIndex(({ id }) => id === chosen?.id))
    }, WAIT_MS)
  }
}
