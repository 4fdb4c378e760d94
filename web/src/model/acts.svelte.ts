/** What is being done with a message of the room that is shown, and where the focus goes when it is done. */
import { tick } from "svelte"
import { canonical, type Message, shows } from "../client/index.ts"
import type { Action } from "./actions.ts"
import type { Chat } from "./chat.svelte.ts"
import type { Talk } from "./talk.ts"
import { sentOf } from "./writing.ts"

export interface Reacting {
  readonly message: Message
  /** Beside what the emoji are to be shown; null: in the middle. */
  readonly beside: DOMRect | null
}

export class Acts {
  /** Whose actions are shown as a sheet, on touch screens. */
  offered = $state.raw<Message | null>(null)
  /** To which message an emoji is being chosen. */
  reacting = $state.raw<Reacting | null>(null)
  /** Which message is deleted if that is what is meant. */
  deleting = $state.raw<Message | null>(null)
  /** The message that is busy: its row keeps its actions. */
  readonly busy = $derived(this.reacting?.message.seq ?? this.deleting?.seq ?? null)
  readonly chat: Chat
  readonly room: Talk
  /** Opens the thread under a message, at the message `at` if that is given. */
  readonly toThread: (root: number, at?: number) => void
  readonly #toRow: (seq: number) => void
  #editFrom: Element | null = null
  #editBegins = false
  #removed: number | null = null

  /** `toRow` puts the focus on a message's row. */
  constructor(chat: Chat, room: Talk, toRow: (seq: number) => void, toThread: (root: number, at?: number) => void = () => {}) {
    this.chat = chat
    this.room = room
    this.#toRow = toRow
    this.toThread = toThread
  }

  /** Does what was asked for by `by`, an element of the page. */
  run(action: Action, message: Message, by: Element): void {
    const { session } = this.chat
    switch (action) {
      case "react":
        this.reacting = { message, beside: by.closest("dialog") ? null : (by.closest("[role=toolbar]") ?? by).getBoundingClientRect() }
        break
      case "reply":
        this.room.answered = { ...message } // another one, so that the composer takes the focus also where it is answered already
        break
      case "thread":
        this.toThread(message.seq)
        break
      case "edit":
        this.edit(message)
        break
      case "copy":
        void this.copy(message)
        break
      case "pin":
        session.pin(message.room, message.seq, !message.pinned)
        break
      case "delete":
        this.deleting = message
    }
  }

  /** Sets the user's reaction, or takes it back. */
  toggle(message: Message, emoji: string): void {
    const wanted = canonical(emoji)
    const now = this.room.message(message.seq) ?? message
    const has = now.reactions?.some((each) => canonical(each.emoji) === wanted && each.users.includes(this.chat.me.id)) ?? false
    this.chat.session.react(message.room, message.seq, wanted, !has)
  }

  /** Puts the message's text on the clipboard; false where the browser does not let us. */
  async copy(message: Message): Promise<boolean> {
    if (message.kind !== "chat") return false
    return navigator.clipboard?.writeText(message.text).then(() => true, () => false) ?? false
  }

  /** Begins to edit the text where it stands, or goes on with an edit that was refused. */
  edit(message: Message): void {
    if (message.kind !== "chat") return
    const refused = this.#refusedEdits(message.seq).at(-1)?.said
    this.#editFrom = document.activeElement
    this.#editBegins = true
    if (this.room.editing?.seq === message.seq) return
    this.room.editing = { seq: message.seq, from: message.text, text: refused?.type === "edit" ? refused.text : message.text }
  }

  /** Whether the field has just been opened: then it takes the focus, and not when its row is drawn anew. */
  beginsEdit(): boolean {
    const begins = this.#editBegins
    this.#editBegins = false
    return begins
  }

  /** Stores what stands in the field; without a text it asks whether the message is to be deleted. */
  saveEdit(): void {
    const { editing } = this.room
    const message = editing && this.room.message(editing.seq)
    if (!editing || message?.kind !== "chat") return this.endEdit()
    const text = sentOf(editing.text)
    if (!shows(text)) {
      this.deleting = message
      return
    }
    this.#discardRefused(message.seq)
    // Nothing was written: what another device has made of the message meanwhile stays.
    if (text !== message.text && editing.text !== editing.from) this.chat.session.edit(message.room, message.seq, text, this.room.mentionedIn(text, message.mentions))
    this.endEdit()
  }

  /** Closes the field. The focus goes back to where the edit began, or to the message. */
  endEdit(): void {
    const seq = this.room.editing?.seq
    const from = this.#editFrom
    this.room.editing = this.#editFrom = null
    void tick().then(() => {
      if (from instanceof HTMLTextAreaElement && from.isConnected) from.focus()
      else if (seq !== undefined) this.#toRow(seq)
    })
  }

  /** The answer to the question was yes. */
  remove(message: Message): void {
    this.deleting = null
    if (this.room.editing?.seq === message.seq) this.room.editing = null
    this.#discardRefused(message.seq)
    this.chat.session.remove(message.room, message.seq)
    this.#removed = message.seq
  }

  /** What is left of a message is drawn: after one's own deletion the focus goes there. */
  drewDeleted(seq: number): void {
    if (this.#removed !== seq) return
    this.#removed = null
    this.#toRow(seq)
  }

  #refusedEdits(seq: number) {
    return this.room.drawn.changes.filter(({ said, failure }) => said.type === "edit" && said.of === seq && failure !== null)
  }

  #discardRefused(seq: number): void {
    for (const { id } of this.#refusedEdits(seq)) this.chat.session.outbox.discard(id)
  }
}
