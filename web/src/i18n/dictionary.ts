/** Everything the page says. One dictionary for each language; the compiler sees to it that none lacks a sentence. */
import type { ErrorCode, Governors, Level, Role } from "../client/index.ts"
import type { Action } from "../model/actions.ts"
import type { EmojiGroupName } from "../model/emoji-list.ts"

export type Unit = "B" | "KB" | "MB" | "GB"

/** What can go wrong: the protocol's codes, and those that only the page knows. */
export type Problem =
  | ErrorCode
  | "invalid_room"
  | "no_answer"
  | "folder"
  | "unreadable"
  | "other"

type Phrase = string
type Counted = (count: number) => string
type Named = (name: string) => string

export interface Dictionary {
  locale: string
  code: string
  languageName: Phrase
  brand: Phrase
  tagline: Phrase

  asGuest: Phrase
  withPassword: Phrase
  yourName: Phrase
  nameExample: Phrase
  password: Phrase
  enter: Phrase
  enterRoom: Named
  signIn: Phrase
  register: Phrase
  toRegister: Phrase
  toSignIn: Phrase
  guestHint: Phrase
  signInWaits: Phrase
  changePassword: Phrase
  oldPassword: Phrase
  newPassword: Phrase
  newPasswordHint: Phrase
  wrongPassword: Phrase
  passwordChanged: Phrase
  done: Phrase
  signOut: Phrase
  unsentTitle: Named
  unsentMessages: Counted
  unsentChanges: Counted
  unsentFiles: Counted
  unsentDrafts: Counted
  unsentKept: Named
  unsentLost: Named
  stay: Phrase

  rooms: Phrase
  roomName: Phrase
  joinRoom: Phrase
  noRooms: Phrase
  chooseRoom: Phrase
  notMember: Named
  toRooms: Phrase
  toMessages: Phrase
  openRooms: Phrase
  closeRooms: Phrase
  emptyRoomTitle: Named
  emptyRoom: Phrase
  emptyPrivate: Phrase
  emptyDirectTitle: Named
  emptyDirect: Phrase
  emptyNotes: Phrase
  copyLink: Phrase
  linkCopied: Phrase
  leaveRoom: Phrase
  unread: Counted
  noMessagesYet: Phrase
  you: Phrase
  sentFile: Phrase

  /** Around a title within a sentence. */
  quoted: Named
  privateRoom: Phrase
  notes: Phrase
  newRoom: Phrase
  visibility: Phrase
  onlyInvited: Phrase
  everybody: Phrase
  roomTitle: Phrase
  titleExample: Phrase
  topic: Phrase
  topicHint: Phrase
  peopleToInvite: Phrase
  whoTo: Phrase
  whoToHint: Phrase
  findPerson: Phrase
  nobodyFound: Named
  foundPeople: Counted
  takeOut: Named
  create: Phrase
  publicHint: Phrase
  privateHint: Phrase
  newMessage: Phrase
  writeToPeople: Phrase
  messageTo: Named
  noteToSelf: Phrase
  nobodyYet: Phrase
  invite: Phrase
  inviteTo: Named
  notInvited: Named
  roles: Record<Role, string>
  giveRole: Record<Role, string>
  personActions: Named
  removePerson: Phrase
  removeTitle: (name: string, room: string) => string
  removeMeans: Phrase
  removeMeansPublic: Phrase
  leaveTitle: Named
  leaveMeans: Phrase
  lastOwner: Phrase
  members: Counted
  settingsOf: Named
  roomSettings: Phrase
  posting: Phrase
  invites: Phrase
  governors: Record<Governors, string>
  keeping: Phrase
  keepForEver: Phrase
  keepAsServer: Counted
  keepDays: Counted
  keepOther: Phrase
  keepNumber: Phrase
  keepWrong: Phrase
  keepHint: Phrase
  archive: Phrase
  archiveHint: Phrase
  removedFrom: (room: string, by: string | null) => string
  /** Of a private room whose title is not known. */
  removedFromOne: (by: string | null) => string
  notSentAnyMore: Phrase
  copyText: Phrase
  inbox: Phrase
  inboxEmpty: Phrase
  inboxNews: Counted
  happened: Record<"invited" | "removed", (name: string, room: string) => string>
  /** Of what was said to the user; `room` is null where it was in a direct one. */
  mentioned: Record<"mention" | "reply", (name: string, room: string | null) => string>
  /** How many unread messages mention the user. */
  mentionsOfYou: Counted
  conversation: Named
  /** That the user has signed in; `here`: on this device. */
  signedIn: (device: string, here: boolean) => string
  unknownDevice: Phrase
  /** Of what the user is alerted in a room. */
  alerts: Phrase
  alertsIn: Named
  levels: Record<Level, string>
  levelHints: Record<Level, string>
  /** Names that may be meant by what is typed after an `@`. */
  whoIsNamed: Phrase
  lines: {
    left: Phrase
    removed: Named
    came: Phrase
    tookRole: Named
    added: Named
    gaveRole: Record<Role, Named>
    title: Named
    topic: Named
    noTopic: Phrase
    posting: Record<Governors, string>
    invites: Record<Governors, string>
    keep: Counted
    keepAsServer: Phrase
    archived: Phrase
    reopened: Phrase
  }

