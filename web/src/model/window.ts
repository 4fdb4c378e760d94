/** Which part of a long room stands on the page: a bounded window over its messages, named by sequence numbers so that it survives what is added at either end. */
import { indexOf, type Message } from "../client/index.ts"

const OPENS_WITH = 120
const SHOWN_BEFORE = 30
const GROWS_BY = 80
export const HOLDS_AT_MOST = 320

export interface Window {
  /** The first number shown; null: the newest so many. */
  readonly first: number | null
  /** The last number shown; null: up to the newest, and what waits to be sent. */
  readonly last: number | null
}

export const NEWEST: Window = { first: null, last: null }

export const shownIn = (messages: readonly Message[], { first, last }: Window): readonly Message[] => {
  const end = last === null ? messages.length : indexOf(messages, last + 1)
  const start = first === null ? Math.max(0, end - OPENS_WITH) : indexOf(messages, first)
  return messages.slice(start, end)
}

/** Opens at the message `seq`, with what was said just before it. */
export const openedAt = (messages: readonly Message[], seq: number): Window => {
  const start = Math.max(0, indexOf(messages, seq) - SHOWN_BEFORE)
  const end = start + OPENS_WITH
  return { first: messages[start]?.seq ?? null, last: end >= messages.length ? null : messages[end - 1]!.seq }
}

/** Holds the first message where it is, so that what comes below does not push it out. */
export const pinned = (messages: readonly Message[], window: Window): Window =>
  window.first === null ? { ...window, first: shownIn(messages, window)[0]?.seq ?? null } : window

/** Shows earlier messages that are here already, or null where there are none. */
export const earlier = (messages: readonly Message[], window: Window): Window | null => {
  const shown = shownIn(messages, window)
  const start = shown.length === 0 ? 0 : indexOf(messages, shown[0]!.seq)
  if (start === 0) return null
  const first = Math.max(0, start - GROWS_BY)
  const end = Math.min(start + shown.length, first + HOLDS_AT_MOST)
  return { first: messages[first]!.seq, last: end === messages.length ? null : messages[end - 1]!.seq }
}

/** Shows later messages, or null where the newest are shown already. */
export const later = (messages: readonly Message[], window: Window): Window | null => {
  if (window.last === null) return null
  const end = Math.min(messages.length, indexOf(messages, window.last + 1) + GROWS_BY)
  const start = Math.max(indexOf(messages, window.first ?? 0), end - HOLDS_AT_MOST)
  return { first: messages[start]?.seq ?? null, last: end === messages.length ? null : messages[end - 1]!.seq }
}
