/** The frames of docs/protocol.md, picked out of the generated unions by their `type`. */
import type { Change, ClientFrame, Entry, Message, RoomChange, RoomSummary, ServerFrame, User } from "./protocol.gen.ts"

export type {
  Change,
  ChatMessage,
  ClientFrame,
  Entry,
  ErrorCode,
  FileMessage,
  JoinedRoom,
  Limits,
  Message,
  Person,
  Reaction,
  RefusedRoom,
  RoomAfter,
  RoomChange,
  RoomSummary,
  ServerFrame,
  StoredFile,
  User,
} from "./protocol.gen.ts"
export { CloseCode, comesBack, RETRYABLE } from "./protocol.gen.ts"

type Of<Union extends { type: string }, Type extends Union["type"]> = Extract<Union, { type: Type }>

export type Outgoing<Type extends ClientFrame["type"]> = Of<ClientFrame, Type>
export type Incoming<Type extends ServerFrame["type"]> = Of<ServerFrame, Type>

/** The largest page that `history` gives. */
export const PAGE_LIMIT = 200

/** A frame from the server, or null where the text is not a JSON object with a `type`: a newer server may say things this client does not know. */
export const parseFrame = (text: unknown): ServerFrame | null => {
  if (typeof text !== "string") return null
  try {
    const frame: unknown = JSON.parse(text)
    return isTyped(frame) ? (frame as ServerFrame) : null
  } catch {
    return null
  }
}

const isTyped = (value: unknown): value is { type: string } =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"

/** An entry that came by itself, as history would list it. */
export const loggedOf = ({ type: _type, ref: _ref, ...entry }: Incoming<"message" | "change">): Entry => entry

/** What else a log holds are changes; and what a newer server may put there, which nobody can show. */
export const isMessage = (entry: Entry): entry is Message => MESSAGES.has(entry.kind)
export const isChange = (entry: Entry): entry is Exclude<Entry, Message> => !isMessage(entry)
/** Whether it changes the room itself, and no message. */
export const isRoomChange = (entry: Entry): entry is RoomChange => entry.kind === "member" || entry.kind === "room"
const MESSAGES: ReadonlySet<Entry["kind"]> = new Set<Message["kind"]>(["chat", "file", "deleted", "invited", "removed", "mention", "signed_in"])

/** A message under another one, which counts it: so it is a change of that one, too. */
export type Reply = Message & { readonly thread: number }
export const isReply = (entry: Entry): entry is Reply => isMessage(entry) && entry.thread !== undefined
/** What changes a message. */
export type MessageChange = Change | Reply
/** The number of the message that is changed. */
export const changedBy = (change: MessageChange): number => ("thread" in change ? change.thread! : change.of)
/** What an entry changes besides being there; null: nothing. */
export const effectOf = (entry: Entry): MessageChange | RoomChange | null => (isReply(entry) || isChange(entry) ? entry : null)

/** Whom an entry is from is enough to tell whose copy it is: the same `id` may be used by two senders. */
export const isOwn = (entry: Pick<Entry, "from">, user: User | null): boolean => user !== null && entry.from.id === user.id

export type RoomName = RoomSummary["room"]
/** Of what in a room somebody is alerted. */
export type Level = NonNullable<RoomSummary["notify"]>
