/**
 * A user's session with the server: the rooms, their logs, and what is on its way out. Everything a user interface needs, and no user interface.
 *
 * It keeps the promises of docs/protocol.md on the client's side: rooms are resumed by `after`, jumps in `seq` are filled from history, nothing
 * is shown twice, what was written is sent again with the same `id` until it is acknowledged.
 */
import { Backfill, ignoreLoss } from "./backfill.ts"
import { Connection, type ConnectionOptions } from "./connection.ts"
import { Deeds } from "./deeds.ts"
import { Emitter } from "./emitter.ts"
import { Entrance } from "./entrance.ts"
import { reachesBackTo } from "./former.ts"
import { Listing } from "./listing.ts"
import { MessageLookup } from "./message-lookup.ts"
import { Outbox } from "./outbox.ts"
import type { OutboxEntry, OutboxStore } from "./outbox-store.ts"
import { OwnLog } from "./own-log.ts"
import { OwnMessages } from "./own-messages.ts"
import { Reading } from "./reading.ts"
import { Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import { RoomKeeper } from "./room-keeper.ts"
import { isOwnLog } from "./room-names.ts"
import { restoreRoom } from "./room-record.ts"
import type { RoomStore } from "./room-store.ts"
import { Rooms } from "./rooms.ts"
import { Threads } from "./threads.ts"
import { Typing } from "./typing.ts"
import { type Entry, type Incoming, isMessage, isOwn, type Limits, loggedOf, type Message, type RoomName, type ServerFrame, type User } from "./wire.ts"

export interface SessionOptions extends ConnectionOptions {
  outbox: OutboxStore
  /** How many missed messages of a room are fetched by themselves: 1,000 by default. Where more were missed, it starts anew at its newest. */
  catchUp?: number
  /** Where this user's rooms outlive the program, and who that is. Without it nothing of them does. */
  kept?: { store: RoomStore; user: User }
  /** The id of the entry of this user's own log that tells of the sign-in here: it is not told as news. */
  signIn?: string | null
}

/** This user is not in the room any more, and did not leave it. */
export interface Removal {
  readonly room: RoomName
  /** What it was called; empty where it had no other name than its own. */
  readonly title: string
  /** Who did that, where the server has said so. */
  readonly by: User | null
  /** What was written and will not be sent. */
  readonly unsent: readonly OutboxEntry[]
}

const CATCH_UP = 1_000
const LEAVE_ASKED_AT_MOST = 2

export class Session {
  readonly connection: Connection
  readonly outbox: Outbox
  /** Something about the room changed; null: something about the session or the list of rooms. */
  readonly changes = new Emitter<RoomName | null>()
  /** A message that has just been said, by anyone. Not what history brings. */
  readonly arrivals = new Emitter<Message>()
  /** An error that answers nothing in particular; or a change of this user's own that was refused, where no words are lost by it. */
  readonly notices = new Emitter<Incoming<"error">>()
  /** Others have ended this user's membership. */
  readonly removals = new Emitter<Removal>()
  /** What history brings. */
  readonly history: Backfill
  /** The threads that somebody looks at. */
  readonly threads: Threads
  /** What is done to rooms, and who may be let in. */
  readonly deeds: Deeds

  user: User | null = null
  limits: Limits | null = null
  /** For how many days rooms that say nothing themselves keep what is said; 0: for ever. */
  keepDays = 0
  readonly #rooms: Rooms
  readonly #requests: Requests
  readonly #entrance: Entrance
  readonly #reading: Reading
  readonly #listing: Listing
  readonly #typing: Typing
  readonly #own: OwnMessages
  readonly #lookup: MessageLookup
  readonly #ownLog: OwnLog
  readonly #keeper: RoomKeeper | null
  /** What an earlier page has left is here, as far as there is anything; null: nothing was to be. */
  #restored: Promise<void> | null = null
  /** The server was asked to end these memberships, and has perhaps done so, although its answer was lost. */
  readonly #leaving = new Set<RoomName>()
  #epoch: string | null = null
  #sessionId: string | null = null
  readonly #changed = (room: RoomName | null) => {
    if (room !== null && this.#rooms.get(room)?.isUnreadCounted === false) this.#listing.refreshSoon()
    this.changes.emit(room)
  }

  constructor({ outbox, catchUp = CATCH_UP, kept, signIn = null, ...options }: SessionOptions) {
    const random = options.random ?? Math.random
    this.#rooms = new Rooms({ isOwn: (entry) => isOwn(entry, this.user), mentions: (ids) => this.user !== null && ids.includes(this.user.id) }, catchUp, signIn)
    this.#keeper = kept ? new RoomKeeper(kept.store, () => this.rooms) : null
    if (kept) this.user = kept.user
    this.connection = new Connection(options)
    const send = this.connection.send.bind(this.connection)
    this.#requests = new Requests(send, random)
    this.#entrance = new Entrance({
      requests: this.#requests,
      isOpen: () => this.connection.state.phase === "open",
      entered: (room, entries) => this.#entered(room, entries),
      wentBack: (room) => this.#wentBack(room),
      refused: (room) => this.#notEntered(room),
    })
    this.history = new Backfill({
      requests: this.#requests,
      enter: (room) => this.#entrance.enter(room),
      notJoined: (room) => this.#enterAgain(room),
      changed: (room) => this.#paged(room),
      wentBack: (room) => this.#wentBack(room),
      found: (entries) => this.#found(entries),
    })
    this.threads = new Threads({
      requests: this.#requests,
      enter: (room) => this.#entrance.enter(room),
      wentBack: (room) => this.#wentBack(room),
      found: (entries) => this.#found(entries),
      changed: (room) => {
        this.#changed(room.name)
        void this.history.repair(room)
      },
    })
    this.changes.on((room) => room !== null && this.threads.look(room))
    this.deeds = new Deeds({
      requests: this.#requests,
      room: (name) => this.#rooms.get(name),
      enter: (room) => this.#entrance.enter(room),
      notJoined: (room) => this.#enterAgain(room),
      made: (room) => this.open(room),
    })
    this.#ownLog = new OwnLog({ room: (name) => this.#rooms.of(name), invited: (room) => this.#invited(room), elsewhere: (room) => this.#isElsewhere(room), read: (room, seq) => this.#reading.read(room, seq) })
    this.#lookup = new MessageLookup({ requests: this.#requests, enter: (room) => this.#entrance.enter(room) })
    this.#reading = new Reading(
      (room, seq) => this.#rooms.isJoined(room) && send({ type: "read", room, seq }),
      (room) => this.#changed(room),
    )
    this.#listing = new Listing({
      requests: this.#requests,
      rooms: this.#rooms,
      entrance: this.#entrance,
      reading: this.#reading,
      forget: (room) => this.#forget(room),
      complete: (room) => this.#complete(room),
      changed: (room) => this.#changed(room),
    })
    const type = (room: RoomName) => this.#rooms.isJoined(room) && send({ type: "typing", room })
    this.#typing = new Typing(type, (room) => this.#changed(room))
    this.outbox = new Outbox(outbox, {
      send,
      random,
      isJoined: (room) => this.#rooms.isJoined(room),
      isLookedFor: ({ room, writtenAt }) => reachesBackTo(writtenAt, this.#rooms.of(room).log) || this.#lookFor(room),
      notJoined: (room) => this.#enterAgain(room),
      gaveUp: (error) => this.notices.emit(error),
    })
    this.#own = new OwnMessages(this.outbox)
    this.outbox.changes.on((room) => this.#changed(room))
    this.connection.frames.on((frame) => this.#receive(frame))
    this.connection.states.on(({ phase }) => {
      if (phase !== "open") this.#disconnected()
      this.#changed(null)
    })
    options.network?.onWake(() => this.connection.state.phase === "open" && this.#listing.woke())
    for (const name of this.outbox.rooms) this.#rooms.open(name)
    this.changes.on((room) => this.#keeper?.changed(room))
  }

  /** A message of this user's own that the server has stored, however it came here, and as often as it comes. */
  get stored(): Emitter<Message> {
    return this.#own.stored
  }

  get rooms(): ReadonlyMap<RoomName, Room> {
    return this.#rooms.all
  }

  /** The log of what happened to this user, which is among `rooms`. */
  get own(): Room | null {
    const { name } = this.#ownLog
    return (name !== null && this.#rooms.get(name)) || null
  }

  /** Whether `rooms` are all of which this user is a member: the server has listed them since the session began. */
  get isListed(): boolean {
    return this.#listing.isKnown
  }

  /** Shows what an earlier page has left, and connects; also begins anew after the connection has ended. */
  start(): void {
    if (this.#keeper) this.#restored ??= this.#restore(this.#keeper)
    this.connection.start()
  }

  /** What is to outlive the program is written now. */
  keep(): void {
    this.#keeper?.flush()
  }

  stop(): void {
    this.#keeper?.stop()
    this.connection.stop()
    this.#reading.stop()
  }

  /** Enters a room, and has its newest messages and the unread ones at hand. A room that nobody has named before comes into being, in small letters alone. */
  open(name: RoomName): void {
    const room = this.#rooms.open(name)
    this.#rooms.wantUnread(room)
    room.refusal = null
    this.#changed(name)
    this.#keeper?.used(name)
    void this.#entrance.enter(room)
    this.#complete(room)
  }

  /** Ends the membership. Throws `Disconnected`, `Refused` or `Unanswered`. */
  async leave(name: RoomName): Promise<void> {
    this.#leaving.add(name)
    await this.#requests.ask({ type: "leave", room: name }, LEAVE_ASKED_AT_MOST)
    this.forget(name)
  }

  /** Takes a room that could not be entered off the list. */
  forget(name: RoomName): void {
    for (const { id } of this.outbox.of(name)) this.outbox.discard(id)
    this.#leaving.delete(name)
    this.#rooms.forget(name)
    this.#changed(null)
  }

  /**
   * Says something: in answer to the message `replyTo`, and under the message `thread`, if these numbers are given. `mentions`: at most fifty user
   * ids.
   */
  write(room: RoomName, text: string, replyTo?: number, mentions: readonly string[] = [], thread?: number): OutboxEntry {
    this.#typing.own.wrote(room)
    const where = { ...(replyTo !== undefined && { reply_to: replyTo }), ...(thread !== undefined && { thread }) }
    return this.outbox.say(room, { type: "chat", text, ...where, ...mentioning(mentions) })
  }

  /** Gives this user's own message `of` another text, which mentions these and nobody else. */
  edit(room: RoomName, of: number, text: string, mentions: readonly string[] = []): OutboxEntry {
    return this.outbox.say(room, { type: "edit", of, text, ...mentioning(mentions) })
  }

  /** Deletes this user's own message `of`. */
  remove(room: RoomName, of: number): OutboxEntry {
    return this.outbox.say(room, { type: "delete", of })
  }

  /** Sets a reaction to the message `of`, or takes it back. */
  react(room: RoomName, of: number, emoji: string, on: boolean): OutboxEntry {
    return this.outbox.say(room, { type: "react", of, emoji, on })
  }

  /** Pins the message `of`, or takes that back. */
  pin(room: RoomName, of: number, on: boolean): OutboxEntry {
    return this.outbox.say(room, { type: "pin", of, on })
  }

  /** The message with the number `seq` as it is now, also where it is not held. Null where there is none. Throws `Disconnected` or `Unanswered`. */
  message(room: RoomName, seq: number): Promise<Message | null> {
    return this.#lookup.message(this.#rooms.of(room), seq)
  }

  /** Says that the user is typing, as often as is useful and no more. */
  typing(room: RoomName): void {
    this.#typing.own.touched(room)
  }

  /** The messages with these numbers were in view, before somebody. */
  saw(name: RoomName, seqs: readonly number[]): void {
    const room = this.#rooms.get(name)
    if (room) this.#reading.saw(room, seqs)
  }

  /** The user says that they have read up to `seq`, whatever they have seen. */
  read(name: RoomName, seq: number): void {
    const room = this.#rooms.get(name)
    if (room) this.#reading.read(room, seq)
  }

  #receive(frame: ServerFrame): void {
    if (frame.type === "error" && this.outbox.refused(frame)) return
    if (frame.type !== "message" && this.#requests.receive(frame) && frame.type !== "change" && frame.type !== "notify") return
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame)
      case "message":
      case "change":
        return this.#arrived(loggedOf(frame))
      case "presence":
        this.#rooms.get(frame.room)?.present(frame)
        return this.#changed(frame.room)
      case "typing":
        return this.#typing.others.heard(this.#rooms.get(frame.room), frame.user, this.user)
      case "read":
        return this.#readElsewhere(frame)
      case "notify":
        this.#rooms.get(frame.room)?.alertsOf(frame.level)
        return this.#changed(frame.room)
      case "left":
        return frame.by === undefined ? this.forget(frame.room) : this.#removed(frame.room, frame.by) // or on another connection of this user
      case "error":
        return this.notices.emit(frame)
      default:
        return // `pong` and `reconnect` are the connection's business; answers that came too late are nobody's
    }
  }

  #welcomed({ user, session, epoch, limits, me, keep_days }: Incoming<"welcome">): void {
    const renewed = session === this.#sessionId
    this.user = user
    this.limits = limits
    this.keepDays = keep_days ?? 0
    this.#sessionId = session
    if (renewed) return
    if (this.#epoch !== null && this.#epoch !== epoch) for (const room of this.rooms.values()) this.#forget(room)
    this.#epoch = epoch
    this.#keeper?.begin(epoch)
    if (me) this.#ownLog.begin(this.#rooms.open(me).name) // a server of some age has none
    this.outbox.ofStore(epoch)
    this.#changed(null)
    this.deeds.connected()
    void this.#enterAll(session).catch(ignoreLoss)
  }

  async #restore(keeper: RoomKeeper): Promise<void> {
    const kept = await keeper.load()
    if (kept === null || (this.#epoch !== null && this.#epoch !== kept.epoch)) return
    if (this.#epoch === null) this.outbox.showsOf(kept.epoch)
    this.#epoch = kept.epoch
    for (const each of kept.rooms) {
      restoreRoom(this.#rooms.of(each.room), each)
      if (isOwnLog(each.room) && this.#ownLog.name === null) this.#ownLog.begin(this.#rooms.open(each.room).name)
    }
    keeper.restored(kept)
    for (const { room } of kept.rooms) this.#changed(room)
    this.#changed(null)
  }

  /** `session`: the one of the connection. */
  async #enterAll(session: string): Promise<void> {
    if (this.#restored) await this.#restored // so that each room is asked for what the disk has not
    if (session !== this.#sessionId) return
    await this.#entrance.enterAll(this.#rooms.opened)
    await this.#listing.refresh()
    await this.#entrance.enterAll(this.#rooms.notRefused)
  }

  #entered(room: Room, entries: readonly Entry[]): void {
    this.#leaving.delete(room.name)
    this.#found(entries)
    this.#reading.entered(room)
    this.#changed(room.name)
    this.outbox.flush()
    this.#complete(room)
  }

  /** Asks for what the room's log lacks. */
  #complete(room: Room): void {
    this.#rooms.reachUnread(room)
    void this.history.repair(room)
  }

  /** History has moved on. Where it passed over what was changed of the room itself, that is told by entering again. */
  #paged(name: RoomName): void {
    this.#changed(name)
    if (this.#rooms.get(name)?.isStandingStale) this.#enterAgain(name)
  }

  /** The server has less of the room than it had, or something else under one of its numbers. */
  #wentBack(room: Room): void {
    this.#forget(room)
    this.#changed(room.name)
    this.#enterAgain(room.name)
    void this.#listing.refresh().catch(ignoreLoss)
  }

  /** Forgets what came from a store that is no more; what is said and waits in the outbox is sent to the new one. */
  #forget(room: Room): void {
    room.forget()
    this.outbox.wentBack(room.name)
    this.#reading.forgotten(room)
    if (this.#rooms.isOpened(room.name)) this.#rooms.wantUnread(room)
  }

  #notEntered(room: Room): void {
    // Nobody comes to such a room by its name: this user was in it once.
    if (room.isPrivate && room !== this.own && room.refusal?.code === "no_such_room") {
      return this.#leaving.has(room.name) ? this.forget(room.name) : this.#removed(room.name, null)
    }
    this.outbox.roomRefused(room.name, room.refusal!)
    this.#changed(room.name)
  }

  /** Entered only once the server has listed it: this user may have left it since. */
  #isElsewhere(room: Room): void {
    const enter = () => (room.summary !== null && !room.joined ? this.#entrance.enter(room) : undefined)
    void this.#listing.refresh().then(enter).catch(ignoreLoss)
  }

  /** Somebody has let this user in. */
  #invited(room: Room): void {
    room.refusal = null
    this.#changed(null)
    void this.#entrance.enter(room).then(() => this.#listing.refresh()).catch(ignoreLoss)
  }

  #removed(name: RoomName, by: User | null): void {
    const room = this.#rooms.get(name)
    if (!room) return
    const unsent = this.outbox.of(name)
    const { title } = room
    this.forget(name)
    this.removals.emit({ room: name, title, by, unsent })
  }

  #enterAgain(name: RoomName): void {
    const room = this.#rooms.of(name)
    room.joined = false
    void this.#entrance.enter(room)
  }

  /** An entry has come by itself. */
  #arrived(entry: Entry): void {
    const room = this.#rooms.of(entry.room)
    if (isMessage(entry)) this.#typing.others.wrote(room, entry.from)
    this.#found([entry])
    const wentBack = room.log.contradicts([entry])
    const isNew = wentBack || room.log.receive(entry)
    if (!wentBack) this.#changed(room.name)
    if (isNew && isMessage(entry)) this.arrivals.emit(entry)
    if (wentBack) return this.#wentBack(room)
    this.#complete(room)
    this.#ownLog.passOver(room)
  }

  /** These came, whichever way and perhaps not for the first time. */
  #found(entries: readonly Entry[]): void {
    this.#own.found(entries, this.user)
    this.#lookup.found(entries)
    this.#ownLog.found(entries)
  }

  #lookFor(room: RoomName): false {
    void this.history.older(this.#rooms.of(room)).then(() => this.outbox.flush(), ignoreLoss)
    return false
  }

  #readElsewhere({ room: name, seq, user }: Incoming<"read">): void {
    const room = this.#rooms.get(name)
    if (!room || user.id !== this.user?.id) return
    this.#reading.elsewhere(room, seq)
  }

  #disconnected(): void {
    this.#sessionId = null
    this.#listing.stop()
    this.#reading.disconnected()
    this.threads.disconnected()
    this.#requests.disconnected()
    this.outbox.disconnected()
    this.#typing.others.clear()
    for (const room of this.rooms.values()) {
      room.disconnected()
      this.#changed(room.name)
    }
  }
}

const mentioning = (ids: readonly string[]) => (ids.length === 0 ? {} : { mentions: ids })
