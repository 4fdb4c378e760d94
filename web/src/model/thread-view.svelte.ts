/** A thread of a room as the page sees it. */
import { untrack } from "svelte"
import { indexOf, isChanging, type Message, type Thread, type User, withWaiting } from "../client/index.ts"
import { type Beside, type Drawn, type Editing, kept, type RoomView } from "./room-view.svelte.ts"
import { isWriting } from "./rows.ts"
import type { Talk } from "./talk.ts"

/** What is drawn of a thread: what is drawn of its room, with what is said in the thread in place of what is said there. */
export interface DrawnThread extends Drawn {
  /** The message under which people talk, or null where that is not here. */
  readonly root: Message | null
  /** Whether there is no such message, or none any more. */
  readonly isRootGone: boolean
  readonly isLoaded: boolean
}

export class ThreadView implements Talk {
  readonly thread: number
  readonly inRoom: RoomView
  readonly held: Thread
  readonly firstNewComes = false
  /** Of which of the room's stores its number is. */
  readonly stores: number
  readonly may = $derived.by(() => ({ ...this.inRoom.may, thread: false }))
  readonly names: ReadonlyMap<string, string> = $derived.by(() => new Map([...this.#drawn.messages.map(({ from }) => [from.id, from.name] as const), ...this.inRoom.names]))
  answered = $state.raw<Message | null>(null)
  editing = $state<Editing | null>(null)
  #drawn = $state.raw() as DrawnThread
  #firstNew = $state<number | null>(null)
  #draft = $state("")
  readonly #wrote: (text: string) => void
  readonly #beside: () => Beside

  /** `draft` and `wrote`: as of a room. */
  constructor(held: Thread, inRoom: RoomView, beside: () => Beside, draft: string, wrote: (text: string) => void) {
    this.held = held
    this.thread = held.root
    this.inRoom = inRoom
    this.#beside = beside
    this.#draft = draft
    this.#wrote = wrote
    this.stores = inRoom.room.stores
    this.#firstNew = untrack(() => inRoom.firstNew) ?? inRoom.room.firstUnread
    this.#drawn = untrack(() => look(held, inRoom.drawn, beside(), null))
  }

  get name() {
    return this.inRoom.name
  }

  get called() {
    return this.inRoom.called
  }

  get log(): Thread {
    return this.held
  }

  get drawn(): DrawnThread {
    return this.#drawn
  }

  get firstNew(): number | null {
    return this.#firstNew
  }

  get draft(): string {
    return this.#draft
  }

  set draft(text: string) {
    this.#draft = text
    this.#wrote(text)
  }

  /** Those who have spoken here last come first. */
  get people(): readonly User[] {
    const all = this.inRoom.people
    const known = new Map(all.map((user) => [user.id, user]))
    const spoke = this.#drawn.messages.flatMap(({ from }) => known.get(from.id) ?? []).reverse()
    return [...new Set([...spoke, ...all])]
  }

  named(user: User): void {
    this.inRoom.named(user)
  }

  mentionedIn(text: string, before?: readonly string[]): readonly string[] {
    return this.inRoom.mentionedIn(text, before)
  }

  usersOf(ids: readonly string[], me: User): readonly User[] {
    return ids.flatMap((id) => (id === me.id ? [me] : this.names.has(id) ? [{ id, name: this.names.get(id)! }] : []))
  }

  /** What was written is on its way. */
  sent(): void {
    this.answered = null
    this.draft = ""
    this.#firstNew = null
  }

  /** It was written on another page. */
  drafted(text: string): void {
    this.#draft = text
  }

  /** Takes what is drawn of the thread from now on; after its room. */
  draw(): void {
    const before = untrack(() => this.#drawn)
    this.#drawn = look(this.held, untrack(() => this.inRoom.drawn), this.#beside(), before)
    const editing = untrack(() => this.editing)
    if (editing && this.held.at(editing.seq)?.kind === "deleted") this.#keepEdit(editing)
    if (this.inRoom.room.stores !== this.stores) this.#toRoom()
  }

  /** What was being edited is no more. What was written stays where it can be sent. */
  #keepEdit({ text, from }: Editing): void {
    this.editing = null
    if (text !== from && untrack(() => this.draft) === "") this.draft = text
  }

  /** There is no such thread any more: what was half written goes where it can be sent. */
  #toRoom(): void {
    const draft = untrack(() => this.draft)
    if (draft === "" || untrack(() => this.inRoom.draft) !== "") return
    this.inRoom.draft = draft
    this.draft = ""
  }

  firstNewMessage(me: User): Message | null {
    const { firstNew } = this
    const { messages } = this.#drawn
    if (firstNew === null || messages.length === 0 || messages[0]!.seq > firstNew) return null
    return messages.find(({ seq, from }) => seq >= firstNew && from.id !== me.id) ?? null
  }

  // The line stays where it was when the thread was opened.
  looked(): void {}

  message(seq: number): Message | null | undefined {
    const { messages, root } = this.#drawn
    if (seq === this.thread && root !== null) return root
    const held = messages[indexOf(messages, seq)]
    return held?.seq === seq ? held : this.inRoom.message(seq)
  }

  async ask(seq: number, fetch: () => Promise<Message | null>): Promise<void> {
    await this.inRoom.ask(seq, fetch)
  }
}

const NO_LINES: Drawn["lines"] = []

const look = (thread: Thread, room: Drawn, { me, waiting }: Beside, before: DrawnThread | null): DrawnThread => {
  const { messages: stored, rootMessage } = thread
  const changes = kept(before?.changes ?? [], waiting.filter(isChanging))
  const isSame = stored === before?.stored && changes === before.changes
  const messages = isSame ? before.messages : withWaiting(stored, changes, me)
  const pending = waiting.filter(isWriting).filter(({ said }) => said.thread === thread.root)
  return {
    ...room,
    life: thread,
    stored,
    messages,
    changes,
    pending: kept(before?.pending ?? [], pending),
    lines: NO_LINES,
    root: rootMessage && withWaiting([rootMessage], changes, me)[0]!,
    isRootGone: thread.isRootGone,
    isLoaded: thread.isLoaded,
    refusal: thread.refusal,
    unread: messages.filter(({ seq, kind, from }) => seq > (room.readSeq ?? Infinity) && kind !== "deleted" && from.id !== me.id).length,
    hole: null,
    hasOlder: thread.hasOlder,
    hasNewer: thread.hasNewer,
    loadingOlder: thread.isLoadingOlder,
  }
}
