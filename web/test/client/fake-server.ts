/**
 * A server in memory that keeps the promises of docs/protocol.md, behind fake sockets: rooms that are logs, `id`s that are stored once, history.
 * The test holds the network: it can lose frames either way, delay them, and cut the connection between any two.
 */
import type { ClientFrame, Message, Outgoing, ServerFrame, User } from "../../src/client/wire.ts"
import { FakeListener, FakeSocket, OLENA, TARAS, welcome } from "./fake-socket.ts"

export class FakeServer {
  readonly listener = new FakeListener()
  readonly logs = new Map<string, Message[]>()
  readonly readMarks = new Map<string, number>()
  /** All frames that arrived, over all connections. */
  readonly received: ClientFrame[] = []
  epoch = "e1"
  user: User = OLENA
  members = new Set<string>()
  /** How many messages an answer has room for, this time. */
  fit: () => number = () => 200
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

  log(room: string): Message[] {
    let log = this.logs.get(room)
    if (!log) this.logs.set(room, (log = []))
    return log
  }

  /** Somebody else writes; `lost`: the copy to our client does not arrive. */
  say(room: string, text: string, { lost = false, from = TARAS, id }: { lost?: boolean; from?: User; id?: string } = {}): ServerFrame {
    const frame = asFrame(this.#store(room, from, id ?? `${from.id}-${this.log(room).length}`, text))
    if (!lost && this.#joined.has(room)) this.tell(frame)
    return frame
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
      const named = answer.type === "error" || answer.type === "message" ? answer : { ...answer, ...ref }
      this.deliver(socket, answer.type === "error" && answer.ref === undefined ? { ...answer, ...ref } : named)
    }
  }

  #answer(frame: ClientFrame): ServerFrame[] {
    switch (frame.type) {
      case "auth":
        return [welcome({ session: `s${++this.#sessions}`, epoch: this.epoch, user: this.user })]
      case "join":
        return [this.#join(frame)]
      case "chat":
        return this.#joined.has(frame.room) ? [asFrame(this.#store(frame.room, this.user, frame.id, frame.text))] : [refusal("not_joined", frame.id)]
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
      case "ping":
        return [{ type: "pong" }]
      default:
        return []
    }
  }

  #join({ room, after }: Outgoing<"join">): ServerFrame {
    this.members.add(room)
    this.#joined.add(room)
    const log = this.log(room)
    const fit = this.fit()
    const found = after === undefined ? log.slice(-Math.min(50, fit)) : log.filter(({ seq }) => seq > after).slice(0, fit)
    const more = after === undefined ? (found[0]?.seq ?? 1) > 1 : (found.at(-1)?.seq ?? log.length) < log.length
    return { type: "joined", room, seq: log.length, members: 2, online: [OLENA, TARAS], messages: found, more }
  }

  #history({ room, before, after, limit = 50 }: Outgoing<"history">): ServerFrame {
    const log = this.log(room)
    const size = Math.min(limit, this.fit())
    const messages =
      before !== undefined ? log.filter(({ seq }) => seq < before).slice(-size) : log.filter(({ seq }) => seq > (after ?? 0)).slice(0, size)
    const more = before !== undefined ? (messages[0]?.seq ?? 1) > 1 : (messages.at(-1)?.seq ?? log.length) < log.length
    return { type: "history", room, messages, more }
  }

  #summary(room: string) {
    const log = this.log(room)
    const last = log.at(-1)
    const readSeq = this.readMarks.get(room) ?? 0
    const unread = Math.min(100, log.filter(({ seq, from }) => seq > readSeq && from.id !== this.user.id).length)
    return { room, seq: log.length, read_seq: readSeq, unread, members: 2, ...(last && { last }) }
  }

  /** Stores once per sender and id, as the router does. */
  #store(room: string, from: User, id: string, text: string): Message {
    const log = this.log(room)
    const known = log.find((message) => message.from.id === from.id && message.id === id)
    if (known) return known
    const message: Message = { kind: "chat", room, seq: log.length + 1, id, from, at: new Date().toISOString(), text }
    log.push(message)
    return message
  }
}

/** A listed message as it comes by itself. */
export const asFrame = (message: Message): ServerFrame => ({ type: "message", ...message })

export const refusal = (code: Extract<ServerFrame, { type: "error" }>["code"], ref?: string, retryAfterMs?: number): ServerFrame => ({
  type: "error",
  code,
  text: code,
  retryable: ["rate_limited", "overloaded", "unavailable"].includes(code),
  ...(ref !== undefined && { ref }),
  ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }),
})