  people: Phrase
  showPeople: Phrase
  hidePeople: Phrase
  online: Counted
  andMore: Counted
  typingOne: Named
  typingTwo: (a: string, b: string) => string
  typingMany: Counted

  messages: Named
  today: Phrase
  yesterday: Phrase
  newMessages: Phrase
  jumpToNewest: Phrase
  newBelow: Counted
  markRead: Counted
  loadOlder: Phrase
  loadingOlder: Phrase
  beginning: Named
  beginningDirect: Phrase
  olderRemoved: Counted
  earlierRemoved: Phrase
  sending: Phrase
  stored: Phrase
  notSent: Phrase
  retry: Phrase
  remove: Phrase
  saidBy: (name: string, text: string) => string

  actions: Record<Action, string>
  unpin: Phrase
  actionsOn: Named
  copied: Phrase
  pinned: Phrase
  edited: Phrase
  editedAt: Named
  editText: Phrase
  editHint: Phrase
  save: Phrase
  notEdited: Phrase
  dropEdit: Phrase
  notDone: Phrase
  messageDeleted: Phrase
  deleteTitle: Phrase
  deleteMeans: Phrase
  keep: Phrase
  inReplyTo: Phrase
  stopReplying: Phrase
  noLonger: Phrase
  thread: Phrase
  openThread: Phrase
  closeThread: Phrase
  /** After a name, before what was said. */
  inThread: Phrase
  saidInThread: (name: string, text: string) => string
  replies: Counted
  lastReply: Phrase
  noReplies: Phrase
  repliesWait: Phrase
  noThread: Phrase
  repliesIn: Phrase
  writeReply: Phrase
  tooFarBack: Phrase
  reactions: Phrase
  reactors: Counted
  allEmoji: Phrase
  findEmoji: Phrase
  noEmoji: Phrase
  emojiWait: Phrase
  emojiFailed: Phrase
  emojiGroups: Record<EmojiGroupName, string>

  write: Named
  writeTo: Named
  writeNotes: Phrase
  closed: Record<"archived" | "moderators_write", string>
  send: Phrase
  tooLong: Counted
  charactersLeft: Counted

  attach: Phrase
  dropHere: Named
  cancel: Phrase
  takeAway: Phrase
  notKept: Named
  waitsForNetwork: Phrase
  waitsForServer: Phrase
  waitsItsTurn: Phrase
  processing: Phrase
  download: Phrase
  openPicture: Named
  closePicture: Phrase
  pictureGone: Phrase
  pictureWaits: Phrase
  bytes: (value: string, unit: Unit) => string

  connected: Phrase
  connecting: Phrase
  offline: Phrase
  restarting: Phrase
  busy: Phrase
  lost: Phrase
  tryNow: Phrase
  noAnswerYet: Phrase
  catchingUp: Counted
  waitingToSend: Counted
  brokeProtocol: Phrase
  reload: Phrase
  connectionClosed: Phrase
  connectAgain: Phrase

  theme: Record<"system" | "light" | "dark", string>
  switchLanguage: Phrase

  signedOutElsewhere: Named
  errors: Record<Problem, string>
}
