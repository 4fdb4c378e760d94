/** What is kept of a room over the life of a page: what is whole here, as of one number, and nothing beyond that. */
import type { Room } from "./room.ts"
import type { RoomLog } from "./room-log.ts"
import type { Standing } from "./standing.ts"
import type { Message, Person, RoomChange, RoomName, RoomSummary } from "./wire.ts"

/**
 * How rooms are kept. Raised where an entry comes to mean more to this client (`fold`, `foldRoom`): what an older page made of it is not
 * whole then, and is dropped.
 */
export const KEPT_AS = 2
/** So many of a room's newest messages are kept, and so many of the changes of the room itself that stand between them. */
export const KEPT_MESSAGES = 200
export const KEPT_LINES = 100

/** A log in which all messages from `start` to `seq` are, with all that was changed up to `seq`. */
export interface KeptLog {
  readonly seq: number
  readonly start: number
  /** The oldest entry that the server keeps. */
  readonly first: number
  readonly hasOlder: boolean
  readonly messages: readonly Message[]
  /** Of each message the number as of which it is held. */
  readonly asOf: readonly number[]
  readonly lines: readonly RoomChange[]
}

export interface KeptRoom {
  readonly room: RoomName
  /** As the server has listed it last, without its newest message. */
  readonly summary: Omit<RoomSummary, "last"> | null
  /** How it stood as of the log's `seq`; null where that is not known. */
  readonly standing: (Omit<Standing, "people"> & { readonly people: readonly Person[] | null }) | null
  readonly readSeq: number | null
  readonly newest: { readonly message: Message; readonly asOf: number } | null
  readonly log: KeptLog | null
}

/** Null where there is nothing to keep. */
export const recordOf = (room: Room): KeptRoom | null => {
  const { summary, readSeq } = room
  const log = keptLog(room.log)
  if (log === null && summary === null) return null
  const message = room.log.newest
  return {
    room: room.name,
    summary: summary && withoutLast(summary),
    standing: log && standingAt(log.seq, room),
    readSeq,
    newest: message && { message, asOf: room.log.asOf(message) },
    log,
  }
}

/** The room goes on where it was kept; nothing where something is known of it already. */
export const restoreRoom = (room: Room, { summary, standing, readSeq, newest, log }: KeptRoom): void => {
  if (room.log.start !== null || room.summary !== null) return
  if (log) room.log.restore(log)
  if (newest) room.log.listed(newest.message, newest.asOf)
  if (summary) room.summarised(summary)
  if (readSeq !== null) room.readSeq = Math.max(readSeq, room.readSeq ?? 0)
  if (standing) room.standing = { ...standing, people: standing.people && new Map(standing.people.map((person) => [person.id, person])) }
  room.isFromDisk = true
}

/** What may change where something else is to be kept: as long as all of these are the same, the record is. */
export const partsOf = ({ log, stores, standing, readSeq, summary }: Room): readonly unknown[] => [
  log,
  stores,
  standing,
  readSeq,
  summary,
  log.messages,
  log.lines,
  log.newest,
  log.resumeAfter,
  log.first,
]

const keptLog = (log: RoomLog): KeptLog | null => {
  const seq = log.resumeAfter
  if (seq === null) return null
  // Where the newest were let go, no part that ends with them is here: then only that it goes on from there.
  const whole = log.end === null ? log.messages.filter((message) => message.seq <= seq) : []
  const messages = whole.slice(-KEPT_MESSAGES)
  const isAll = log.end === null && messages.length === whole.length && log.start! <= seq + 1
  const start = isAll ? log.start! : (messages[0]?.seq ?? seq + 1)
  return {
    seq,
    start,
    first: log.first,
    hasOlder: isAll ? log.hasOlder : start > log.first,
    messages,
    asOf: messages.map((message) => log.asOf(message)),
    lines: log.lines.filter((line) => line.seq >= start && line.seq <= seq).slice(-KEPT_LINES),
  }
}

/** As of `seq` it is known only if nothing was passed over, and it is not ahead. */
const standingAt = (seq: number, { standing, log }: Room): KeptRoom["standing"] =>
  standing && standing.asOf <= seq && standing.asOf >= log.passedOver ? { ...standing, people: standing.people && [...standing.people.values()] } : null

// It may have been changed, or deleted, since then: the log has it as it is.
const withoutLast = ({ last: _last, ...summary }: RoomSummary): Omit<RoomSummary, "last"> => summary
