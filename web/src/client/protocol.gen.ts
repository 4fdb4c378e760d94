// Generated from shared/protocol by `make generate`. Do not edit.

/** A room that something happened in. `title`: what it was called then. */
export interface About {
  room: string
  title?: string
}

/** The message `of` of a room, under `thread` if it stands in one. `why` it is told: it mentions one; it answers in a thread that one began, or has written in; it was said in a direct room. */
export interface AboutMessage {
  room: string
  title?: string
  of: number
  thread?: number
  why: "mention" | "reply" | "direct"
}

export interface Auth {
  type: "auth"
  ref?: string
  token: string
}

/** `reply_to`: the number of the message that it quotes. `thread`: of the one under which it stands; that one stands under none. */
export interface Chat {
  type: "chat"
  ref?: string
  room: string
  id: string
  text: string
  reply_to?: number
  thread?: number
  mentions?: string[]
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
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  text: string
  mentions?: string[]
}

/** A private room under a name that the server makes (`room_names.private_room`), with its sender as the owner and these users as members. It is answered with `joined`. */
export interface Create {
  type: "create"
  ref?: string
  id: string
  title: string
  topic?: string
  users?: string[]
}

/** Its author alone may. */
export interface Delete {
  type: "delete"
  ref?: string
  room: string
  id: string
  of: number
}

export interface DeleteChange {
  type: "change"
  kind: "delete"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
}

export interface DeletedMessage {
  type: "message"
  kind: "deleted"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
}

/** What somebody signed in on, and when (`at`): `name` as it calls itself (`User-Agent`), `address` as the server sees it. */
export interface Device {
  at: string
  name?: string
  address?: string
}

/** The room of exactly these users and the sender, made where it is not there yet; of the sender alone: a room for notes. It is answered with `joined`. */
export interface DirectRoom {
  type: "direct"
  ref?: string
  id: string
  users: string[]
}

/** `of`: the number of the message. Its author alone may; a file has no text to edit. The message mentions `mentions` from now on, and nobody else. */
export interface Edit {
  type: "edit"
  ref?: string
  room: string
  id: string
  of: number
  text: string
  mentions?: string[]
}

export interface EditChange {
  type: "change"
  kind: "edit"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  text?: string
  mentions?: string[]
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

export type ErrorCode = "invalid_frame" | "too_large" | "unauthorized" | "expired" | "forbidden" | "not_joined" | "no_such_room" | "no_such_message" | "no_such_user" | "id_reused" | "rate_limited" | "overloaded" | "unavailable" | "unsupported_file" | "name_taken" | "bad_credentials" | "forbidden_origin" | "no_guests" | "sign_in_elsewhere" | "invalid_name" | "invalid_password" | "weak_password" | "invalid_request" | "not_found" | "method_not_allowed" | "no_such_file" | "precondition_failed" | "upgrade_required" | "timed_out" | "internal"

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
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  file: StoredFile
}

/** Whose names begin so, in small or large letters. */
export interface FindPeople {
  type: "people"
  ref?: string
  q: string
}

/** An owner alone may. */
export interface GiveRole {
  type: "role"
  ref?: string
  room: string
  id: string
  user: string
  role: "owner" | "moderator" | "member"
}

/** `thread`: the messages under this one alone. */
export interface History {
  type: "history"
  ref?: string
  room: string
  before?: number
  after?: number
  thread?: number
  limit?: number
}

/** `messages`: with `before` messages alone, with `after` all entries. They hold all changes up to `seq`, the newest entry when they were read. `first`: of the oldest that is kept, left out where it is 1. */
export interface HistoryPage {
  type: "history"
  ref?: string
  room: string
  seq: number
  first?: number
  messages: (LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn | LoggedEdit | LoggedDelete | LoggedReact | LoggedPin | LoggedMember | LoggedSettings)[]
  more: boolean
}

/** Makes `user` a member of the room. */
export interface Invite {
  type: "invite"
  ref?: string
  room: string
  id: string
  user: string
}

export interface InvitedMessage {
  type: "message"
  kind: "invited"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: About
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
  title?: string
  topic?: string
  posting?: "members" | "moderators"
  invites?: "members" | "moderators"
  keep_days?: number
  archived?: boolean
  room: string
  seq: number
  first?: number
  as_of?: number
  members: number
  online: User[]
  role?: "owner" | "moderator" | "member"
  private?: boolean
  people?: Person[]
  messages: (LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn | LoggedEdit | LoggedDelete | LoggedReact | LoggedPin | LoggedMember | LoggedSettings)[]
  more: boolean
}

