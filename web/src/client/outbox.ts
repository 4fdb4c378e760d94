/**
 * What this user has written and changed and the server has not yet acknowledged. Every entry keeps its `id` for life, so that sending it again
 * is always safe; it leaves when the sender's own copy of the message or change arrives.
 *
 * Of each room one entry is in flight at a time: only so do a refusal to one and success of the next not change their order.
 */
import { backoff } from "./backoff.ts"
import { Emitter } from "./emitter.ts"
import { canonical } from "./fold.ts"
import { newId } from "./ids.ts"
import type { OutboxEntry, OutboxStore, Said } from "./outbox-store.ts"
import { after, afterSilence } from "./timers.ts"
import type { ClientFrame, Entry, Incoming, RoomName } from "./wire.ts"

export interface OutboxPorts {
  send(frame: ClientFrame): boolean
  /** Whether this connection has joined the room, without which it may not write there. */
  isJoined(room: RoomName): boolean
  /** Whether the entry would be known here if it had been stored under a former id of this person; else it is looked for. */
  isLookedFor(entry: OutboxEntry): boolean
  /** The server said that we are not in the room. */
  notJoined(room: RoomName): void
  /** The server has refused for good what is not worth keeping, and it is gone. */
  gaveUp(error: Incoming<"error">): void
  random(): number
}

const ACKNOWLEDGED_WITHIN_MS = 10_000
const NOT_THERE: NonNullable<OutboxEntry["failure"]> = { code: "no_such_message", text: "The server's store went back: this message may be another by now." }

export class Outbox {
  readonly changes = new Emitter<RoomName>()
  readonly #store: OutboxStore
  readonly #ports: OutboxPorts
  readonly #entries: OutboxEntry[]
  readonly #inFlight = new Map<RoomName, { id: string; cancel: () => void }>()
  #epoch: string | null = null
  #attempt = 0
  #holdUntil = 0
  #cancelHold: () => void = () => {}

  constructor(store: OutboxStore, ports: OutboxPorts) {
    this.#store = store
    this.#ports = ports
    this.#entries = store.load()
  }

  /** The entries of a room in the order in which they were written. */
  of(room: RoomName): readonly OutboxEntry[] {
    return this.#entries.filter((entry) => entry.room === room)
  }

  /** Whether the entry is still to be stored, and may be. */
  isWaiting(id: string): boolean {
    return this.#entries.some((entry) => entry.id === id && entry.failure === null)
  }

  /** Whether this is one of the entries, stored under a former id of this person. */
  isFormer({ id, room, from }: Entry): boolean {
    return this.#entries.some((entry) => entry.id === id && entry.room === room && entry.former?.includes(from.id))
  }

