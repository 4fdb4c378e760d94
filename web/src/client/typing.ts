/** Who is typing: our own signal, sparingly sent, and those of others, which fade by themselves. */
import type { Room } from "./room.ts"
import { after } from "./timers.ts"
import type { RoomName, User } from "./wire.ts"

const SIGNAL_EVERY_MS = 3_000
/** Longer than the signal's interval, so that steady typing does not flicker. */
export const TYPING_FADES_MS = 5_000

/** Both: what is said of the user, and what is heard of others. */
export class Typing {
  readonly own: TypingSignal
  readonly others: TypingNotices

  constructor(send: (room: RoomName) => boolean, changed: (room: RoomName) => void) {
    this.own = new TypingSignal(send)
    this.others = new TypingNotices(changed)
  }
}

class TypingSignal {
  readonly #send: (room: RoomName) => boolean
  readonly #sentAt = new Map<RoomName, number>()

  constructor(send: (room: RoomName) => boolean) {
    this.#send = send
  }

  touched(room: RoomName): void {
    const now = Date.now()
    if (now - (this.#sentAt.get(room) ?? -Infinity) < SIGNAL_EVERY_MS) return
    if (this.#send(room)) this.#sentAt.set(room, now)
  }

  /** The text is on its way; the next letter begins anew. */
  wrote(room: RoomName): void {
    this.#sentAt.delete(room)
  }
}

class TypingNotices {
  readonly #changed: (room: RoomName) => void
  readonly #fading = new Map<string, () => void>()

  constructor(changed: (room: RoomName) => void) {
    this.#changed = changed
  }

  heard(room: Room | undefined, user: User, me: User | null): void {
    if (!room || user.id === me?.id) return
    const key = `${user.id}\n${room.name}`
    this.#fading.get(key)?.()
    this.#fading.set(key, after(TYPING_FADES_MS, () => this.wrote(room, user)))
    room.typing.set(user.id, user)
    this.#changed(room.name)
  }

  /** The user has said what they were typing, or stopped. */
  wrote(room: Room, user: User): void {
    const key = `${user.id}\n${room.name}`
    this.#fading.get(key)?.()
    this.#fading.delete(key)
    if (room.typing.delete(user.id)) this.#changed(room.name)
  }

  clear(): void {
    for (const cancel of this.#fading.values()) cancel()
    this.#fading.clear()
  }
}
