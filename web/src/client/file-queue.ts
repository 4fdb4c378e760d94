/**
 * Files that are held until the person sends them, and files on their way up. Each keeps its `id` for life, so that sending it again is
 * always safe. Words that are sent beside files are a message of their own, and stand before them.
 *
 * Of each room one is under way at a time: only so do those that were given together stand in the room in that order. Of all rooms a few
 * are, for a server takes few of one person at once. A refusal that ends by itself, and a cut connection, end no file: it waits.
 */
import { Emitter } from "./emitter.ts"
import type { FileStore } from "./file-store.ts"
import { HttpProblem, pauseAfter } from "./http.ts"
import { newId } from "./ids.ts"
import { after } from "./timers.ts"
import { SignInNeeded, type TokenSource } from "./tokens.ts"
import { Unreadable, type Upload, type UploadRequest } from "./upload.ts"
import type { RoomName } from "./wire.ts"

export type FileState =
  /** Given, and not sent yet. */
  | { readonly phase: "held" }
  /** For its turn, for a connection, or until the time that the server named. */
  | { readonly phase: "waiting"; readonly until: "turn" | "connection" | "server" }
  /** `progress`: of the request's bytes, from 0 to 1. */
  | { readonly phase: "sending"; readonly progress: number }
  /** The server has it; its message is on the way. */
  | { readonly phase: "stored" }
  /** It is not sent again by itself. */
  | { readonly phase: "failed"; readonly error: unknown }

export interface FileEntry {
  readonly id: string
  readonly room: RoomName
  readonly file: File
  /** The `id` of the text that was sent beside it and comes before it. */
  readonly behind: string | null
  /** Whether it outlives the page; null while it is being written. */
  readonly kept: boolean | null
  readonly state: FileState
}

export interface FileQueuePorts {
  tokens: TokenSource
  upload(request: UploadRequest): Upload
  /** Whether we have joined the room, by a connection that is there. */
  isJoined(room: RoomName): boolean
  /** Whether the text with this `id` is still to be stored. */
  isWaiting(id: string): boolean
  /** Whether the room is known to hold this person's own message with this `id`. */
  isStored(room: RoomName, id: string): boolean
  random(): number
  store: FileStore
}

const AT_ONCE = 2
const SHOWN_AFTER_STORED_MS = 15_000
/** How often in a row a request may break off, while the server is there, before the person is asked. */
const BREAKS_BORNE = 5
const HELD: FileState = { phase: "held" }
const TURN: FileState = { phase: "waiting", until: "turn" }

export class FileQueue {
  /** The list of entries is another one. */
  readonly changes = new Emitter<readonly FileEntry[]>()
  readonly #ports: FileQueuePorts
  readonly #underWay = new Map<RoomName, { id: string; cancel: () => void }>()
  readonly #breaks = new Map<string, number>()
  #entries: readonly FileEntry[] = []
  #stopped = false
  #attempt = 0
  #holdUntil = 0
  #cancelHold: () => void = () => {}

  constructor(ports: FileQueuePorts) {
    this.#ports = ports
  }

  /** In the order in which they were given. */
  get entries(): readonly FileEntry[] {
    return this.#entries
  }

  /** Takes files that are to be sent with what is being written in the room. `folders` were given with them, and are refused. */
  hold(room: RoomName, files: Iterable<File>, folders: Iterable<File> = []): void {
    const taken = (state: FileState) => (file: File): FileEntry => ({ id: newId(), room, file, behind: null, kept: null, state })
    const refused: FileState = { phase: "failed", error: new Unreadable("folder") }
    const held = Array.from(files, taken(HELD))
    this.#set([...this.#entries, ...held, ...Array.from(folders, taken(refused))])
    for (const entry of held) void this.#keep(entry)
  }

