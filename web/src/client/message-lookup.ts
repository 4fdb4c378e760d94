/** Single messages that are asked for by their number, such as the one that another answers. The last that were found are kept. */
import { fold } from "./fold.ts"
import { Refused, type Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import type { RoomLog } from "./room-log.ts"
import { changedBy, effectOf, type Entry, isMessage, isRoomChange, type Message, type MessageChange } from "./wire.ts"

export interface MessageLookupPorts {
  requests: Requests
  enter(room: Room): Promise<void>
}

const KEPT_AT_MOST = 100
const ASK_AT_MOST = 2

interface Answer {
  /** The log of the room's life, and of the page that it began with, for which the answer was given. */
  readonly log: RoomLog
  readonly message: Promise<Message | null>
  /** Those that came to the message since it was asked for. */
  readonly changes: MessageChange[]
  isPending: boolean
}

export class MessageLookup {
  readonly #ports: MessageLookupPorts
  /** By room and number; the one that was asked for last comes last. */
  readonly #answers = new Map<string, Answer>()

  constructor(ports: MessageLookupPorts) {
    this.#ports = ports
  }

  /** The message with the number `seq`; null where there is none, or the server does not give it. Throws `Disconnected` or `Unanswered`. */
  message(room: Room, seq: number): Promise<Message | null> {
    if (seq < room.log.first) return Promise.resolve(null) // it is not kept any more
    const held = room.log.at(seq)
    if (held !== null) return Promise.resolve(held)
    const key = keyOf(room.name, seq)
    const known = this.#answers.get(key)
    if (known?.log === room.log) return known.message
    const changes: MessageChange[] = []
    const answer: Answer = { log: room.log, changes, message: this.#ask(room, seq, changes), isPending: true }
    this.#keep(key, answer)
    answer.message.then(
      () => {
        answer.isPending = false
        if (changes.length > 0) this.#drop(key, answer) // the order in which they came need not be the right one
      },
      () => this.#drop(key, answer),
    )
    return answer.message
  }

  /** These came: what was changed is asked for anew by who wants it. */
  found(entries: readonly Entry[]): void {
    if (this.#answers.size === 0) return
    for (const entry of entries) {
      const change = effectOf(entry)
      if (change === null || isRoomChange(change)) continue
      const key = keyOf(entry.room, changedBy(change))
      const answer = this.#answers.get(key)
      if (answer?.isPending) answer.changes.push(change)
      else this.#answers.delete(key)
    }
  }

  async #ask(room: Room, seq: number, changes: readonly MessageChange[]): Promise<Message | null> {
    try {
      await this.#ports.enter(room)
      const page = await this.#ports.requests.ask({ type: "history", room: room.name, before: seq + 1, limit: 1 }, ASK_AT_MOST)
      const message = page.messages.at(-1)
      if (message?.seq !== seq || !isMessage(message)) return null
      const later = changes.filter((change) => change.seq > page.seq).sort((a, b) => a.seq - b.seq)
      return later.reduce(fold, message)
    } catch (error) {
      if (error instanceof Refused) return null
      throw error
    }
  }

  #keep(key: string, answer: Answer): void {
    this.#answers.delete(key)
    this.#answers.set(key, answer)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= KEPT_AT_MOST) return
      this.#answers.delete(oldest)
    }
  }

  #drop(key: string, answer: Answer): void {
    if (this.#answers.get(key) === answer) this.#answers.delete(key)
  }
}

const keyOf = (room: string, seq: number): string => `${seq} ${room}`
