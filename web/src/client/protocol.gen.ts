// Generated from shared/protocol by `make generate`. Do not edit.

export interface Auth {
  type: "auth"
  ref?: string
  token: string
}

export interface Chat {
  type: "chat"
  ref?: string
  room: string
  id: string
  text: string
}

export interface ChatMessage {
  type: "message"
  kind: "chat"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  text: string
}

/** `ref` is the frame's `ref`, else its `id`. `text` is a sentence for a person. */
export interface ErrorFrame {
  type: "error"
  ref?: string
  code: ErrorCode
  text: string
  retryable: boolean
  retry_after_ms?: number
}

export type ErrorCode = "invalid_frame" | "too_large" | "unauthorized" | "expired" | "forbidden" | "not_joined" | "no_such_room" | "id_reused" | "rate_limited" | "overloaded" | "unavailable" | "unsupported_file" | "name_taken" | "bad_credentials" | "forbidden_origin" | "no_guests" | "sign_in_elsewhere" | "invalid_name" | "invalid_password" | "weak_password" | "invalid_request" | "not_found" | "method_not_allowed" | "no_such_file" | "precondition_failed" | "upgrade_required" | "timed_out" | "internal"

/** `data` is a data URL (RFC 2397) in base64. */
export interface FileFrame {
  type: "file"
  ref?: string
  room: string
  id: string
  name: string
  data: string
}

export interface FileMessage {
  type: "message"
  kind: "file"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  file: StoredFile
}

export interface History {
  type: "history"
  ref?: string
  room: string
  before?: number
  after?: number
  limit?: number
}

export interface HistoryPage {
  type: "history"
  ref?: string
  room: string
  messages: (LoggedChat | LoggedFile)[]
  more: boolean
}

export interface Join {
  type: "join"
  ref?: string
  room: string
  after?: number
}

export interface Joined {
  type: "joined"
  ref?: string
  room: string
  seq: number
  members: number
  online: User[]
  messages: (LoggedChat | LoggedFile)[]
  more: boolean
}

export interface Leave {
  type: "leave"
  ref?: string
  room: string
}

export interface Left {
  type: "left"
  ref?: string
  room: string
}

/** What one connection may do: bytes of a frame, characters of a text, bytes of an inline file, frames a second in the long run and at once. */
export interface Limits {
  frame_bytes: number
  text_chars: number
  inline_file_bytes: number
  frames_per_s: number
  frames_burst: number
}

/** A chat as `joined`, `history` and `rooms` list it: a `message` without the `type`, which they imply. */
export interface LoggedChat {
  kind: "chat"
  room: string
  seq: number
  id: string
  from: User
  at: string
  text: string
}

/** A file as they list it. */
export interface LoggedFile {
  kind: "file"
  room: string
  seq: number
  id: string
  from: User
  at: string
  file: StoredFile
}

export interface Ping {
  type: "ping"
  ref?: string
}

export interface Pong {
  type: "pong"
  ref?: string
}

/** How many are online, and what is new of it: `user` came or went (`online`); or `present`, all who are online in place of what was told before, in rooms of over `JOIN_ONLINE` so many of them. Neither: how many, and no more. */
export interface Presence {
  type: "presence"
  ref?: string
  room: string
  user?: User
  online?: boolean
  members: number
  present?: User[]
}

export interface Read {
  type: "read"
  ref?: string
  room: string
  seq: number
}

export interface ReadMark {
  type: "read"
  ref?: string
  room: string
  user: User
  seq: number
}

export interface Reconnect {
  type: "reconnect"
  ref?: string
  after_ms: number
}

export interface RoomList {
  type: "rooms"
  ref?: string
  rooms: RoomSummary[]
}

/** `seq` of the newest message, `read_seq` how far this user has read, `unread` how many messages of others follow that (counted to 100), `members` how many are online. `last` the newest message; where the list has no room for it, `last_at` says when it came. */
export interface RoomSummary {
  room: string
  seq: number
  read_seq: number
  unread: number
  members: number
  last?: LoggedChat | LoggedFile
  last_at?: string
}

export interface Rooms {
  type: "rooms"
  ref?: string
}

/** A file as a message shows it; `size` in bytes, `mime` sniffed from the bytes, never believed from the sender. `width` and `height`: of a picture, in pixels as it is shown (turned as its Exif data say), both or neither. */
export interface StoredFile {
  id: string
  name: string
  size: number
  mime: string
  url: string
  width?: number
  height?: number
  preview_url?: string
}

export interface Typing {
  type: "typing"
  ref?: string
  room: string
}

export interface TypingNotice {
  type: "typing"
  ref?: string
  room: string
  user: User
}

export interface User {
  id: string
  name: string
}

export interface Welcome {
  type: "welcome"
  ref?: string
  user: User
  session: string
  epoch: string
  expires_at: string
  heartbeat_s: number
  limits: Limits
}

export type ClientFrame =
  | Auth
  | Join
  | Leave
  | Rooms
  | Chat
  | FileFrame
  | History
  | Typing
  | Read
  | Ping

export type ServerFrame =
  | Welcome
  | Joined
  | Left
  | RoomList
  | ChatMessage
  | FileMessage
  | HistoryPage
  | Presence
  | TypingNotice
  | ReadMark
  | Pong
  | Reconnect
  | ErrorFrame

/** A message as a client keeps it: with or without the frame's own fields. */
export type Message = LoggedChat | LoggedFile

/** Codes after which the same request may succeed. */
export const RETRYABLE: readonly ErrorCode[] = [
  "rate_limited",
  "overloaded",
  "unavailable",
  "timed_out",
]

export const CloseCode = {
  GOING_AWAY: 1001,
  PROTOCOL_ERROR: 1002,
  INVALID_DATA: 1007,
  TOO_BIG: 1009,
  INTERNAL_ERROR: 1011,
  SERVICE_RESTART: 1012,
  DRAINING: 4001,
  TOO_SLOW: 4002,
  OVERLOADED: 4003,
  SILENT: 4004,
  NOT_AUTHENTICATED: 4501,
  TOKEN_EXPIRED: 4502,
  SIGNED_OUT: 4503,
  PROTOCOL_BROKEN: 4504,
} as const

/** Whether a client should reconnect after this close code. docs/protocol.md, "Close codes". */
export const comesBack = (code: number): boolean =>
  [1001, 1002, 1006, 1007, 1011, 1012].includes(code) || (code >= 4000 && code < 4500)
