/**
 * A server in memory that keeps the promises of docs/protocol.md, behind fake sockets: rooms that are logs of messages and changes, `id`s that
 * are stored once, history. The test holds the network: it can lose frames either way, delay them, and cut the connection between any two.
 */
import { canonical, fold } from "../../src/client/fold.ts"
import { isPrivate } from "../../src/client/room-names.ts"
import type { Said } from "../../src/client/outbox-store.ts"
import { type ClientFrame, type Entry, type ErrorCode, type Incoming, isMessage, isReply, isRoomChange, type JoinedRoom, type Level, type Message, type Outgoing, type RefusedRoom, type RoomAfter, type RoomChange, type ServerFrame, type User } from "../../src/client/wire.ts"
import { FakeListener, FakeSocket, OLENA, TARAS, welcome } from "./fake-socket.ts"

export type Changing = Exclude<Said, { type: "chat" }>

/** What is done to a room itself. */
type Done = Pick<Extract<RoomChange, { kind: "member" }>, "kind" | "user" | "role"> | (Pick<Extract<RoomChange, { kind: "room" }>, "kind"> & Set)
type Set = Pick<Incoming<"joined">, "title" | "topic" | "posting" | "invites" | "keep_days" | "archived">

interface Told {
  /** The copy to our client does not arrive. */
  lost?: boolean
  from?: User
  id?: string
  /** Whom the message mentions. */
  mentions?: readonly string[]
}

export class FakeServer {
  readonly listener = new FakeListener()
  /** Of each room its entries; the messages as they are now. */
  readonly logs = new Map<string, Entry[]>()
  readonly readMarks = new Map<string, number>()
  /** Of what the user is alerted, where that was set. */
  readonly levels = new Map<string, Level>()
  /** Where logs begin that have been kept for long enough. */
  readonly #first = new Map<string, number>()
  /** All frames that arrived, over all connections. */
  readonly received: ClientFrame[] = []
  epoch = "e1"
  /** The name of the user's own log; empty: there is none. */
  me = ""
  user: User = OLENA
  members = new Set<string>()
  /** How many messages an answer has room for, this time. */
  fit: () => number = () => 200
  /** By how much less than there is an answer says that its messages hold, this time. */
  understate: () => number = () => 0
  /** Answers a frame in another way than usual: with these frames, or with none. Undefined: as usual. */
  intercept: (frame: ClientFrame) => ServerFrame[] | undefined = () => undefined
  /** How a frame travels to the client; by default at once. */
  deliver: (socket: FakeSocket, frame: ServerFrame) => void = (socket, frame) => socket.say(frame)
  #sessions = 0
  #current: FakeSocket | null = null
  #joined = new Set<string>()

  constructor() {
    this.listener.onconnect = (socket) => {
      this.#current = socket
      this.#joined = new Set()
      socket.onframe = (frame) => this.#receive(socket, frame)
      queueMicrotask(() => socket.accept())
    }
  }

  /** The frames of a type that arrived. */
  got<Type extends ClientFrame["type"]>(type: Type): Outgoing<Type>[] {
    return this.received.filter((frame): frame is Outgoing<Type> => frame.type === type)
  }

  log(room: string): Entry[] {
    let log = this.logs.get(room)
    if (!log) this.logs.set(room, (log = []))
    return log
  }

  /** Those that are kept. */
  messages(room: string): Message[] {
    return this.log(room).filter(isMessage).filter(({ seq }) => seq >= this.first(room))
  }

  first(room: string): number {
    return this.#first.get(room) ?? 1
  }

  /** Nothing before `first` is kept any more. */
  expire(room: string, first: number): void {
    this.#first.set(room, Math.max(this.first(room), Math.min(first, this.log(room).length + 1)))
  }

