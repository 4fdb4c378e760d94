/** The session as the page sees it: what changes in it changes on the screen, gathered so that a flood of frames is one drawing. */
import {
  type AccountCalls,
  type Account,
  AccountTokens,
  after,
  browserNetwork,
  browserSocket,
  type ConnectionState,
  draftOf,
  Drafts,
  FileQueue,
  isChanging,
  isOwnLog,
  isPrivate,
  memoryOutbox,
  type Message,
  noDrafts,
  noFiles,
  type Removal,
  type Room,
  type RoomName,
  Session,
  shows,
  storedDrafts,
  storedFiles,
  storedOutbox,
  storedRooms,
  type Token,
  Unreadable,
  upload,
} from "../client/index.ts"
import { alertsOf } from "./alerts.ts"
import { Attention } from "./attention.ts"
import type { Given } from "./clipboard.ts"
import { Doings } from "./doings.svelte.ts"
import { Inbox } from "./inbox.svelte.ts"
import { Notice } from "./notice.svelte.ts"
import { type Beside, RoomView } from "./room-view.svelte.ts"
import { isWriting } from "./rows.ts"
import { servedFrom } from "./served.ts"
import type { Talk } from "./talk.ts"
import { ThreadView } from "./thread-view.svelte.ts"
import { Uploads } from "./uploads.svelte.ts"
import { wallClock } from "./wall-clock.svelte.ts"
import { sentOf } from "./writing.ts"

const DRAW_EVERY_MS = 32
const IDLE_ROOM_KEEPS = 400
// What a change is told by. An answer that comes too late bears the short `ref` of its question, and nobody asks any more.
const OF_A_CHANGE = /^[0-9A-Z]{26}$/

export interface Unsent {
  readonly messages: number
  /** Of messages that are there. */
  readonly changes: number
  readonly files: number
  readonly drafts: number
  readonly lost: readonly string[]
}

export class Chat {
  readonly me: Account["user"]
  readonly session: Session
  readonly files: FileQueue
  readonly drafts: Drafts
  readonly uploads: Uploads
  readonly attention = new Attention()
  readonly notice = new Notice()
  readonly doings: Doings
  readonly inbox: Inbox
  /** Goes on with a newer token of the same user. */
  readonly use: (account: Account) => void
  /** A token that is good for now. */
  readonly token: () => Promise<Token>
  connection = $state.raw<ConnectionState>({ phase: "idle" })
  /** The direct ones last, the archived ones below the others; of each kind the latest activity first. */
  rooms = $state.raw<readonly RoomView[]>([])
  current = $state.raw<RoomView | null>(null)
  /** The thread of the current room that is open. */
  thread = $state.raw<ThreadView | null>(null)
  /** Of how many messages the user is to be alerted, all rooms counted. */
  readonly alerts = $derived(this.rooms.reduce((sum, view) => sum + this.alertsIn(view), 0))
  /** The message to which the user is to be led as soon as its room, or its thread, is shown. */
  leadsTo = $state.raw<{ readonly room: RoomName; readonly seq: number; readonly thread?: number | undefined } | null>(null)
  /** Whether `rooms` are all of which the user is a member. */
  listed = $state(false)
  textChars = $state(8000)
  /** For how many days rooms keep what is said where they say nothing else; 0: for ever. */
  keepDays = $state(0)
  /** The newest message that somebody else said in the current room, for screen readers. */
  heard = $state.raw<Message | null>(null)
  readonly #views = new Map<RoomName, RoomView>()
  readonly #stale = new Set<RoomName>()
  #cancelDrawing: (() => void) | null = null
  #drawnAt = 0

