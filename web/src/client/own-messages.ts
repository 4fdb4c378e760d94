/** The user's own entries, wherever they come from: each that comes is stored, and what waits under its id is acknowledged. */
import { Emitter } from "./emitter.ts"
import type { Outbox } from "./outbox.ts"
import { type Entry, isMessage, isOwn, type Message, type User } from "./wire.ts"

export class OwnMessages {
  /** Own messages, as often as one comes. */
  readonly stored = new Emitter<Message>()
  readonly #outbox: Outbox

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** These came, perhaps not for the first time. In history they are as good an acknowledgement as a copy that comes by itself. */
  found(entries: readonly Entry[], user: User | null): void {
    for (const entry of entries) {
      if (!isOwn(entry, user) && !this.#outbox.isFormer(entry)) continue
      this.#outbox.acknowledged(entry.id)
      if (isMessage(entry)) this.stored.emit(entry)
    }
  }
}