  /** Goes on with what an earlier page has left. Gives the rooms in which something waits to be sent. */
  async restore(): Promise<readonly RoomName[]> {
    const left = (await this.#ports.store.load()).filter(({ id }) => !this.#find(id))
    if (this.#stopped) return []
    const entries = left.map(({ sent, ...file }): FileEntry => ({ ...file, kept: true, state: sent ? TURN : HELD }))
    this.#set([...entries, ...this.#entries])
    this.flush()
    return entries.filter(({ state }) => state === TURN).map(({ room }) => room)
  }

  /** What a person would lose if the page went away now. */
  get unkept(): readonly FileEntry[] {
    return this.#entries.filter(({ kept, state }) => kept !== true && (state.phase === "held" || state.phase === "waiting" || state.phase === "sending"))
  }

  /** Sends what is held for the room, behind the text `behind` if there is one. */
  send(room: RoomName, behind: string | null): void {
    this.#change((entry) => (entry.room === room && entry.state.phase === "held" ? { ...entry, behind, state: TURN } : entry))
    this.flush()
  }

  /** Tries a failed file again, with the same `id`. */
  retry(id: string): void {
    this.#breaks.delete(id)
    if (this.#find(id)?.state.phase === "failed") this.#put(id, TURN)
    this.flush()
  }

  /** Gives a file up, also while it is under way. */
  drop(id: string): void {
    const entry = this.#find(id)
    if (!entry) return
    this.#breaks.delete(id)
    this.#ports.store.remove(id)
    this.#set(this.#entries.filter((each) => each !== entry))
    const underWay = this.#underWay.get(entry.room)
    if (underWay?.id === id) underWay.cancel()
  }

  /** Gives up what was given for the room. */
  forget(room: RoomName): void {
    for (const entry of this.#entries) if (entry.room === room) this.drop(entry.id)
  }

  /** What was given for `room`, into which nobody is let, goes to `to` instead; `renamed`: the new `id`s of the texts that went along. */
  move(room: RoomName, to: RoomName, renamed: ReadonlyMap<string, string>): void {
    const moved = (entry: FileEntry): FileEntry => {
      const behind = renamed.get(entry.behind ?? "") ?? null
      return { ...entry, room: to, behind, state: entry.state.phase === "held" ? HELD : TURN }
    }
    this.#change((entry) => (entry.room === room ? moved(entry) : entry))
    this.flush()
  }

  /** One's own message is here, so its card has no more to tell. */
  acknowledged(id: string): void {
    this.drop(id)
  }

  /** There is a connection again: what broke off is sent again. */
  connected(): void {
    for (const { id, state } of this.#entries) if (state.phase === "failed" && isBreak(state.error)) this.retry(id)
  }

  /** Sends of each joined room the first file that waits, unless one is under way. */
  flush(): void {
    if (this.#stopped || this.#entries.length === 0 || Date.now() < this.#holdUntil) return
    for (const room of new Set(this.#entries.map((entry) => entry.room))) {
      if (this.#underWay.size >= AT_ONCE) return
      if (this.#underWay.has(room) || !this.#ports.isJoined(room)) continue
      const next = this.#next(room)
      if (next) void this.#send(next)
    }
  }

  /** The room's first file that waits, unless it waits for its text. One that the room has already goes: its page went before it was told. */
  #next(room: RoomName): FileEntry | undefined {
    const next = this.#entries.find((entry) => entry.room === room && entry.state.phase === "waiting")
    if (!next || (next.behind !== null && this.#ports.isWaiting(next.behind))) return undefined
    if (!this.#ports.isStored(room, next.id)) return next
    this.drop(next.id)
    return this.#next(room)
  }

  /** Sends nothing any more. What is kept stays, for whoever comes next. */
  stop(): void {
    this.#stopped = true
    this.#cancelHold()
    this.#set([])
    for (const { cancel } of this.#underWay.values()) cancel()
    this.#ports.store.release()
  }

  async #send({ id, room, file }: FileEntry): Promise<void> {
    const underWay = { id, cancel: () => {} }
    this.#underWay.set(room, underWay)
    this.#put(id, { phase: "sending", progress: 0 })
    try {
      const { token } = await this.#ports.tokens.current()
      if (!this.#find(id)) return
      const onProgress = (sent: number, total: number) => this.#put(id, { phase: "sending", progress: total > 0 ? sent / total : 0 })
      const { done, cancel } = this.#ports.upload({ room, id, file, token, onProgress })
      underWay.cancel = cancel
      await done
      const entry = this.#find(id)
      if (entry) this.#stored(entry)
    } catch (error) {
      if (this.#find(id)) this.#failed(id, error)
    } finally {
      this.#underWay.delete(room)
      this.flush()
    }
  }

  #stored({ id, room }: FileEntry): void {
    this.#attempt = 0
    if (this.#ports.isStored(room, id)) return this.drop(id)
    this.#ports.store.remove(id)
    this.#put(id, { phase: "stored" })
    after(SHOWN_AFTER_STORED_MS, () => this.drop(id)) // the message arrives by itself
  }

  #failed(id: string, error: unknown): void {
    const breaks = (this.#breaks.get(id) ?? 0) + 1
    if (error instanceof SignInNeeded || (error instanceof HttpProblem && error.retryable)) {
      this.#put(id, { phase: "waiting", until: error instanceof SignInNeeded ? "connection" : "server" })
      this.#hold(pauseAfter(error, this.#attempt++, this.#ports.random()))
    } else if (isBreak(error) && breaks < BREAKS_BORNE) {
      this.#breaks.set(id, breaks)
      this.#put(id, { phase: "waiting", until: "connection" })
      this.#hold(pauseAfter(error, breaks - 1, this.#ports.random()))
    } else this.#put(id, { phase: "failed", error })
  }

  /** The server's limits count for the person, so all rooms wait. */
  #hold(ms: number): void {
    if (Date.now() + ms <= this.#holdUntil) return
    this.#holdUntil = Date.now() + ms
    this.#cancelHold()
    this.#cancelHold = after(ms, () => this.flush())
  }

  #find(id: string): FileEntry | undefined {
    return this.#entries.find((entry) => entry.id === id)
  }

  async #keep({ id, room, file, behind }: FileEntry): Promise<void> {
    const kept = await this.#ports.store.add({ id, room, file, behind, sent: false })
    if (this.#stopped) return this.#ports.store.release()
    if (!this.#find(id)) return this.#ports.store.remove(id) // sent or taken away meanwhile
    this.#change((entry) => (entry.id === id ? { ...entry, kept } : entry))
  }

  /** As `#set`, and what has changed of a file's place is stored. */
  #change(change: (entry: FileEntry) => FileEntry): void {
    this.#set(
      this.#entries.map((entry) => {
        const changed = change(entry)
        const { id, room, behind, state } = changed
        if (changed !== entry) this.#ports.store.change(id, { room, behind, sent: state.phase !== "held" })
        return changed
      }),
    )
  }

  #put(id: string, state: FileState): void {
    this.#set(this.#entries.map((entry) => (entry.id === id ? { ...entry, state } : entry)))
  }

  #set(entries: readonly FileEntry[]): void {
    this.#entries = entries
    this.changes.emit(entries)
  }
}

const isBreak = (error: unknown): boolean => error instanceof HttpProblem && error.status === 0
