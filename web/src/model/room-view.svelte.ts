/** One room as the page sees it. */
import { untrack } from "svelte"
import { SvelteMap } from "svelte/reactivity"
import { closedFor, indexOf, isChanging, type Message, moderates, type OutboxEntry, type Room, type RoomChange, type User, withWaiting } from "../client/index.ts"
import type { May } from "./actions.ts"
import { namedIn } from "./pieces.ts"
import type { Called } from "./room-words.ts"
import { type Changing, isWriting, type Writing } from "./rows.ts"
import type { Talk } from "./talk.ts"

/** What the room does not know of itself. */
export interface Beside {
  readonly me: User
  /** What waits to be sent. */
  readonly waiting: readonly OutboxEntry[]
  readonly loadingOlder: boolean
}

/** The message whose text is being edited, by its number, and what stands in the field. */
export interface Editing {
  readonly seq: number
  /** What the text was when the edit began. */
  readonly from: string
  text: string
}

/** What is drawn of a room. */
export type Drawn = ReturnType<typeof look>

export class RoomView implements Talk {
  readonly name: string
  readonly thread = null
  readonly room: Room
  readonly createdAt = Date.now()
  #drawn = $state.raw() as Drawn
  #firstNew = $state<number | null>(null)
  /** Whether the first new message is still on its way here. */
  readonly firstNewComes = $derived(this.#firstNew !== null && (this.#drawn.hole?.from ?? Infinity) <= this.#firstNew)
  /** What this user may do with what is said here. */
  readonly may: May = $derived.by(() => {
    const { standing, archived } = this.#drawn
    return { change: !archived, write: !archived && (standing === null || closedFor(standing) === null), moderate: moderates(standing?.role), thread: true }
  })
  #draft = $state("")
  /** The message that is answered by what is being written. */
  answered = $state.raw<Message | null>(null)
  editing = $state<Editing | null>(null)
  /** Everybody who is here or has said something that is here, by their id. */
  readonly names: ReadonlyMap<string, string> = $derived.by(() => {
    const { messages, online, standing } = this.#drawn
    return new Map([...this.#chosen, ...messages.map(({ from }) => from), ...(standing?.people?.values() ?? []), ...online].map(({ id, name }) => [id, name]))
  })
  /** Whom the user has named here, chosen by hand. */
  #chosen = $state.raw<readonly User[]>([])
  /** The messages that are quoted and not here, as they were when they were asked for; null: there is none. */
  readonly #quoted = new SvelteMap<number, Message | null>()
  readonly #askedFor = new Set<number>()
  readonly #wrote: (text: string) => void
  readonly #beside: () => Beside
  #marksNew = false
  #allSeen = true

  /** `draft`: what was half written here. `wrote` is told of each change of it. */
  constructor(room: Room, beside: () => Beside, draft: string, wrote: (text: string) => void) {
    this.room = room
    this.#beside = beside
    this.#draft = draft
    this.#wrote = wrote
    this.name = room.name
    this.#drawn = look(room, beside(), NOTHING)
  }

  /**
   * The room as of the last drawing. One snapshot, and no getters that read `room` through a `createSubscriber`: between two drawings the
   * room goes on changing, and what is made anew then (by scrolling, say) would not agree with what stands on the page.
   * Take fields by `const { last } = $derived(room.drawn)`: then only a change of that field is followed.
   */
  get drawn(): Drawn {
    return this.#drawn
  }

  get inRoom(): RoomView {
    return this
  }

  get log(): Room["log"] {
    return this.room.log
  }

  /** What it is called. */
  get called(): Called {
    const { title, others } = this.#drawn
    return { name: this.name, title, others }
  }

  /** Where the line "new" stands: the first number that was unread when the room was opened, or that came and was not seen. */
  get firstNew(): number | null {
    return this.#firstNew
  }

  /** What is being written and not sent yet. */
  get draft(): string {
    return this.#draft
  }

  set draft(text: string) {
    this.#draft = text
    this.#wrote(text)
  }

  /** What was written is on its way, files alone where `withText` is false: those answer nothing. Who writes has seen what is new. */
  sent(withText: boolean): void {
    if (withText) this.answered = null
    this.draft = ""
    this.#firstNew = null
  }

  /** The message under this number: null where there is none, undefined while that is not known. */
  message(seq: number): Message | null | undefined {
    const { messages } = this.#drawn
    const held = messages[indexOf(messages, seq)]
    return held?.seq === seq ? held : this.#quoted.get(seq)
  }

  /** Who can be named here: first those who have spoken last, then the others by name. */
  get people(): readonly User[] {
    const { messages, standing, online } = this.#drawn
    const others = [...(standing?.people?.values() ?? online)].sort((a, b) => a.name.localeCompare(b.name))
    const all = [...messages.map(({ from }) => from).reverse(), ...others, ...this.#chosen]
    // Of a room of some those alone who are in it.
    const here = standing?.people ? all.filter(({ id }) => standing.people!.has(id)) : all
    return [...new Map(here.map((user) => [user.id, user])).values()]
  }

  /** The user has chosen whom they name. */
  named(user: User): void {
    this.#chosen = [...this.#chosen.filter(({ id }) => id !== user.id), user]
  }

  /** Whom the text mentions, by their ids; `before`: whom it mentioned before it was edited. */
  mentionedIn(text: string, before?: readonly string[]): readonly string[] {
    const { id: me } = this.#beside().me
    return namedIn(text, { known: this.people, chosen: this.#chosen, ...(before && { before }) }).filter((id) => id !== me)
  }

  /** Those of them whose names are known. */
  usersOf(ids: readonly string[], me: User): readonly User[] {
    return ids.flatMap((id) => (id === me.id ? [me] : this.names.has(id) ? [{ id, name: this.names.get(id)! }] : []))
  }

  /** Asks for a message that is not here, once; where there is no answer it may be asked for again. */
  async ask(seq: number, fetch: () => Promise<Message | null>): Promise<void> {
    if (this.#askedFor.has(seq)) return
    this.#askedFor.add(seq)
    await fetch().then((message) => this.#quoted.set(seq, message), () => this.#askedFor.delete(seq))
  }

  /** The message has changed: what was fetched of it holds no more. */
  changed(seq: number): void {
    this.#askedFor.delete(seq)
    this.#quoted.delete(seq)
    if (this.editing?.seq === seq && this.room.log.at(seq)?.kind === "deleted") this.#keepEdit()
  }

  /** It was written on another page. */
  drafted(text: string): void {
    this.#draft = text
  }

  get activeAt(): number {
    return this.#drawn.lastAt ?? this.createdAt
  }

  /** The reader turns to the room: what is unread now stays marked as new until they turn to it again. */
  opened(): void {
    this.#marksNew = true
    this.#allSeen = true
    this.#firstNew = null
    this.#markNew()
  }

  /** Takes what is drawn of the room from now on. */
  draw(): void {
    const before = untrack(() => this.#drawn)
    const now = look(this.room, this.#beside(), before)
    this.#drawn = now
    if (now.stores !== before.stores) this.#began()
    // What the disk had need not be all: what is new is known only now, unless something was before.
    const isConfirmed = before.fromDisk && !now.fromDisk && this.#firstNew === null
    if (now.life !== before.life || isConfirmed) this.opened()
    else this.#markNew()
  }

  /** The message below the line, or null where that is not here: it is the first of others'. */
  firstNewMessage(me: User): Message | null {
    const { firstNew } = this
    const { messages } = this.#drawn
    if (firstNew === null || messages.length === 0 || messages[0]!.seq > firstNew) return null
    return messages.find(({ seq, from }) => seq >= firstNew && from.id !== me.id) ?? null
  }

  /** What is in view was marked as read just now. What is not seen although it is here stands below the line from now on. */
  looked(): void {
    const { firstUnread } = this.room
    if (firstUnread !== null && this.#allSeen) this.#firstNew = firstUnread
    this.#allSeen = firstUnread === null
  }

  /** The reader looks away: the line has done its work where all is read, and what comes from now on is new. */
  looksAway(): void {
    if (this.room.unread > 0) return
    this.#firstNew = null
    this.#marksNew = false
    this.#allSeen = true
  }

  /** What was being edited is no more. What was written stays where it can be sent. */
  #keepEdit(): void {
    const { editing } = this
    this.editing = null
    if (editing && editing.text !== editing.from && this.draft === "") this.draft = editing.text
  }

  /** The numbers are given anew. */
  #began(): void {
    this.#keepEdit()
    this.answered = null
    this.#quoted.clear()
    this.#askedFor.clear()
  }

  // The server's read mark may come after the room was opened.
  #markNew(): void {
    if (!this.#marksNew || this.room.readSeq === null) return
    this.#marksNew = false
    this.looked()
  }
}

/** Lists that are made anew at each look. Where nothing in one changed it stays the same, and nothing is drawn because of it. */
interface Lists {
  /** The messages as the server has them. */
  readonly stored: readonly Message[]
  /** With this user's own changes in them that wait to be sent. */
  readonly messages: readonly Message[]
  /** The messages that wait to be sent. */
  readonly pending: readonly Writing[]
  /** The changes that wait to be sent. */
  readonly changes: readonly Changing[]
  readonly online: readonly User[]
  readonly typing: readonly User[]
  readonly others: readonly User[]
}

const NOTHING: Lists = { others: [], stored: [], messages: [], pending: [], changes: [], online: [], typing: [] }

/** Reads all that is drawn of a room at one moment, so that it agrees. */
const look = (room: Room, { me, waiting, loadingOlder }: Beside, before: Lists) => ({
  /** Another one where the room began anew: what was shown of it is gone then. */
  life: room.log as object,
  /** Another number where the room's numbers name other messages. */
  stores: room.stores,
  ...withChanges(room.log.messages, kept(before.changes, waiting.filter(isChanging)), me, before),
  pending: kept(before.pending, waiting.filter(isWriting)),
  online: kept(before.online, [...room.online.values()]),
  typing: kept(before.typing, [...room.typing.values()]),
  /** What was changed of the room itself. */
  lines: room.log.lines as readonly RoomChange[],
  title: room.title,
  others: kept(before.others, room.others),
  archived: room.isArchived,
  standing: room.standing,
  last: room.last,
  /** When the newest message was written, whether or not it is here. */
  lastAt: room.lastAt,
  refusal: room.refusal,
  joined: room.joined,
  /** Whether the server has said nothing of it yet. */
  fromDisk: room.isFromDisk,
  members: room.members,
  ...unreadOf(room),
  /** Of what the user is alerted. */
  level: room.level,
  /** How far the user has read, or null while that is not known. */
  readSeq: room.readSeq,
  missing: room.joined ? room.log.missing : 0,
  hole: room.log.hole,
  hasOlder: room.log.hasOlder,
  /** Whether what was said first is not kept any more. */
  beginsLater: room.log.first > 1,
  /** Whether later messages than those that are here were let go, since the reader stands far above them. */
  hasNewer: room.log.end !== null,
  loadingOlder,
})

const unreadOf = ({ unreadCount: { messages, mentions } }: Room) => ({ unread: messages, /** Of the unread messages those that mention the user. */ mentions })

const withChanges = (stored: readonly Message[], changes: readonly Changing[], me: User, before: Lists) => {
  if (stored === before.stored && changes === before.changes) return { stored, changes, messages: before.messages }
  return { stored, changes, messages: withWaiting(stored, changes, me) }
}

/** `now`, or `before` where that is the same: so nothing is drawn because of it. */
export const kept = <Item>(before: readonly Item[], now: readonly Item[]): readonly Item[] =>
  before.length === now.length && before.every((item, i) => item === now[i]) ? before : now