  /** The rooms in which something waits. */
  get rooms(): readonly RoomName[] {
    return [...new Set(this.#entries.map(({ room }) => room))]
  }

  /** Takes what somebody does into the outbox and sends it as soon as may be. Of changes to one thing only the last goes out. */
  say(room: RoomName, said: Said): OutboxEntry {
    const entry: OutboxEntry = { id: newId(), room, writtenAt: Date.now(), failure: null, said, ...(names(said) && this.#epoch !== null && { epoch: this.#epoch }) }
    for (const each of this.of(room)) if (this.#isReplaced(each, said)) this.#drop(each.id)
    this.#entries.push(entry)
    this.#store.put(entry)
    this.changes.emit(room)
    this.flush()
    return entry
  }

  /** Tries a failed entry again, with the same `id`; not what would change another message than was meant. */
  retry(id: string): void {
    const entry = this.#entries.find((each) => each.id === id)
    if (entry && !entry.astray) this.#replace({ ...entry, failure: null })
    this.flush()
  }

  /** Gives an entry up. */
  discard(id: string): void {
    this.#remove(id)
    this.flush()
  }

  /** One's own copy of a message is its acknowledgement. */
  acknowledged(id: string): void {
    if (this.#remove(id)) this.#attempt = 0
    this.flush()
  }

  /** Takes an error that names one of the entries. True where it did. */
  refused(error: Incoming<"error">): boolean {
    const entry = this.#entries.find(({ id }) => id === error.ref)
    if (!entry) return false
    this.#settle(entry.room, entry.id)
    if (error.retryable) this.#hold(error.retry_after_ms ?? backoff(this.#attempt++, this.#ports.random()))
    else if (error.code === "not_joined") this.#ports.notJoined(entry.room)
    else {
      this.#fail(entry, { code: error.code, text: error.text })
      const isDone = entry.said.type === "delete" && error.code === "no_such_message"
      if (!bearsWords(entry) && !isDone) this.#ports.gaveUp(error)
    }
    this.flush()
    return true
  }

  /** The room cannot be entered, so nothing that waits for it can go. The room itself says why. */
  roomRefused(room: RoomName, failure: NonNullable<OutboxEntry["failure"]>): void {
    for (const entry of this.of(room)) if (entry.failure === null) this.#fail(entry, failure)
  }

  /** The store went back: under a number may stand another message now, so what changes or answers one, or stands under one, is not sent, even if it is tried again. */
  wentBack(room: RoomName): void {
    for (const entry of this.of(room)) if (names(entry.said)) this.#goAstray(entry)
  }

  /** The numbers that are shown are of the store of this name, which need not be the server's any more. */
  showsOf(epoch: string): void {
    this.#epoch = epoch
  }

  /** The store is the one of this name; as above for what names numbers of another. */
  ofStore(epoch: string): void {
    this.#epoch = epoch
    for (const entry of this.#entries.filter(({ epoch: of }) => of !== undefined && of !== epoch)) this.#goAstray(entry)
  }

  /** What was under way may or may not have arrived: it is sent again on the next connection. */
  disconnected(): void {
    for (const { cancel } of this.#inFlight.values()) cancel()
    this.#inFlight.clear()
    this.#release()
  }

  /** Sends of each joined room the first entry that waits, unless one is in flight. */
  flush(): void {
    if (Date.now() < this.#holdUntil) return
    for (const room of this.rooms) {
      if (this.#inFlight.has(room) || !this.#ports.isJoined(room)) continue
      const next = this.#entries.find((entry) => entry.room === room && entry.failure === null)
      if (next && (next.said.type !== "chat" || next.former === undefined || this.#ports.isLookedFor(next))) this.#sendNow(next)
    }
  }

  #sendNow(entry: OutboxEntry): void {
    const { room, id, said } = entry
    if (thingOf(said) !== null && !entry.sent) this.#keep({ ...entry, sent: true })
    const cancel = afterSilence(ACKNOWLEDGED_WITHIN_MS, () => {
      this.#inFlight.delete(room)
      this.flush()
    })
    this.#inFlight.set(room, { id, cancel })
    if (!this.#ports.send({ ...said, room, id } as ClientFrame)) this.#settle(room, id)
  }

  #settle(room: RoomName, id: string): void {
    const inFlight = this.#inFlight.get(room)
    if (inFlight?.id !== id) return
    inFlight.cancel()
    this.#inFlight.delete(room)
  }

  /** Nothing goes for so long. What another room was told before still holds: the limits count for the whole connection. */
  #hold(ms: number): void {
    if (Date.now() + ms <= this.#holdUntil) return
    this.#holdUntil = Date.now() + ms
    this.#cancelHold()
    this.#cancelHold = after(ms, () => {
      this.#release()
      this.flush()
    })
  }

  #release(): void {
    this.#cancelHold()
    this.#holdUntil = 0
  }

  #replace(entry: OutboxEntry): void {
    this.#keep(entry)
    this.changes.emit(entry.room)
  }

  /** As `#replace`, and nobody is told. */
  #keep(entry: OutboxEntry): void {
    const at = this.#entries.findIndex(({ id }) => id === entry.id)
    this.#entries[at] = entry
    this.#store.put(entry)
  }

  /**
   * Whether `entry` waits to say the same thing of the same message. What was refused stays; and what was ever sent: a gateway that we are not
   * connected to any more may hold it still, and store it after what follows, unless that waits until it is settled.
   */
  #isReplaced(entry: OutboxEntry, said: Said): boolean {
    const thing = thingOf(said)
    return thing !== null && thing === thingOf(entry.said) && entry.failure === null && !entry.sent
  }

  /** The message that the entry names may be another by now. The words of an answer are kept apart from it; an edit is of no other message. */
  #goAstray({ epoch: _of, ...entry }: OutboxEntry): void {
    const { said } = entry
    const failure = entry.failure ?? NOT_THERE
    this.#settle(entry.room, entry.id)
    if (said.type === "chat") this.#replace({ ...entry, failure, said: { type: "chat", text: said.text, ...(said.mentions && { mentions: said.mentions }) } })
    else this.#fail({ ...entry, astray: true }, failure)
  }

  /** It is not sent again by itself. Nothing is kept of it where nobody would miss a word. */
  #fail(entry: OutboxEntry, failure: NonNullable<OutboxEntry["failure"]>): void {
    if (bearsWords(entry)) this.#replace({ ...entry, failure })
    else this.#remove(entry.id)
  }

  #remove(id: string): boolean {
    const entry = this.#drop(id)
    if (entry) this.changes.emit(entry.room)
    return entry !== null
  }

  /** As `#remove`, and nobody is told. */
  #drop(id: string): OutboxEntry | null {
    const at = this.#entries.findIndex((entry) => entry.id === id)
    if (at < 0) return null
    const [entry] = this.#entries.splice(at, 1)
    this.#settle(entry!.room, id)
    this.#store.remove(id)
    return entry!
  }
}

const bearsWords = ({ said }: OutboxEntry): boolean => said.type === "chat" || said.type === "edit"

/** Whether it bears the number of a message. */
const names = (said: Said): boolean => said.type !== "chat" || said.reply_to !== undefined || said.thread !== undefined

/** What is changed, of which the last word alone counts; null for a message. */
const thingOf = (said: Said): string | null => {
  switch (said.type) {
    case "chat":
      return null
    case "react":
      return `react ${said.of} ${canonical(said.emoji)}`
    case "edit":
    case "delete":
    case "pin":
      return `${said.type} ${said.of}`
  }
}