  #begins(room: string): { first?: number } {
    return this.first(room) > 1 ? { first: this.first(room) } : {}
  }

  /** Somebody else writes. */
  say(room: string, text: string, { from = TARAS, id = this.#newId(room, from), lost = false, mentions }: Told = {}): ServerFrame {
    return this.#tellAll(room, this.#store(room, from, id, { type: "chat", text, ...(mentions && { mentions }) }), lost)
  }

  /** Somebody else answers in a thread. */
  answer(room: string, thread: number, text: string, { from = TARAS, id = this.#newId(room, from), lost = false }: Told = {}): ServerFrame {
    return this.#tellAll(room, this.#store(room, from, id, { type: "chat", text, thread }), lost)
  }

  /** Somebody else changes a message. */
  change(room: string, said: Changing, { from = TARAS, id = this.#newId(room, from), lost = false }: Told = {}): ServerFrame {
    return this.#tellAll(room, this.#store(room, from, id, said), lost)
  }

  /** Somebody changes the room itself. */
  govern(room: string, done: Done, { from = TARAS, id = this.#newId(room, from), lost = false }: Told = {}): ServerFrame {
    return this.#tellAll(room, this.#governed(room, from, id, done), lost)
  }

  /** Something happens to the user. */
  notify(kind: "invited" | "removed" | "mention", about: { room: string; title?: string; of?: number; why?: "mention" | "reply" | "direct" }, { from = TARAS, id = this.#newId(this.me, from), lost = false }: Told = {}): ServerFrame {
    const log = this.log(this.me)
    const entry: Entry = { kind, room: this.me, seq: log.length + 1, id, from, at: new Date().toISOString(), about } as Entry
    log.push(entry)
    return this.#tellAll(this.me, entry, lost)
  }

  /** The user has signed in somewhere. */
  signIn({ id = this.#newId(this.me, this.user), lost = false }: Told = {}): ServerFrame {
    const log = this.log(this.me)
    const at = new Date().toISOString()
    const entry: Entry = { kind: "signed_in", room: this.me, seq: log.length + 1, id, from: this.user, at, device: { at, name: "Firefox/140.0" } }
    log.push(entry)
    return this.#tellAll(this.me, entry, lost)
  }

  /** Somebody ends the user's membership. */
  removeMe(room: string, by: User = TARAS): void {
    this.members.delete(room)
    this.#joined.delete(room)
    this.tell({ type: "left", room, by })
  }

  fill(room: string, count: number): void {
    for (let i = 0; i < count; i++) this.say(room, `text ${i + 1}`, { lost: true })
  }

  /** Sends a frame to the client, if it is connected. */
  tell(frame: ServerFrame): void {
    if (this.#current && this.#current.closedWith === null) this.deliver(this.#current, frame)
  }

  cut(code = 1006): void {
    const socket = this.#current
    this.#current = null
    if (socket && socket.closedWith === null) socket.drop(code)
  }

  #receive(socket: FakeSocket, frame: ClientFrame): void {
    this.received.push(frame)
    const ref = frame.ref === undefined ? {} : { ref: frame.ref }
    const answers = this.intercept(frame) ?? this.#answer(frame)
    for (const answer of answers) {
      const isNamed = answer.type === "error" || answer.type === "message" || answer.type === "change"
      const named = isNamed ? answer : { ...answer, ...ref }
      this.deliver(socket, answer.type === "error" && answer.ref === undefined ? { ...answer, ...ref } : named)
    }
  }

  #answer(frame: ClientFrame): ServerFrame[] {
    switch (frame.type) {
      case "auth":
        return [welcome({ session: `s${++this.#sessions}`, epoch: this.epoch, user: this.user, me: this.me })]
      case "join":
        if (isPrivate(frame.room) && frame.room !== this.me && !this.members.has(frame.room)) return [refusal("no_such_room")]
        return [this.#join(frame)]
      case "resume":
        return [{ type: "resumed", rooms: frame.rooms.map((wanted) => this.#resume(wanted)) }]
      case "create": {
        const room = `~${frame.id}`
        if (this.log(room).length === 0) {
          this.#governed(room, this.user, frame.id, { kind: "room", title: frame.title })
          this.#governed(room, this.user, `${frame.id}.1`, { kind: "member", user: this.user, role: "owner" })
        }
        return [this.#join({ type: "join", room })]
      }
      case "invite":
      case "remove":
      case "role":
      case "settings":
        return [this.#govern(frame)]
      case "people":
        return [{ type: "people", people: [OLENA, TARAS].filter(({ name }) => name.toLowerCase().startsWith(frame.q.toLowerCase())) }]
      case "chat":
      case "edit":
      case "delete":
      case "react":
      case "pin":
        return [this.#said(frame)]
      case "history":
        return [this.#history(frame)]
      case "rooms":
        return [{ type: "rooms", rooms: [...this.members].map((room) => this.#summary(room)) }]
      case "leave":
        this.members.delete(frame.room)
        this.#joined.delete(frame.room)
        return [{ type: "left", room: frame.room }]
      case "read":
        this.readMarks.set(frame.room, Math.max(frame.seq, this.readMarks.get(frame.room) ?? 0))
        return []
      case "notify":
        this.levels.set(frame.room, frame.level)
        return [{ type: "notify", room: frame.room, level: frame.level }]
      case "ping":
        return [{ type: "pong" }]
      default:
        return []
    }
  }

  #said({ room, id, ...said }: Outgoing<"chat" | Changing["type"]>): ServerFrame {
    if (!this.#joined.has(room)) return refusal("not_joined", id)
    const known = this.#known(room, this.user, id)
    const code = known ? null : said.type === "chat" ? this.#refusesUnder(room, said.thread) : this.#refuses(room, said)
    return code === null ? asFrame(this.#listed(this.#store(room, this.user, id, said))) : refusal(code, id)
  }

  #govern({ type, room, id, ref, ...asked }: Outgoing<"invite" | "remove" | "role" | "settings">): ServerFrame {
    if (!this.#joined.has(room)) return refusal("not_joined", ref ?? id)
    const role = type === "invite" ? ("member" as const) : type === "role" ? (asked as Outgoing<"role">).role : undefined
    const done: Done = "user" in asked ? { kind: "member", user: { id: asked.user, name: asked.user }, ...(role && { role }) } : { kind: "room", ...asked }
    return { ...asFrame(this.#governed(room, this.user, id, done)), ...(ref !== undefined && { ref }) } as ServerFrame
  }

  /** Stores once per sender and id, as the router does. */
  #governed(room: string, from: User, id: string, done: Done): Entry {
    const known = this.#known(room, from, id)
    if (known) return known
    const log = this.log(room)
    const entry = { ...done, room, seq: log.length + 1, id, from, at: new Date().toISOString() } as Entry
    log.push(entry)
    return entry
  }

  /** How the room stands after all of its changes, by an account of its own. */
  standing(room: string): Set & Pick<Incoming<"joined">, "people" | "role"> {
    const set: Set = {}
    const people = new Map<string, NonNullable<Incoming<"joined">["people"]>[number]>()
    for (const entry of this.log(room)) {
      if (entry.kind === "room") for (const each of ["title", "topic", "posting", "invites", "keep_days", "archived"] as const) Object.assign(set, entry[each] !== undefined && { [each]: entry[each] })
      if (entry.kind !== "member") continue
      people.delete(entry.user.id)
      if (entry.role) people.set(entry.user.id, { ...entry.user, ...(entry.role !== "member" && { role: entry.role }) })
    }
    const role = people.get(this.user.id)?.role
    return { ...set, ...(role && { role }), ...(isPrivate(room) && { people: [...people.values()] }) }
  }

  #refuses(room: string, said: Changing): ErrorCode | null {
    const message = this.log(room)[said.of - 1]
    if (!message || !isMessage(message) || message.kind === "deleted" || said.of < this.first(room)) return "no_such_message"
    return (said.type === "edit" || said.type === "delete") && message.from.id !== this.user.id ? "forbidden" : null
  }

  #refusesUnder(room: string, thread: number | undefined): ErrorCode | null {
    if (thread === undefined) return null
    const root = this.log(room)[thread - 1]
    if (!root || !isMessage(root)) return "no_such_message"
    return root.thread === undefined ? null : "forbidden"
  }

  #resume({ room, after }: RoomAfter): JoinedRoom | RefusedRoom {
    if (!this.members.has(room)) return { room, error: { code: this.logs.has(room) ? "not_joined" : "no_such_room", text: "not yours" } }
    const { type: _, ...joined } = this.#join({ type: "join", room, after })
    return joined
  }

  #join({ room, after }: Outgoing<"join">): Incoming<"joined"> {
    this.members.add(room)
    this.#joined.add(room)
    const log = this.#kept(room)
    const fit = this.fit()
    const found = after === undefined ? this.messages(room).slice(-Math.min(50, fit)) : log.filter(({ seq }) => seq > after).slice(0, fit)
    const more = after === undefined ? (found[0]?.seq ?? 1) > this.first(room) : (found.at(-1)?.seq ?? this.log(room).length) < this.log(room).length
    const seq = this.#newest(room)
    const as_of = Math.max(0, seq - this.understate())
    const messages = found.map(this.#listed)
    return { type: "joined", room, seq, ...this.#begins(room), ...(as_of < seq && { as_of }), members: 2, online: [OLENA, TARAS], ...(isPrivate(room) && { private: true }), ...this.standing(room), messages, more }
  }

  #history({ room, before, after, thread, limit = 50 }: Outgoing<"history">): ServerFrame {
    if (thread !== undefined) return this.#threadPage(room, thread, before, after, limit)
    const log = this.#kept(room)
    const size = Math.min(limit, this.fit())
    const found =
      before !== undefined ? this.messages(room).filter(({ seq }) => seq < before).slice(-size) : log.filter(({ seq }) => seq > (after ?? 0)).slice(0, size)
    const newest = this.log(room).length
    const more = before !== undefined ? (found[0]?.seq ?? 1) > this.first(room) : (found.at(-1)?.seq ?? newest) < newest
    return { type: "history", room, ...this.#begins(room), seq: Math.max(0, this.#newest(room) - this.understate()), messages: found.map(this.#listed), more }
  }

  #kept(room: string): Entry[] {
    return this.log(room).filter(({ seq }) => seq >= this.first(room))
  }

  #threadPage(room: string, thread: number, before: number | undefined, after: number | undefined, limit: number): ServerFrame {
    const code = this.#refusesUnder(room, thread)
    if (code !== null) return refusal(code)
    const under = this.messages(room).filter((message) => message.thread === thread)
    const asked = under.filter(({ seq }) => seq < (before ?? Infinity) && seq > (after ?? 0))
    const messages = after === undefined ? asked.slice(-limit) : asked.slice(0, limit)
    return { type: "history", room, seq: Math.max(0, this.#newest(room) - this.understate()), messages, more: messages.length < asked.length }
  }

  #summary(room: string) {
    const log = this.log(room)
    const last = this.messages(room).at(-1)
    const readSeq = this.readMarks.get(room) ?? 0
    const [unread, mentions] = [Math.min(100, this.unread(room).length), Math.min(100, this.mentions(room).length)]
    const notify = this.levels.get(room)
    return { room, seq: log.length, read_seq: readSeq, unread, ...(mentions > 0 && { mentions }), ...(notify && { notify }), members: 2, ...(last && { last }) }
  }

  /** The messages of others that the user has not read. */
  unread(room: string): Message[] {
    const readSeq = this.readMarks.get(room) ?? 0
    return this.messages(room).filter(({ kind, seq, from }) => kind !== "deleted" && seq > readSeq && from.id !== this.user.id)
  }

  /** Those of them that mention the user. */
  mentions(room: string): Message[] {
    return this.unread(room).filter((message) => message.kind === "chat" && message.mentions?.includes(this.user.id))
  }

  /** Stores once per sender and id, as the router does. */
  #store(room: string, from: User, id: string, { type, ...said }: Said): Entry {
    const known = this.#known(room, from, id)
    if (known) return known
    const log = this.log(room)
    const entry = { kind: type, room, seq: log.length + 1, id, from, at: new Date().toISOString(), ...said } as Entry
    if (entry.kind === "react") entry.emoji = canonical(entry.emoji)
    log.push(entry)
    if (isReply(entry)) log.splice(entry.thread - 1, 1, fold(log[entry.thread - 1] as Message, entry))
    if (!isMessage(entry) && !isRoomChange(entry)) log.splice(entry.of - 1, 1, fold(log[entry.of - 1] as Message, entry))
    return entry
  }

  #known(room: string, from: User, id: string): Entry | undefined {
    return this.log(room).find((entry) => entry.from.id === from.id && entry.id === id)
  }

  /** An edit is listed with its message's text of today. */
  readonly #listed = (entry: Entry): Entry => {
    if (entry.kind !== "edit") return entry
    const message = this.log(entry.room)[entry.of - 1]
    const { text: _text, mentions: _mentions, ...edit } = entry
    return message?.kind === "chat" ? { ...edit, text: message.text, ...(message.mentions && { mentions: message.mentions }) } : edit
  }

  #newest(room: string): number {
    return this.log(room).at(-1)?.seq ?? 0
  }

  #newId(room: string, from: User): string {
    return `${from.id}-${this.log(room).length}`
  }

  #tellAll(room: string, entry: Entry, lost: boolean): ServerFrame {
    const frame = asFrame(entry)
    if (!lost && this.#joined.has(room)) this.tell(frame)
    return frame
  }
}

/** A listed entry as it comes by itself. */
export const asFrame = (entry: Entry): ServerFrame => (isMessage(entry) ? { type: "message", ...entry } : { type: "change", ...entry })

/** What a message says. */
export const textOf = (entry: Entry): string => {
  if (entry.kind === "chat") return entry.text
  return entry.kind === "file" ? entry.file.name : entry.kind
}

export const refusal = (code: Extract<ServerFrame, { type: "error" }>["code"], ref?: string, retryAfterMs?: number): ServerFrame => ({
  type: "error",
  code,
  text: code,
  retryable: ["rate_limited", "overloaded", "unavailable"].includes(code),
  ...(ref !== undefined && { ref }),
  ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
})
