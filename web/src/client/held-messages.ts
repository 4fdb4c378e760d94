/** The messages of one room that are held, in the order of `seq` and without doubles, each with the number *as of* which it is held. */
import { fold } from "./fold.ts"
import { indexOf } from "./indices.ts"
import { changedBy, type Message, type MessageChange } from "./wire.ts"

export class HeldMessages {
  #messages: Message[] = []
  #copy: readonly Message[] | null = null
  /** Of a message that is not here, it is the message's own number. */
  readonly #asOf: WeakMap<Message, number>

  /** `beside`: others that hold the same messages, so that what is noted of one holds in both. */
  constructor(beside?: HeldMessages) {
    this.#asOf = beside === undefined ? new WeakMap() : beside.#asOf
  }

  /** Oldest first. The array is replaced, never changed: a copy, made when it is asked for and not at each arrival. */
  get all(): readonly Message[] {
    return (this.#copy ??= this.#messages.slice())
  }

  get size(): number {
    return this.#messages.length
  }

  get last(): Message | null {
    return this.#messages.at(-1) ?? null
  }

  /** The message under this number, or null where none is here. */
  at(seq: number): Message | null {
    if (seq > (this.last?.seq ?? 0)) return null // the common case: the next message
    const message = this.#messages[indexOf(this.#messages, seq)]
    return message?.seq === seq ? message : null
  }

  /** The index of the first message whose number is at least `seq`. */
  indexOf(seq: number): number {
    return indexOf(this.#messages, seq)
  }

  /** Whether what was changed up to which number is in the message. */
  asOf(message: Message): number {
    return this.#asOf.get(message) ?? message.seq
  }

  /** The message holds all that was changed up to `asOf`. */
  note(message: Message, asOf: number): void {
    if (asOf > message.seq) this.#asOf.set(message, asOf)
  }

  add(added: readonly Message[]): void {
    if (added.length === 0) return
    const last = this.last?.seq ?? 0
    const appends = added.every((message, i) => message.seq > (added[i - 1]?.seq ?? last))
    this.#messages.push(...added)
    if (!appends) this.#messages = withoutDoubles(this.#messages.sort((a, b) => a.seq - b.seq))
    this.#copy = null
  }

  /** Applies a change to the message that it is of, if that is held and does not hold it yet. */
  apply(change: MessageChange): void {
    const of = changedBy(change)
    const message = this.at(of)
    if (message === null) return
    const folded = this.folded(message, change)
    if (folded === message) return
    this.#messages[this.indexOf(of)] = folded
    this.#copy = null
  }

  /** `message` after `change`, which is of it, unless it holds that already. */
  folded(message: Message, change: MessageChange): Message {
    if (change.seq <= this.asOf(message)) return message
    const folded = fold(message, change)
    this.#asOf.set(folded, change.seq)
    return folded
  }

  /** Keeps the messages from the index `from` to before `to`. */
  keep(from: number, to: number): void {
    this.#messages = this.#messages.slice(from, to)
    this.#copy = null
  }
}

const withoutDoubles = (sorted: Message[]): Message[] => sorted.filter(({ seq }, i) => seq !== sorted[i - 1]?.seq)
