/** The user's own messages, wherever they come from: each that comes is stored, and what waits under its id is acknowledged. */
import { Emitter } from "./emitter.ts"
import type { Outbox } from "./outbox.ts"
import { isOwn, type Message, type User } from "./wire.ts"

export class OwnMessages {
  /** As often as one comes. */
  readonly stored = new Emitter<Message>()
  readonly #outbox: Outbox

  constructor(outbox: Outbox) {
    this.#outbox = outbox
  }

  /** These came, perhaps not for the first time. In history they are as good an acknowledgement as a copy that comes by itself. */
  found(messages: readonly Message[], user: User | null): void {
    for (const message of messages) {
      if (!isOwn(message, user) && !this.#outbox.isFormer(message)) continue
      this.#outbox.acknowledged(message.id)
      this.stored.emit(message)
    }
  }
}
