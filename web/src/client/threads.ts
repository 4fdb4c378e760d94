/**
 * The threads that somebody looks at. Of each the newest messages are asked for once; what comes later, the room's log gives to it, also after a
 * time without a connection. Where the log begins anew, so does the thread.
 */
import { ignoreLoss } from "./backfill.ts"
import type { HeldThread } from "./held-thread.ts"
import { Refused, type Requests } from "./requests.ts"
import type { Refusal, Room } from "./room.ts"
import type { RoomLog } from "./room-log.ts"
import { type Entry, type Incoming, isMessage, type Message, type Outgoing, PAGE_LIMIT, type RoomName } from "./wire.ts"

export interface ThreadsPorts {
  requests: Requests
  enter(room: Room): Promise<void>
  /** The server has another entry than we have under some number. */
  wentBack(room: Room): void
  /** Entries came from history. */
  found(entries: readonly Entry[]): void
  /** Something about a thread of the room has changed: also, that entries may be missing in the room's log. */
  changed(room: Room): void
}

const PAGE = 50
const ASK_AT_MOST = 2

export class Thread {
  readonly room: Room
  /** The number of the message under which it stands. */
  readonly root: number
  /** Why the server does not give it, or null. */
  refusal: Refusal | null = null
  /** Whether there is no message under the number, or none any more. */
  isRootGone = false
  isLoadingOlder = false
  #log: RoomLog
  #held: HeldThread
  /** What is shown until the log that has begun anew has the thread, too. */
  #before: HeldThread | null = null
  #stores: number

  constructor(room: Room, root: number) {
    this.room = room
    this.root = root
    this.#stores = room.stores
    this.#log = room.log
    this.#held = room.log.follow(root)
  }

  get held(): HeldThread {
    return this.#held
  }

  /** Oldest first, without the one under which they stand. */
  get messages(): readonly Message[] {
    return this.#shown.messages
  }

  get rootMessage(): Message | null {
    return this.#held.rootMessage ?? this.#before?.rootMessage ?? null
  }

  get isLoaded(): boolean {
    return this.#shown.isLoaded
  }

  get hasOlder(): boolean {
    return this.#shown.hasOlder
  }

  /** Whether later messages than those that are here were let go, since the reader stands far above them. */
  get hasNewer(): boolean {
    return this.#shown.end !== null
  }

  set reader(seq: number | null) {
    this.#held.reader = seq
  }

  get reader(): number | null {
    return this.#held.reader
  }

  at(seq: number): Message | null {
    return seq === this.root ? this.rootMessage : this.#shown.at(seq)
  }

  /** Goes over into the log that the room has now, where that is another. */
  renew(): void {
    const { log, stores } = this.room
    if (log === this.#log && log.holds(this.#held)) return
    if (stores !== this.#stores) {
      this.#before = null
      this.refusal = null
      this.isRootGone = false
    } else if (this.#held.isLoaded) this.#before = this.#held
    this.#stores = stores
    this.#log = log
    this.#held = log.follow(this.root)
  }

  /** Whether it still has to be asked for. */
  get isWanted(): boolean {
    return this.refusal === null && (!this.#held.isLoaded || (this.#held.rootMessage === null && !this.isRootGone))
  }

  get #shown(): HeldThread {
    return this.#held.isLoaded || this.#before === null ? this.#held : this.#before
  }
}

type Asked = Omit<Outgoing<"history">, "type" | "room" | "ref">

export class Threads {
  readonly #ports: ThreadsPorts
  readonly #open = new Set<Thread>()
  readonly #loading = new Set<Thread>()
  readonly #paging = new Set<Thread>()

  constructor(ports: ThreadsPorts) {
    this.#ports = ports
  }

  /** The thread under the message `root` of the room, until it is closed. */
  open(room: Room, root: number): Thread {
    const thread = new Thread(room, root)
    this.#open.add(thread)
    void this.#load(thread)
    return thread
  }

  close(thread: Thread): void {
    this.#open.delete(thread)
    const isOthers = [...this.#open].some(({ held }) => held === thread.held)
    if (!isOthers) thread.room.log.unfollow(thread.root)
  }

  /** Something about the room has changed: its log may be another, or it may be joined now. */
  look(name: RoomName): void {
    for (const thread of this.#open) {
      if (thread.room.name !== name) continue
      thread.renew()
      void this.#load(thread)
    }
  }

  /** The connection is gone: what was refused may be asked for again over the next one. */
  disconnected(): void {
    for (const thread of this.#open) thread.refusal = null
  }

  /** Brings the page before the oldest message that is here. Throws `Disconnected`, `Refused` or `Unanswered`, as the next two do. */
  async older(thread: Thread): Promise<void> {
    const before = thread.held.messages[0]?.seq
    if (!thread.held.hasOlder || before === undefined) return
    await this.#once(thread, async () => {
      thread.isLoadingOlder = true
      this.#ports.changed(thread.room)
      try {
        await this.#page(thread, { before, limit: PAGE }, (held, messages, more) => {
          if (held.messages[0]?.seq === before) held.pageBefore(messages, more)
        })
      } finally {
        thread.isLoadingOlder = false
        this.#ports.changed(thread.room)
      }
    })
  }