  constructor(account: Account, calls: AccountCalls, renewed: (account: Account) => void) {
    this.me = account.user
    const tokens = new AccountTokens(account, calls, renewed)
    this.use = (fresh) => tokens.use(fresh)
    this.token = () => tokens.current()
    this.session = new Session({
      open: browserSocket(servedFrom(location.href)),
      network: browserNetwork(),
      tokens,
      outbox: orElse(() => storedOutbox(account.user.id), memoryOutbox),
      kept: { store: storedRooms(account.user.id), user: account.user },
      signIn: account.entry ?? null,
    })
    this.doings = new Doings(this.session, this.notice)
    this.inbox = new Inbox(this.session, account.entry ?? null)
    this.drafts = new Drafts(orElse(() => storedDrafts(account.user.id), noDrafts))
    this.drafts.changes.on((name) => {
      this.#views.get(name)?.drafted(this.drafts.of(name))
      if (this.thread && draftOf(this.thread.name, this.thread.thread) === name) this.thread.drafted(this.drafts.of(name))
    })
    this.files = new FileQueue({
      tokens,
      upload: (request) => upload(request, servedFrom(location.href)),
      isJoined: (room) => this.session.rooms.get(room)?.joined ?? false,
      isWaiting: (id) => this.session.outbox.isWaiting(id),
      isStored: (room, id) => this.session.rooms.get(room)?.hasOwn(id) ?? false,
      random: Math.random,
      store: orElse(() => storedFiles(account.user.id), noFiles),
    })
    this.uploads = new Uploads(this.files)
    this.session.changes.on((room) => {
      this.files.flush()
      this.#touch(room)
    })
    this.session.connection.states.on((state) => (this.connection = state))
    this.session.connection.frames.on((frame) => {
      if (frame.type === "welcome") this.#connected()
      if (frame.type === "left" && frame.by === undefined) this.#gaveUp(frame.room)
      if (frame.type === "change" && "of" in frame) this.#views.get(frame.room)?.changed(frame.of)
      if (frame.type === "message" && frame.thread !== undefined) this.#views.get(frame.room)?.changed(frame.thread)
    })
    this.session.notices.on(({ code, text, ref = "" }) => OF_A_CHANGE.test(ref) && this.notice.tell({ code, text }))
    this.session.stored.on(({ id }) => this.files.acknowledged(id))
    this.session.removals.on((removal) => this.#removed(removal))
    this.session.arrivals.on((message) => this.#arrived(message))
    this.attention.onChange(() => {
      if (this.attention.isHere) return
      this.current?.looksAway()
      this.session.keep()
    })
    this.session.start()
    void this.files.restore().then((rooms) => rooms.forEach((room) => this.session.open(room)))
  }

  /** Of how many messages of the room the user is to be alerted. */
  alertsIn({ name, room, drawn }: RoomView): number {
    return alertsOf(drawn, room.isDirect, this.inbox.repliesIn(name))
  }

  /** Enters the room and shows it. */
  show(name: RoomName | null): void {
    if (name === (this.current?.name ?? null)) return
    if (this.current) this.session.rooms.get(this.current.name)?.log.trim(IDLE_ROOM_KEEPS)
    if (name === null) {
      this.current = null
      return
    }
    this.session.open(name)
    this.#draw()
    const view = this.#views.get(name)!
    view.opened()
    this.current = view
    void this.#fill(view)
  }

  /** Opens the thread under this message of the current room, in place of the one that is open; null: none is. */
  showThread(root: number | null): void {
    const { current, thread } = this
    if (thread && thread.inRoom === current && thread.thread === root) return
    if (thread) this.session.threads.close(thread.held)
    this.thread = current === null || root === null ? null : this.#threadOf(current, root)
  }

  /** Takes what was given to the page for the room. */
  hold({ name }: RoomView, { files, folders }: Given): void {
    this.files.hold(name, files, folders)
  }

  /** What has not gone out yet, all rooms counted; `lost`: the names of files that do not outlive the page. */
  get unsent(): Unsent {
    const { outbox } = this.session
    const waiting = outbox.rooms.flatMap((room) => outbox.of(room))
    return {
      messages: waiting.filter(isWriting).length,
      changes: waiting.filter(isChanging).length,
      files: this.files.entries.filter(({ state }) => state.phase !== "stored" && !(state.phase === "failed" && state.error instanceof Unreadable)).length,
      drafts: this.drafts.size,
      lost: this.files.unkept.filter(({ kept }) => kept === false).map(({ file }) => file.name),
    }
  }

  /** Sends what is written in the room, and the files beside it; or what is written in a thread. */
  send(view: RoomView | ThreadView): void {
    const { draft, answered, thread } = view
    const text = shows(draft) ? this.session.write(view.name, sentOf(draft), answered?.seq, view.mentionedIn(draft), thread ?? undefined) : null
    if (view instanceof ThreadView) return view.sent()
    this.files.send(view.name, text?.id ?? null)
    view.sent(text !== null)
  }

  /** Goes on in the room `name` instead of `from`, into which nobody is let, with what was written there. */
  moveTo(name: RoomName, from: RoomView): void {
    const written = this.session.outbox.of(from.name).filter(isWriting)
    this.session.open(name)
    const renamed = new Map(written.map(({ id, said }) => [id, this.session.write(name, said.text, undefined, said.mentions).id]))
    this.files.move(from.name, name, renamed)
    this.session.forget(from.name)
    this.#draw()
    const view = this.#views.get(name)!
    if (view.draft === "") view.draft = from.draft
    this.drafts.write(from.name, "")
  }

  /** Takes a room that could not be entered off the list, and what was written for it. */
  forget(name: RoomName): void {
    this.session.forget(name)
    this.#gaveUp(name)
  }

  async loadOlder(view: Talk): Promise<void> {
    await (view instanceof ThreadView ? this.session.threads.older(view.held) : this.session.history.older(view.inRoom.room)).catch(() => {}) // the button to load stays where it is
  }

  async loadNewer(view: Talk): Promise<void> {
    await (view instanceof ThreadView ? this.session.threads.newer(view.held) : this.session.history.newer(view.inRoom.room)).catch(() => {}) // asked for again at the next scroll
  }

  async loadNewest(view: Talk): Promise<void> {
    await (view instanceof ThreadView ? this.session.threads.newest(view.held) : this.session.history.newest(view.inRoom.room)).catch(() => {}) // the button to load older ones is there
  }

  /** Fetches a message that is quoted and not here. */
  async fetchQuoted(view: Talk, seq: number): Promise<void> {
    await view.ask(seq, () => this.session.message(view.name, seq))
  }

  stop(): void {
    this.attention.stop()
    this.session.stop()
    this.files.stop()
    this.drafts.stop()
    this.#cancelDrawing?.()
  }

  /** What was written and is not sent any more is shown, so that it can be copied. */
  #removed(removal: Removal): void {
    const texts = [...removal.unsent.filter(isWriting).map(({ said }) => said.text), ...this.drafts.within(removal.room).filter(shows)]
    this.#gaveUp(removal.room)
    if (texts.length > 0) this.doings.open({ kind: "lost", removal, texts })
    else this.notice.tell({ removal })
  }

  /** What was half written in a private room of which the list of rooms knows no more is told of, too. */
  async #toldOfDrafts(): Promise<void> {
    await this.drafts.loaded
    const gone = this.drafts.rooms.filter((room) => isPrivate(room) && !this.session.rooms.has(room))
    for (const room of gone) this.#removed({ room, title: "", by: null, unsent: [] })
  }

