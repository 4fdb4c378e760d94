/** A server for looking at the page: it plays the wire of docs/protocol.md from memory, for one browser context, without a network. */
import { readFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { chart } from "./chart.mjs"
import { listedAs, standing, take, told } from "./fake-standing.mjs"
import { count, me, messagesOf, people, rooms } from "./content.mjs"

/** One's own log. */
const ME = "~me.olena"
const ORIGIN = "http://homin.test"
const DIST = new URL("../../dist/", import.meta.url).pathname
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml" }

export class FakeServer {
  /** What to do with the next chats: store, swallow, or an error's code. */
  onChat = "store"
  /** Likewise with changes. */
  onChange = "store"
  refuses = false
  /** The frames that were heard. */
  heard = []
  user = me
  /** Of whoever has registered. */
  password = "kobzar 1840"
  now = Date.now
  #sockets = new Set()
  #logs
  #read
  #standings
  /** Of what the user is alerted, by room. */
  levels = new Map()
  /** What governs a room is refused with this code; null: it is done. */
  onGoverning = null

  constructor(given = rooms) {
    this.#logs = new Map(Object.entries(given).map(([room, { talk }]) => [room, messagesOf(room, talk)]))
    this.#read = new Map(Object.entries(given).map(([room, { readUpTo }]) => [room, readUpTo]))
    this.#standings = new Map(Object.entries(given).map(([room, said]) => [room, standing(said)]))
    this.#logs.set(ME, [])
    this.#read.set(ME, 0)
  }

  get origin() {
    return ORIGIN
  }

  async install(context) {
    await context.route(`${ORIGIN}/**`, (route) => this.#http(route))
    await context.routeWebSocket("**/ws", (socket) => this.#accept(socket))
  }

  /** Says something to every connection, as another person would. */
  tell(frame) {
    for (const socket of this.#sockets) this.#send(socket, frame)
  }

  say(room, from, text, more = {}) {
    const message = this.#store(room, from, newId(), { kind: "chat", text, ...more })
    this.tell(message)
  }

  /** Changes a message, as another person would: `said` is a client's frame without its room and id. */
  change(room, from, { type: kind, ...said }) {
    this.tell(this.#changed(room, from, newId(), { kind, ...said }))
  }

  /** Changes a room itself, as another person would: `said` is a `member` or `room` entry without what all entries have. */
  govern(room, from, said) {
    this.tell(this.#governed(room, from, newId(), said))
  }

  /** Tells the user what happened to them. */
  happen(kind, from, about, minutesAgo = 0) {
    const { now } = this
    this.now = () => now() - minutesAgo * 60_000
    this.tell(this.#store(ME, from, newId(), { kind, about }))
    this.now = now
  }

  /** Lets the user into a room that `content` describes. */
  letIn(room, content, from) {
    this.#logs.set(room, messagesOf(room, content.talk))
    this.#read.set(room, content.readUpTo)
    this.#standings.set(room, standing(content))
    this.happen("invited", from, { room, ...(content.set?.title && { title: content.set.title }) })
  }

  /** Ends the user's membership. */
  removeMe(room, by) {
    this.#logs.delete(room)
    this.#read.delete(room)
    this.tell({ type: "left", room, by })
    this.happen("removed", by, { room, title: this.#standings.get(room).set.title })
  }

  async cut(code = 1012) {
    this.refuses = true
    await Promise.all([...this.#sockets].map((socket) => socket.close({ code })))
    this.#sockets.clear()
  }

  async #http(route) {
    const url = new URL(route.request().url())
    if (url.pathname.endsWith("/refresh")) return route.fulfill({ status: 401, contentType: "application/problem+json", body: '{"code":"unauthorized"}' })
    if (url.pathname.startsWith("/api/accounts/")) return this.#account(route, url)
    if (url.pathname.startsWith("/api/files/")) return route.fulfill({ contentType: "image/png", body: chart(...(url.searchParams.get("shape")?.split("x").map(Number) ?? [])) })
    if (url.pathname === "/api/files") return this.onUpload?.(route)
    const path = url.pathname === "/" ? "index.html" : url.pathname.slice(1)
    const body = await readFile(join(DIST, path)).catch(() => null)
    return body === null ? route.fulfill({ status: 404 }) : route.fulfill({ contentType: TYPES[extname(path)] ?? "application/octet-stream", body })
  }

  #account(route, url) {
    if (url.pathname.endsWith("/logout")) return route.fulfill({ status: 204 })
    const refuse = (status, code) => route.fulfill({ status, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", status, title: "refused", code }) })
    if (url.pathname.endsWith("/login")) return refuse(401, "bad_credentials")
    if (url.pathname.endsWith("/password")) {
      const asked = route.request().postDataJSON()
      if (asked.password !== this.password) return refuse(401, "bad_credentials")
      if (asked.new === "password1") return refuse(400, "weak_password")
      this.password = asked.new
    }
    const body = JSON.stringify({ token: "t", expires_in: 604_800, user: { ...this.user, guest: url.pathname.endsWith("/guest") } })
    return route.fulfill({ status: 201, contentType: "application/json", body })
  }

  #accept(socket) {
    if (this.refuses) return void socket.close({ code: 1012 })
    this.#sockets.add(socket)
    socket.onMessage((text) => this.#answer(socket, JSON.parse(text)))
  }

  #send(socket, frame) {
    socket.send(JSON.stringify(frame))
  }

  #answer(socket, frame) {
    this.heard.push(frame)
    const { type, room, ref } = frame
    const send = (answer) => this.#send(socket, { ...answer, ...(ref && { ref }) })
    const log = this.#logs.get(room) ?? []
    if (type === "auth") {
      const limits = { frame_bytes: 1 << 20, text_chars: 8000, inline_file_bytes: 1 << 18, frames_per_s: 20, frames_burst: 40 }
      send({ type: "welcome", user: this.user, session: `s${Math.random()}`, epoch: "e", expires_at: "2030-01-01T00:00:00.000Z", heartbeat_s: 25, limits, me: ME })
    } else if (type === "ping") send({ type: "pong" })
    else if (type === "rooms") send({ type: "rooms", rooms: [...this.#logs.keys()].filter((name) => this.#read.has(name)).map((name) => this.#summary(name)) })
    else if (type === "join" && !this.#logs.has(room) && room !== room.toLowerCase()) {
      send({ type: "error", code: "no_such_room", text: "There is no room of this name.", retryable: false })
    } else if (type === "join") {
      if (!this.#logs.has(room) && room.startsWith("~")) return send({ type: "error", code: "no_such_room", text: "There is no such room.", retryable: false })
      if (!this.#logs.has(room)) this.#logs.set(room, [])
      send({ type: "joined", ...this.#joined(room, frame.after) })
    } else if (type === "resume") {
      send({ type: "resumed", rooms: frame.rooms.map(({ room: name, after }) => (this.#logs.has(name) ? this.#joined(name, after) : { room: name, error: { code: "no_such_room", text: "There is no such room." } })) })
    } else if (type === "history") {
      const { before, after, thread, limit = 50 } = frame
      if (thread) {
        const under = log.filter((entry) => entry.thread === thread && isMessage(entry) && entry.seq < (before ?? Infinity))
        return send({ type: "history", room, seq: log.length, messages: under.slice(-limit).map(listed), more: under.length > limit })
      }
      const page = before !== undefined ? log.filter((entry) => isMessage(entry) && entry.seq < before).slice(-limit) : log.filter(({ seq }) => seq > (after ?? 0)).slice(0, limit)
      const more = before !== undefined ? (page[0]?.seq ?? 1) > 1 : (page.at(-1)?.seq ?? log.length) < log.length
      send({ type: "history", room, seq: log.length, messages: page.map(listed), more })
    } else if (type === "read") this.#read.set(room, frame.seq)
    else if (type === "notify") {
      this.levels.set(room, frame.level)
      send({ type: "notify", room, level: frame.level })
    } else if (type === "leave") send({ type: "left", room })
    else if (type === "people") send({ type: "people", people: people.filter(({ name }) => name.toLowerCase().startsWith(frame.q.toLowerCase())) })
    else if (type === "create" || type === "direct") send(this.#made(frame))
    else if (["invite", "remove", "role", "settings"].includes(type)) {
      if (this.onGoverning) return send({ type: "error", code: this.onGoverning, text: "refused", retryable: false })
      const { type: _type, ref: _ref, id, room: _room, user, role = "member", ...set } = frame
      const said = type === "settings" ? { kind: "room", ...set } : { kind: "member", user: people.find((each) => each.id === user), ...(type !== "remove" && { role }) }
      send(this.#governed(room, this.user, id, said))
    } else if (type === "chat") this.#take(socket, frame, this.onChat, ({ text, reply_to, thread, mentions }) => this.#store(room, this.user, frame.id, { kind: "chat", text, ...(reply_to && { reply_to }), ...(thread && { thread }), ...(mentions && { mentions }) }))
    else if (["edit", "delete", "react", "pin"].includes(type)) {
      this.#take(socket, frame, this.onChange, ({ id, type: kind, room: _room, ...said }) => this.#changed(room, this.user, id, { kind, ...said }))
    }
  }

  #joined(room, after) {
    const log = this.#logs.get(room)
    const messages = (after === undefined ? log.filter(isMessage).slice(-50) : log.filter(({ seq }) => seq > after).slice(0, 200)).map(listed)
    const stands = this.#standings.get(room) ?? standing()
    const online = room in rooms || stands.members ? people.filter(({ id }) => id !== "u-iryna" && (!stands.members || stands.members.has(id))) : [this.user]
    const more = after === undefined ? log.filter(isMessage).length > 50 : (messages.at(-1)?.seq ?? log.length) < log.length
    return { room, seq: log.length, ...told(stands, this.user), members: online.length, online, messages, more }
  }

  #made({ type, id, title, topic, users }) {
    const ids = [...new Set([this.user.id, ...users])]
    const room = type === "create" ? `~${id.toLowerCase()}` : `~d.${ids.toSorted().map((each) => each.slice(2)).join("-")}`
    if (!this.#logs.has(room)) {
      this.#logs.set(room, [])
      this.#read.set(room, 0)
      const role = (each) => (type === "create" && each === this.user.id ? "owner" : "member")
      this.#standings.set(room, standing({ set: { title, topic }, members: ids.map((each) => [people.find((one) => one.id === each), role(each)]) }))
    }
    return { type: "joined", ...this.#joined(room) }
  }

  #governed(room, from, id, said) {
    const log = this.#logs.get(room)
    const entry = { ...this.#store(room, from, id, said), type: "change" }
    log[log.length - 1] = entry
    take(this.#standings.get(room), entry)
    return entry
  }

  #take(socket, frame, how, store) {
    if (how === "swallow") return
    if (how === "store") this.#send(socket, store(frame))
    else this.#send(socket, { type: "error", code: how, text: "refused", ref: frame.id, retryable: false })
  }

  /** Stores a change and applies it to its message. */
  #changed(room, from, id, said) {
    const { type: _type, ...entry } = this.#store(room, from, id, said)
    const log = this.#logs.get(room)
    log[log.length - 1] = { ...entry, type: "change" }
    log[said.of - 1] = applied(log[said.of - 1], entry)
    return log.at(-1)
  }

  #store(room, from, id, said) {
    const log = this.#logs.get(room) ?? []
    const message = { type: "message", room, seq: log.length + 1, id, from, at: new Date(this.now()).toISOString(), ...said }
    log.push(message)
    if (said.thread) {
      const root = { ...log[said.thread - 1] }
      count(root, message)
      log[said.thread - 1] = root
    }
    this.#logs.set(room, log)
    return message
  }

  #summary(room) {
    const log = this.#logs.get(room)
    const readSeq = this.#read.get(room) ?? 0
    const messages = log.filter(isMessage)
    const news = messages.filter(({ kind, seq, from }) => kind !== "deleted" && seq > readSeq && from.id !== this.user.id)
    const [unread, mentions] = [news.length, news.filter((message) => message.mentions?.includes(this.user.id)).length]
    const level = this.levels.get(room)
    return { room, ...listedAs(room, this.#standings.get(room) ?? standing(), this.user), seq: log.length, read_seq: readSeq, unread: Math.min(100, unread), ...(mentions > 0 && { mentions: Math.min(100, mentions) }), ...(level && level !== "all" && { notify: level }), members: 4, ...(messages.length > 0 && { last: listed(messages.at(-1)) }) }
  }
}

const newId = () => `s${Date.now()}${Math.random()}`
const isMessage = ({ type }) => type === "message"
const listed = ({ type: _type, ...entry }) => entry

/** A message after a change. */
const applied = (message, { kind, from, at, ...said }) => {
  const { text: _text, file: _file, reactions = [], pinned: _pinned, edited_at: _edited, mentions: _mentions, ...bare } = message
  if (message.kind === "deleted") return message
  if (kind === "edit") return { ...message, text: said.text, edited_at: at, mentions: said.mentions }
  if (kind === "delete") return { ...bare, kind: "deleted" }
  if (kind === "pin") return { ...message, pinned: said.on || undefined }
  const before = reactions.some(({ emoji }) => emoji === said.emoji) ? reactions : [...reactions, { emoji: said.emoji, users: [] }]
  const set = (users) => [...users.filter((id) => id !== from.id), ...(said.on ? [from.id] : [])]
  const after = before.map((each) => (each.emoji === said.emoji ? { ...each, users: set(each.users) } : each)).filter(({ users }) => users.length > 0)
  return { ...message, reactions: after.length > 0 ? after : undefined }
}