  /** Brings the page after the last message that is held, where later ones were let go. */
  async newer(thread: Thread): Promise<void> {
    const { end } = thread.held
    if (end === null) return
    await this.#once(thread, () =>
      this.#page(thread, { after: end, limit: PAGE_LIMIT }, (held, messages, more) => {
        if (held.end === end) held.pageAfter(messages, more)
      }),
    )
  }

  /** Brings the newest messages in place of those that are held, where these do not reach so far. */
  async newest(thread: Thread): Promise<void> {
    if (thread.held.end !== null) await this.#newest(thread)
  }

  async #load(thread: Thread): Promise<void> {
    if (!thread.isWanted || !thread.room.joined || this.#loading.has(thread)) return
    this.#loading.add(thread)
    const { held } = thread
    try {
      if (held.rootMessage === null && !thread.isRootGone) await this.#askRoot(thread)
      if (thread.held === held && !held.isLoaded) await this.#newest(thread)
    } catch (error) {
      if (error instanceof Refused) {
        thread.refusal = { code: error.code, text: error.message }
        this.#ports.changed(thread.room)
      } else ignoreLoss(error)
    } finally {
      this.#loading.delete(thread)
      if (thread.held !== held && this.#open.has(thread)) void this.#load(thread)
    }
  }

  async #askRoot(thread: Thread): Promise<void> {
    const { held, room, root } = thread
    const page = await this.#ask(room, { before: root + 1, limit: 1 })
    if (thread.held !== held) return
    const message = page.messages.filter(isMessage).find(({ seq }) => seq === root)
    if (!message) thread.isRootGone = true
    else room.log.threadPage(held, [message], page.seq, () => held.foundRoot(message))
    this.#took(thread, page)
  }

  async #newest(thread: Thread): Promise<void> {
    await this.#page(thread, { limit: PAGE }, (held, messages, more) => held.newestPage(messages, more))
  }

  async #page(thread: Thread, asked: Asked, take: (held: HeldThread, messages: readonly Message[], more: boolean) => void): Promise<void> {
    const { held, room, root } = thread
    const page = await this.#ask(room, { ...asked, thread: root })
    if (thread.held !== held) return // it has begun anew meanwhile
    if (room.log.contradicts(page.messages)) return this.#ports.wentBack(room)
    room.log.threadPage(held, page.messages.filter(isMessage), page.seq, (messages) => take(held, messages, page.more))
    this.#took(thread, page)
  }

  #took({ room }: Thread, { messages }: Incoming<"history">): void {
    this.#ports.found(messages)
    this.#ports.changed(room)
  }

  async #ask(room: Room, asked: Asked): Promise<Incoming<"history">> {
    await this.#ports.enter(room)
    return this.#ports.requests.ask({ type: "history", room: room.name, ...asked }, ASK_AT_MOST)
  }

  /** One page of a thread is under way at a time. */
  async #once(thread: Thread, load: () => Promise<void>): Promise<void> {
    if (this.#paging.has(thread)) return
    this.#paging.add(thread)
    try {
      await load()
    } finally {
      this.#paging.delete(thread)
    }
  }
}
