/** The visible range of a long room: which of its messages stand on the page. Never more than `SHOWN_AT_MOST`, whatever comes at either end. */
import { indexOf, type Message, type RoomChange } from "../client/index.ts"

const OPENS_WITH = 120
const SHOWN_BEFORE = 30
const GROWS_BY = 40
export const SHOWN_AT_MOST = 240

export interface VisibleRange {
  /** The first number shown, so that the range survives what is added at either end; null: it follows the newest. */
  readonly first: number | null
  /** At most so many messages. */
  readonly count: number
}

export const NEWEST: VisibleRange = { first: null, count: OPENS_WITH }

export const follows = ({ first }: VisibleRange): boolean => first === null

export const shownIn = (messages: readonly Message[], { first, count }: VisibleRange): readonly Message[] => {
  const start = first === null ? Math.max(0, messages.length - count) : indexOf(messages, first)
  return messages.slice(start, start + count)
}

/**
 * Those of `lines` that belong between the messages `shown`: `fromStart`, also what stands before the first; `toEnd`, what follows the last.
 */
export const linesIn = (lines: readonly RoomChange[], shown: readonly Message[], fromStart: boolean, toEnd: boolean): readonly RoomChange[] => {
  if (lines.length === 0) return lines
  const from = fromStart ? 0 : indexOf(lines, shown[0]?.seq ?? Infinity)
  const to = toEnd ? lines.length : indexOf(lines, shown.at(-1)?.seq ?? 0)
  return lines.slice(from, Math.max(from, to))
}

/** Opens at the message `seq`, with what was said just before it. */
export const openedAt = (messages: readonly Message[], seq: number): VisibleRange => {
  const start = Math.max(0, indexOf(messages, seq) - SHOWN_BEFORE)
  return { first: messages[start]?.seq ?? null, count: OPENS_WITH }
}

/** Holds the first message where it is, so that what comes below does not push it out. */
export const pinned = (messages: readonly Message[], range: VisibleRange): VisibleRange =>
  follows(range) ? { first: shownIn(messages, range)[0]?.seq ?? null, count: SHOWN_AT_MOST } : range

/** Follows the newest from now on; what is shown stays. */
export const following = (messages: readonly Message[], range: VisibleRange): VisibleRange =>
  follows(range) ? range : { first: null, count: Math.max(OPENS_WITH, shownIn(messages, range).length) }

/** Shows earlier messages that are here already, or null where there are none. */
export const earlier = (messages: readonly Message[], range: VisibleRange): VisibleRange | null => {
  const shown = shownIn(messages, range)
  const start = shown.length === 0 ? 0 : indexOf(messages, shown[0]!.seq)
  if (start === 0) return null
  const grown = Math.min(start, GROWS_BY)
  return { first: messages[start - grown]!.seq, count: Math.min(SHOWN_AT_MOST, shown.length + grown) }
}

/** Shows later messages that are here already, or null where there are none. */
export const later = (messages: readonly Message[], range: VisibleRange): VisibleRange | null => {
  if (range.first === null) return null
  const start = indexOf(messages, range.first)
  const shownTo = start + range.count
  if (shownTo >= messages.length) return null
  const end = Math.min(messages.length, shownTo + GROWS_BY)
  const first = Math.max(start, end - SHOWN_AT_MOST)
  return { first: messages[first]!.seq, count: SHOWN_AT_MOST }
}