/** What is told of a room to who is subscribed from now on. `seq`: of the newest entry; `first`: of the oldest that is kept, left out where it is 1. `messages`: the entries after the `after` that was asked for, or without it the last messages. They hold all changes up to `as_of`, which is left out where it is `seq`. `role`: one's own, left out where it is `member`. `private`: only its members know of the room, and `people` are all of them, whether online or not. What holds for the room (`Settings`), its people and one's role are as of `seq`. */
export interface JoinedRoom {
  title?: string
  topic?: string
  posting?: "members" | "moderators"
  invites?: "members" | "moderators"
  keep_days?: number
  archived?: boolean
  room: string
  seq: number
  first?: number
  as_of?: number
  members: number
  online: User[]
  role?: "owner" | "moderator" | "member"
  private?: boolean
  people?: Person[]
  messages: (LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn | LoggedEdit | LoggedDelete | LoggedReact | LoggedPin | LoggedMember | LoggedSettings)[]
  more: boolean
}

export interface Leave {
  type: "leave"
  ref?: string
  room: string
}

/** `by`: who has ended one's membership, if that was not oneself. */
export interface Left {
  type: "left"
  ref?: string
  room: string
  by?: User
}

/** What one connection may do: bytes of a frame, characters of a text, bytes of an inline file, frames a second in the long run and at once. */
export interface Limits {
  frame_bytes: number
  text_chars: number
  inline_file_bytes: number
  frames_per_s: number
  frames_burst: number
}

/** `mentions`: user ids, sorted by their bytes. */
export interface LoggedChat {
  kind: "chat"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  text: string
  mentions?: string[]
}

export interface LoggedDelete {
  kind: "delete"
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
}

/** A message that was deleted: nothing of what it said is left. */
export interface LoggedDeleted {
  kind: "deleted"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
}

/** `text`, `mentions`: the message's of today, also where a later edit wrote them; left out where it has none any more. */
export interface LoggedEdit {
  kind: "edit"
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  text?: string
  mentions?: string[]
}

export interface LoggedFile {
  kind: "file"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  file: StoredFile
}

/** In one's own log: `from` has made one a member of the room. */
export interface LoggedInvited {
  kind: "invited"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: About
}

/** `user` is a member with this `role` from now on; without one, none any more. */
export interface LoggedMember {
  kind: "member"
  room: string
  seq: number
  id: string
  from: User
  at: string
  user: User
  role?: "owner" | "moderator" | "member"
}

/** In one's own log: `from` has said something to one, or has edited it so. */
export interface LoggedMention {
  kind: "mention"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: AboutMessage
}

export interface LoggedPin {
  kind: "pin"
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  on: boolean
}

export interface LoggedReact {
  kind: "react"
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  emoji: string
  on: boolean
}

/** In one's own log: `from` has ended one's membership. */
export interface LoggedRemoved {
  kind: "removed"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: About
}

/** What was set, alone. */
export interface LoggedSettings {
  kind: "room"
  title?: string
  topic?: string
  posting?: "members" | "moderators"
  invites?: "members" | "moderators"
  keep_days?: number
  archived?: boolean
  room: string
  seq: number
  id: string
  from: User
  at: string
}

/** In one's own log: one has signed in with the password, on this `device`. */
export interface LoggedSignedIn {
  kind: "signed_in"
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  device: Device
}

export interface MemberChange {
  type: "change"
  kind: "member"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  user: User
  role?: "owner" | "moderator" | "member"
}

export interface MentionMessage {
  type: "message"
  kind: "mention"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: AboutMessage
}

/** Of what in the room one is alerted from now on, on all devices. */
export interface NotifyLevel {
  type: "notify"
  ref?: string
  room: string
  level: "all" | "mentions" | "none"
}

export interface PeopleList {
  type: "people"
  ref?: string
  people: User[]
}

/** A member of a room. `role` is left out where it is `member`. */
export interface Person {
  id: string
  name: string
  role?: "owner" | "moderator" | "member"
}

/** Any member may. `on`: pinned, or not any more. */
export interface Pin {
  type: "pin"
  ref?: string
  room: string
  id: string
  of: number
  on: boolean
}

