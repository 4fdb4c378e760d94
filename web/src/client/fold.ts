/**
 * What a change makes of a message. All effects set something to a value, so a change that the message holds already does nothing; a message
 * under it is counted once, since it is applied in the order of `seq` as all changes are.
 */
import { isReply, type ChatMessage, type Message, type MessageChange, type Reaction, type Reply } from "./wire.ts"

/** `message` after `change`, which is of it; the same object where that changes nothing. */
export const fold = (message: Message, change: MessageChange): Message => {
  if (isReply(change)) return answered(message, change)
  if (message.kind === "deleted" || isNotice(message)) return message
  switch (change.kind) {
    case "edit":
      return edited(message, change.text, change.mentions, change.at)
    case "delete":
      return deleted(message)
    case "react":
      return reacted(message, canonical(change.emoji), change.from.id, change.on)
    case "pin":
      return pinned(message, change.on)
    default:
      return ignored(message, change) // a newer server may know other changes
  }
}

/** The emoji without the marks that only say how it is drawn, in colour or as text: two that differ in nothing else are the same. */
export const canonical = (emoji: string): string => emoji.replace(/[\uFE0E\uFE0F]/gu, "")

type Notice = Extract<Message, { about: unknown } | { device: unknown }>
type Whole = Exclude<Message, Notice | { kind: "deleted" }>

// In one's own log nobody changes anything.
const isNotice = (message: Message): message is Notice => "about" in message || "device" in message

// A change without a text is one whose message has been deleted meanwhile: its own change says so.
const edited = (message: Whole, text: string | undefined, mentions: readonly string[] = [], at: ChatMessage["at"]): Message => {
  if (message.kind !== "chat" || text === undefined) return message
  const { mentions: before = [], ...rest } = message
  if (message.text === text && message.edited_at === at && before.join() === mentions.join()) return message
  return { ...rest, text, edited_at: at, ...(mentions.length > 0 && { mentions: [...mentions].sort() }) }
}

// Also where the message itself is deleted: what was said under it stays.
const answered = (message: Message, { seq, at }: Reply): Message => {
  const { count, last_seq } = message.replies ?? { count: 0, last_seq: 0 }
  return seq > last_seq ? { ...message, replies: { count: count + 1, last_seq: seq, last_at: at } } : message
}

const deleted = ({ room, seq, id, from, at, reply_to, thread, replies }: Whole): Message => ({
  kind: "deleted",
  room,
  seq,
  id,
  from,
  at,
  ...(reply_to !== undefined && { reply_to }),
  ...(thread !== undefined && { thread }),
  ...(replies !== undefined && { replies }),
})

const reacted = (message: Whole, emoji: string, user: string, on: boolean): Message => {
  const { reactions: before = [], ...rest } = message
  const users = before.find((each) => canonical(each.emoji) === emoji)?.users
  if ((users?.includes(user) ?? false) === on) return message
  const ofEmoji = on ? [...(users ?? []), user].sort() : users!.filter((each) => each !== user)
  const left = before.filter((each) => each.users !== users)
  if (ofEmoji.length > 0) left.push({ emoji, users: ofEmoji })
  return left.length > 0 ? { ...rest, reactions: left.sort(byEmoji) } : rest
}

// They are a set, and a set has one order: so a change that is applied twice, or late, ends in the same.
const byEmoji = (a: Reaction, b: Reaction): number => (a.emoji < b.emoji ? -1 : 1)

const pinned = (message: Whole, on: boolean): Message => {
  if ((message.pinned ?? false) === on) return message
  const { pinned: _pinned, ...rest } = message
  return on ? { ...rest, pinned: true } : rest
}

const ignored = (message: Message, _change: never): Message => message