  #gaveUp(room: RoomName): void {
    this.files.forget(room)
    this.drafts.forget(room)
  }

  #connected(): void {
    this.files.connected()
    if (this.current) void this.#fill(this.current)
  }

  /** A room that was only followed so far has no messages yet. */
  async #fill(view: RoomView): Promise<void> {
    const room = this.session.rooms.get(view.name)
    if (room && room.log.start !== null && room.log.size < 30) await this.loadOlder(view)
  }

  #beside(room: Room): Beside {
    const { outbox, history } = this.session
    return { me: this.me, waiting: outbox.of(room.name), loadingOlder: history.isLoadingOlder(room) }
  }

  #threadOf(view: RoomView, root: number): ThreadView {
    const name = draftOf(view.name, root)
    const held = this.session.threads.open(view.room, root)
    return new ThreadView(held, view, () => this.#beside(view.room), this.drafts.of(name), (text) => this.drafts.write(name, text))
  }

  #viewOf(room: Room): RoomView {
    return new RoomView(room, () => this.#beside(room), this.drafts.of(room.name), (text) => this.drafts.write(room.name, text))
  }

  #arrived(message: Message): void {
    if (message.room !== this.current?.name) return this.#trim(message.room)
    if (message.from.id !== this.me.id && (message.kind === "chat" || message.kind === "file")) this.heard = message
  }

  /** A room that is followed and not looked at would grow for ever. */
  #trim(name: RoomName): void {
    const log = this.session.rooms.get(name)?.log
    if (log && log.size > 2 * IDLE_ROOM_KEEPS) log.trim(IDLE_ROOM_KEEPS)
  }

  #touch(room: RoomName | null): void {
    if (room !== null) this.#stale.add(room)
    this.#cancelDrawing ??= after(Math.max(0, this.#drawnAt + DRAW_EVERY_MS - Date.now()), () => this.#draw())
  }

  #draw(): void {
    this.#cancelDrawing?.()
    this.#cancelDrawing = null
    this.#drawnAt = Date.now()
    wallClock.look()
    if (this.session.limits) this.textChars = this.session.limits.text_chars
    this.keepDays = this.session.keepDays
    const { rooms } = this.session
    if (this.session.isListed && !this.listed) void this.#toldOfDrafts()
    this.listed = this.session.isListed
    for (const name of this.#views.keys()) if (!rooms.has(name)) this.#views.delete(name)
    this.inbox.draw()
    for (const room of rooms.values()) {
      if (isOwnLog(room.name)) continue
      const known = this.#views.get(room.name)
      if (known?.room !== room) this.#views.set(room.name, this.#viewOf(room))
      else if (this.#stale.has(room.name)) known.draw()
    }
    if (this.thread && this.#stale.has(this.thread.name)) this.thread.draw()
    this.#stale.clear()
    this.rooms = [...this.#views.values()].sort((a, b) => placeOf(a) - placeOf(b) || b.activeAt - a.activeAt || (a.name < b.name ? -1 : 1))
    const current = (this.current && this.#views.get(this.current.name)) ?? null
    if (current !== this.current) current?.opened() // its room is gone, or another one of that name is there now
    this.current = current
  }
}

const placeOf = ({ room }: RoomView): number => (room.isDirect ? 2 : 0) + (room.isArchived ? 1 : 0)

/** Storage may be forbidden. */
const orElse = <Store>(stored: () => Store, otherwise: () => Store): Store => {
  try {
    return stored()
  } catch {
    return otherwise()
  }
}