export interface PinChange {
  type: "change"
  kind: "pin"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  on: boolean
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

/** `emoji`: one, as people see it. `on`: set, or taken back. */
export interface React {
  type: "react"
  ref?: string
  room: string
  id: string
  of: number
  emoji: string
  on: boolean
}

export interface ReactChange {
  type: "change"
  kind: "react"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  of: number
  emoji: string
  on: boolean
}

/** Everybody who has reacted to a message with `emoji`: user ids, sorted by their bytes. */
export interface Reaction {
  emoji: string
  users: string[]
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

export interface RefusedRoom {
  room: string
  error: RoomError
}

/** Ends the membership of `user`, who hears nothing more of the room. */
export interface Remove {
  type: "remove"
  ref?: string
  room: string
  id: string
  user: string
}

export interface RemovedMessage {
  type: "message"
  kind: "removed"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  about: About
}

/** How many messages stand under one, those that were deleted among them, and which is the newest. */
export interface Replies {
  count: number
  last_seq: number
  last_at: string
}

/** As `join` with `after` for each of `rooms`; but it makes no room and no member. */
export interface Resume {
  type: "resume"
  ref?: string
  rooms: RoomAfter[]
}

/** Of some of the rooms that were asked for, or of all. */
export interface Resumed {
  type: "resumed"
  ref?: string
  rooms: (JoinedRoom | RefusedRoom)[]
}

/** A room of which everything up to `after` is known. */
export interface RoomAfter {
  room: string
  after: number
}

export interface RoomError {
  code: ErrorCode
  text: string
}

export interface RoomList {
  type: "rooms"
  ref?: string
  rooms: RoomSummary[]
}

/** What is left out stays as it is. `posting`: who may write. `invites`: who may invite. `keep_days`: what is older is removed; 0: as the deployment says. `archived`: nobody may write or invite. */
export interface RoomSettings {
  type: "settings"
  ref?: string
  room: string
  id: string
  title?: string
  topic?: string
  posting?: "members" | "moderators"
  invites?: "members" | "moderators"
  keep_days?: number
  archived?: boolean
}

/** `seq` of the newest entry, `read_seq` how far this user has read, `unread` how many messages of others follow that and are not deleted, `mentions` how many of those mention one (both counted to 100), `notify` of what one is alerted, left out where it is `all`, `members` how many are online. `last` the newest message; where the list has no room for it, `last_at` says when it came. `role`: one's own, left out where it is `member`. `with`: the other people of a direct room. */
export interface RoomSummary {
  room: string
  title?: string
  private?: boolean
  with?: User[]
  role?: "owner" | "moderator" | "member"
  archived?: boolean
  seq: number
  read_seq: number
  unread: number
  mentions?: number
  notify?: "all" | "mentions" | "none"
  members: number
  last?: LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn
  last_at?: string
}

export interface Rooms {
  type: "rooms"
  ref?: string
}

/** Of what in the room its sender is alerted, on whatever device. */
export interface SetNotify {
  type: "notify"
  ref?: string
  room: string
  level: "all" | "mentions" | "none"
}

export interface SettingsChange {
  type: "change"
  kind: "room"
  ref?: string
  title?: string
  topic?: string
  posting?: "members" | "moderators"
  invites?: "members" | "moderators"
  keep_days?: number
  archived?: boolean
  room: string
  seq: number
  id: string
  from: User
  at: string
}

export interface SignedInMessage {
  type: "message"
  kind: "signed_in"
  ref?: string
  room: string
  seq: number
  id: string
  from: User
  at: string
  reply_to?: number
  thread?: number
  replies?: Replies
  edited_at?: string
  pinned?: boolean
  reactions?: Reaction[]
  device: Device
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

/** `me`: the room of one's own, which is joined as any other and lists what happened to oneself. `keep_days`: for so many days rooms keep what is said, where they say nothing else; left out where that is for ever. */
export interface Welcome {
  type: "welcome"
  ref?: string
  user: User
  session: string
  epoch: string
  expires_at: string
  heartbeat_s: number
  limits: Limits
  me: string
  keep_days?: number
}

export type ClientFrame =
  | Auth
  | Join
  | Resume
  | Leave
  | Rooms
  | Chat
  | FileFrame
  | Edit
  | Delete
  | React
  | Pin
  | History
  | Typing
  | Read
  | Ping
  | Create
  | DirectRoom
  | Invite
  | Remove
  | GiveRole
  | RoomSettings
  | FindPeople
  | SetNotify

export type ServerFrame =
  | Welcome
  | Joined
  | Resumed
  | Left
  | RoomList
  | ChatMessage
  | FileMessage
  | DeletedMessage
  | EditChange
  | DeleteChange
  | ReactChange
  | PinChange
  | InvitedMessage
  | RemovedMessage
  | MentionMessage
  | SignedInMessage
  | MemberChange
  | SettingsChange
  | PeopleList
  | HistoryPage
  | Presence
  | TypingNotice
  | ReadMark
  | NotifyLevel
  | Pong
  | Reconnect
  | ErrorFrame

/** A message as a client keeps it: with or without the frame's own fields. */
export type Message = LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn

/** What changes a message; what changes the room itself; and all that a room's log holds. */
export type Change = LoggedEdit | LoggedDelete | LoggedReact | LoggedPin
export type RoomChange = LoggedMember | LoggedSettings
export type Entry = Message | Change | RoomChange

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
