/**
 * One thread of a room, as far as it is held: the message under which it stands, and those under it, the newest or those around the reader. It
 * belongs to a room's log, which gives it what comes and what is changed, in the order of `seq`.
 */
import { HeldMessages } from "./held-messages.ts"
import { isReply, type Message, type MessageChange } from "./wire.ts"

/** So many messages of a thread are held at most; past that so many are kept. */
export const THREAD_HELD_AT_MOST = 1_000
export const THREAD_KEPT = 600

const NONE: readonly Message[] = []

export class HeldThread {
  readonly root: number
  /** Where somebody reads: the messages around this number stay; null: at the newest. */
  reader: number | null = null
  readonly #held: HeldMessages
  readonly #roots: HeldMessages
  /** Its messages are here from this number on; null: none has been asked for yet, and those that have come wait. */
  #start: number | null = null
  #end: number | null = null
  #hasOlder = false

  /** `beside`: the messages of the room that are held. */
  constructor(root: number, beside: HeldMessages) {
    this.root = root
    this.#held = new HeldMessages(beside)
    this.#roots = new HeldMessages(beside)
  }

  /** The message under which it stands, as it is now, or null where that is not here. */
  get rootMessage(): Message | null {
    return this.#roots.at(this.root)
  }

  /** Oldest first. The array is replaced, never changed. */
  get messages(): readonly Message[] {
    return this.#start === null ? NONE : this.#held.all
  }

  /** Whether its newest messages have come. */
  get isLoaded(): boolean {
    return this.#start !== null
  }

  get hasOlder(): boolean {
    return this.#hasOlder
  }

  /** The last number that is held where later messages were let go; null: the newest are here. */
  get end(): number | null {
    return this.#end
  }

  at(seq: number): Message | null {
    return seq === this.root ? this.rootMessage : this.#start === null ? null : this.#held.at(seq)
  }

  /** The room's log has all of it. */
  begin(root: Message, messages: readonly Message[]): void {
    this.foundRoot(root)
    this.newestPage(messages, false)
  }

  foundRoot(message: Message): void {
    if (this.rootMessage === null) this.#roots.add([message])
  }

  /** A message that came in whatever way. Nothing where it is here, or is beyond what is held. */
  take(message: Message): void {
    const { seq } = message
    if (seq < (this.#start ?? 0) || seq > (this.#end ?? Infinity) || this.#held.at(seq) !== null) return
    this.#held.add([message])
    this.#bound()
  }

  /** Its newest messages, in place of what is held that they do not reach. */
  newestPage(messages: readonly Message[], more: boolean): void {
    this.#start = more && messages.length > 0 ? messages[0]!.seq : this.root + 1
    this.#hasOlder = more
    this.#end = null
    this.#held.keep(this.#held.indexOf(this.#start), this.#held.size)
    this.#add(messages)
  }

  /** The page before the messages that are held. */
  pageBefore(messages: readonly Message[], more: boolean): void {
    if (this.#start === null) return
    this.#start = more && messages.length > 0 ? Math.min(this.#start, messages[0]!.seq) : this.root + 1
    this.#hasOlder = more && messages.length > 0
    this.#add(messages)
  }

  /** The page after `end`. */
  pageAfter(messages: readonly Message[], more: boolean): void {
    if (this.#end === null) return
    this.#end = more && messages.length > 0 ? messages.at(-1)!.seq : null
    this.#add(messages)
  }

  apply(change: MessageChange): void {
    if (isReply(change) && change.thread === this.root) this.take(change)
    this.#held.apply(change)
    this.#roots.apply(change)
  }

  #add(messages: readonly Message[]): void {
    this.#held.add(messages.filter(({ seq }) => this.#held.at(seq) === null))
    this.#bound()
  }

  /** Lets go what is furthest from the reader, where more is held than may be. */
  #bound(): void {
    const { size } = this.#held
    if (size <= THREAD_HELD_AT_MOST) return
    const wanted = this.reader === null ? size : this.#held.indexOf(this.reader) - THREAD_KEPT / 2
    const from = Math.max(0, Math.min(wanted, size - THREAD_KEPT))
    const { all } = this.#held
    const to = from + THREAD_KEPT
    if (to < size) this.#end = all[to - 1]!.seq
    if (from > 0 && this.#start !== null) {
      this.#start = all[from]!.seq
      this.#hasOlder = true
    }
    this.#held.keep(from, to)
  }
}
