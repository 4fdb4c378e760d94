/** Where people talk: a room, or a thread in it. It is what lists, rows and the place to write need of either. */
import type { Message, RoomLog, RoomName, User } from "../client/index.ts"
import type { May } from "./actions.ts"
import type { Called } from "./room-words.ts"
import type { Drawn, Editing, RoomView } from "./room-view.svelte.ts"

export interface Talk {
  readonly name: RoomName
  readonly called: Called
  /** The room itself. */
  readonly inRoom: RoomView
  /** The number of the message under which people talk; null: they talk in the room. */
  readonly thread: number | null
  /** What is held of it now; `reader`: where somebody reads, around which it stays. */
  readonly log: Pick<RoomLog, "at" | "messages" | "hasOlder" | "reader">
  /** As of the last drawing. */
  readonly drawn: Drawn
  /** What this user may do with what is said here. */
  readonly may: May
  /** Of people who are here, by their ids. */
  readonly names: ReadonlyMap<string, string>
  /** Who can be named here, the likeliest first. */
  readonly people: readonly User[]
  /** The user has chosen whom they name. */
  named(user: User): void
  /** Whom the text mentions, by their ids; `before`: whom it mentioned before it was edited. */
  mentionedIn(text: string, before?: readonly string[]): readonly string[]
  /** Those of them whose names are known. */
  usersOf(ids: readonly string[], me: User): readonly User[]
  /** What is being written and not sent yet. */
  draft: string
  /** The message that is answered by that. */
  answered: Message | null
  editing: Editing | null
  /** Where the line "new" stands, or null. */
  readonly firstNew: number | null
  /** Whether the first new message is still on its way here. */
  readonly firstNewComes: boolean
  /** The message below that line, or null where it is not here. */
  firstNewMessage(me: User): Message | null
  /** What is in view was marked as read just now. */
  looked(): void
  /** The message under this number: null where there is none, undefined while that is not known. */
  message(seq: number): Message | null | undefined
  /** Asks for a message that is not here, once. */
  ask(seq: number, fetch: () => Promise<Message | null>): Promise<void>
}
