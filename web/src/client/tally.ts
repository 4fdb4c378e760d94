/**
 * How many messages of others follow the read mark of a room, and how many of them mention this user. What is here is counted; of the rest the
 * server has said how many there are, as of a number. Where that holds no more, it has to be asked anew: nothing is guessed for long.
 */
import type { RoomLog } from "./room-log.ts"
import type { Change, Message, RoomSummary } from "./wire.ts"

/** How far the server counts. */
export const COUNTED_TO = 100

export interface Unread {
  readonly messages: number
  /** Those of them that mention this user. */
  readonly mentions: number
}

/** What messages and changes are to this user. */
export interface Regard {
  /** Whether it is one's own, or was read otherwise, or nothing is left of it. */
  isRead(message: Message): boolean
  /** Whether the message, or what an edit makes of it, mentions this user. */
  mentions(said: Pick<Change & { kind: "edit" }, "mentions">): boolean
  isOwn(entry: Pick<Change, "from">): boolean
}

const NOTHING: Unread = { messages: 0, mentions: 0 }

export class Tally {
  readonly #regard: Regard
  #listed: RoomSummary | null = null
  /** The entries up to this number have changed what is not here, or may have: a count of an earlier moment is not right any more. */
  #unclear = 0

  constructor(regard: Regard) {
    this.#regard = regard
  }

  /** The server has counted. */
  listed(summary: RoomSummary): void {
    this.#listed = summary
  }

  /** A message was changed, which need not be here. */
  changed(change: Change): void {
    if (change.kind === "delete" || (change.kind === "edit" && this.#countsAnew(change))) this.#unclear = Math.max(this.#unclear, change.seq)
  }

  /** The message is not held, and only its number is counted, as that of another's which mentions nobody. */
  passed(message: Message): void {
    if (this.#regard.isRead(message) || this.#isMention(message)) this.#unclear = Math.max(this.#unclear, message.seq)
  }

  /** What follows `readSeq` up to `seq`, the newest. */
  count(log: RoomLog, readSeq: number | null, seq: number): Unread {
    if (readSeq === null) return NOTHING
    const listedSeq = this.#listed?.seq ?? 0
    const uncounted = log.unknown(readSeq + 1, listedSeq)
    const here = this.#here(log, readSeq, seq)
    const rest = this.#rest(log, uncounted)
    const passed = log.unknown(Math.max(readSeq, listedSeq) + 1, seq)
    return { messages: here.messages + rest.messages + passed, mentions: here.mentions + rest.mentions }
  }

  /** Whether that is right, or will be when what is on its way has come; else the server has to count. */
  isRight(log: RoomLog, readSeq: number | null, seq: number): boolean {
    if (readSeq === null || log.gap !== null) return true
    const listedSeq = this.#listed?.seq ?? 0
    const uncounted = log.unknown(readSeq + 1, listedSeq)
    const from = Math.max(readSeq, listedSeq) + 1
    if (uncounted === 0 && log.unknown(from, seq) === 0) return true
    if (Math.max(this.#unclear, log.passedOver) > listedSeq) return false
    if (uncounted > 0 && readSeq !== this.#listed?.read_seq) return false // another device has read a part of what only the server has counted
    return log.unknown(from, log.end === null ? seq : Math.min(seq, log.end)) === 0 // let go, and nobody has counted it
  }

  // The author alone edits, and one's own messages are not counted.
  #countsAnew(edit: Change & { kind: "edit" }): boolean {
    if (this.#regard.isOwn(edit)) return false
    const mayHaveMentioned = this.#listed === null || edit.of > this.#listed.seq || (this.#listed.mentions ?? 0) > 0
    return mayHaveMentioned || this.#regard.mentions(edit)
  }

  #isMention(message: Message): boolean {
    return message.kind === "chat" && this.#regard.mentions(message)
  }

  /** What is here under the numbers (after, upTo]. */
  #here(log: RoomLog, after: number, upTo: number): Unread {
    const held = log.messages
    let messages = 0
    let mentions = 0
    for (let i = held.length - 1; i >= 0 && held[i]!.seq > after; i--) {
      const message = held[i]!
      if (message.seq > upTo || this.#regard.isRead(message)) continue
      messages += 1
      if (this.#isMention(message)) mentions += 1
    }
    return { messages, mentions }
  }

  /** What the server has counted among `uncounted` numbers that are not here. */
  #rest(log: RoomLog, uncounted: number): Unread {
    if (this.#listed === null || uncounted === 0) return NOTHING
    const { unread, mentions = 0, read_seq, seq } = this.#listed
    const here = this.#here(log, read_seq, seq)
    const among = (counted: number, ofThese: number) => Math.max(0, Math.min(uncounted, counted - ofThese))
    return { messages: unread >= COUNTED_TO ? uncounted : among(unread, here.messages), mentions: among(mentions, here.mentions) }
  }
}
