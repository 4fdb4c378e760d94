/** What this user has changed and the server has not stored yet, as it looks already. */
import { fold } from "./fold.ts"
import { indexOf } from "./indices.ts"
import type { OutboxEntry, Said } from "./outbox-store.ts"
import type { Change, Message, User } from "./wire.ts"

/** Whether the entry changes a message and is none itself. */
export const isChanging = (entry: OutboxEntry): entry is OutboxEntry & { readonly said: Exclude<Said, { type: "chat" }> } => entry.said.type !== "chat"

/**
 * `messages` of one room, oldest first, with what waits of `me` applied to them. What was refused is not. It is the same array where nothing of
 * it changes anything, and holds the same messages where they are not touched.
 */
export const withWaiting = (messages: readonly Message[], waiting: readonly OutboxEntry[], me: User): readonly Message[] => {
  let changed: Message[] | null = null
  for (const entry of waiting) {
    if (entry.failure !== null || !isChanging(entry)) continue
    const at = indexOf(messages, entry.said.of)
    const message = (changed ?? messages)[at]
    if (message === undefined || message.seq !== entry.said.of || message.room !== entry.room) continue
    const folded = fold(message, changeOf(entry, entry.said, me))
    if (folded === message) continue
    changed ??= messages.slice()
    changed[at] = folded
  }
  return changed ?? messages
}

/** The change as it will come back. Its number is not known yet. */
const changeOf = ({ id, room, writtenAt }: OutboxEntry, { type: kind, ...said }: Exclude<Said, { type: "chat" }>, from: User): Change =>
  ({ kind, room, seq: Infinity, id, from, at: new Date(writtenAt).toISOString(), ...said }) as Change
