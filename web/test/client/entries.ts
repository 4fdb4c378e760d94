/** A room's log for the tests of what is changed: entries, pages of them, and its messages by an account that owes nothing to the client's. */
import { type Change, type Entry, isMessage, isRoomChange, type Message, type RoomChange, type User } from "../../src/client/wire.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

export const PEOPLE = [OLENA, TARAS, { id: "u-vira", name: "Vira" }]
const AT = Date.parse("2026-11-20T12:00:00.000Z")

const common = (seq: number, by = 1) => ({ room: "den", seq, id: `e${seq}`, from: PEOPLE[by]!, at: new Date(AT + seq * 1000).toISOString() })

export const chat = (seq: number, text = `text ${seq}`, by = 1): Extract<Message, { kind: "chat" }> => ({ kind: "chat", ...common(seq, by), text })
export const under = (thread: number, seq: number, by = 1) => ({ ...chat(seq, `text ${seq}`, by), thread })
export const edit = (seq: number, of: number, text?: string, by = 1): Change => ({ kind: "edit", ...common(seq, by), of, ...(text !== undefined && { text }) })
export const remove = (seq: number, of: number, by = 1): Change => ({ kind: "delete", ...common(seq, by), of })
export const react = (seq: number, of: number, emoji: string, on = true, by = 1): Change => ({ kind: "react", ...common(seq, by), of, emoji, on })
export const pin = (seq: number, of: number, on = true, by = 1): Change => ({ kind: "pin", ...common(seq, by), of, on })

export const member = (seq: number, user: User, role?: "owner" | "moderator" | "member", by = 1): RoomChange => ({ kind: "member", ...common(seq, by), user, ...(role && { role }) })
export const settings = (seq: number, set: Pick<Extract<RoomChange, { kind: "room" }>, "title" | "topic" | "posting" | "invites" | "keep_days" | "archived">, by = 1): RoomChange => ({ kind: "room", ...common(seq, by), ...set })

type Random = () => number

/** Mulberry32: small, and the same everywhere. */
export const generator = (seed: number): Random => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let x = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
  return ((x ^ (x >>> 14)) >>> 0) / 4294967296
}

/** A log of `size` entries, of which about the share `changes` are changes, to any message or to one of the last few. */
export const randomLog = (size: number, random: Random, changes = 0.6): Entry[] => {
  const any = (count: number) => Math.floor(random() * count)
  const log: Entry[] = [chat(1)]
  const messages = [1]
  const roots = [1]
  for (let seq = 2; seq <= size; seq++) {
    const of = messages.at(random() < 0.5 ? any(messages.length) : -1 - any(Math.min(3, messages.length)))!
    const by = any(PEOPLE.length)
    const kind = random()
    if (random() > changes) {
      const isUnder = random() < 0.4
      messages.push(log.push(isUnder ? under(roots[any(roots.length)]!, seq, by) : chat(seq, `text ${seq}`, by)))
      if (!isUnder) roots.push(seq)
    }
    else if (kind < 0.6) log.push(react(seq, of, ["👍", "❤", "🎉"][any(3)]!, random() < 0.6, by))
    else if (kind < 0.75) log.push(edit(seq, of, `text of ${seq}`, by))
    else if (kind < 0.92) log.push(pin(seq, of, random() < 0.6, by))
    else log.push(remove(seq, of, by))
  }
  return log
}

/** The room's messages when its newest entry had the number `seq`. */
export const messagesAt = (log: readonly Entry[], seq: number): Message[] => {
  const messages = new Map<number, { said: Message; text: string; editedAt?: string; gone: boolean; pinned: boolean; users: Map<string, Set<string>>; answers: Message[] }>()
  for (const entry of log.slice(0, seq)) {
    if (isMessage(entry)) {
      messages.set(entry.seq, { said: entry, text: entry.kind === "chat" ? entry.text : "", gone: false, pinned: false, users: new Map(), answers: [] })
      if (entry.thread !== undefined) messages.get(entry.thread)?.answers.push(entry)
      continue
    }
    if (isRoomChange(entry)) continue
    const message = messages.get(entry.of)!
    if (entry.kind === "delete") message.gone = true
    else if (entry.kind === "pin") message.pinned = entry.on
    else if (entry.kind === "edit") [message.text, message.editedAt] = [entry.text!, entry.at]
    else {
      const users = message.users.get(entry.emoji) ?? new Set()
      if (entry.on) message.users.set(entry.emoji, users.add(entry.from.id))
      else if (users.delete(entry.from.id) && users.size === 0) message.users.delete(entry.emoji)
    }
  }
  return [...messages.values()].map(({ said: { room, seq, id, from, at, thread }, answers, text, editedAt, gone, pinned, users }) => {
    const last = answers.at(-1)
    const replies = last && { count: answers.length, last_seq: last.seq, last_at: last.at }
    const base = { room, seq, id, from, at, ...(thread !== undefined && { thread }), ...(replies && { replies }) }
    if (gone) return { kind: "deleted", ...base }
    const reactions = [...users].map(([emoji, each]) => ({ emoji, users: [...each].sort() })).sort((a, b) => (a.emoji < b.emoji ? -1 : 1))
    return {
      kind: "chat",
      ...base,
      text,
      ...(editedAt !== undefined && { edited_at: editedAt }),
      ...(pinned && { pinned }),
      ...(reactions.length > 0 && { reactions }),
    }
  })
}

export interface Page {
  entries: Entry[]
  more: boolean
  asOf: number
}

/** A page of at most `limit` messages before `before`, read when the newest entry had the number `seq`. */
export const pageBefore = (log: readonly Entry[], seq: number, before: number, limit: number, asOf = seq): Page => {
  const messages = messagesAt(log, seq).filter((message) => message.seq < before)
  return { entries: messages.slice(-limit), more: messages.length > limit, asOf }
}

/** A page of at most `limit` messages under `root`, the newest before `before`, read then. */
export const pageOfThread = (log: readonly Entry[], seq: number, root: number, before: number, limit: number, asOf = seq): Page => {
  const messages = messagesAt(log, seq).filter((message) => message.thread === root && message.seq < before)
  return { entries: messages.slice(-limit), more: messages.length > limit, asOf }
}

/** A page of at most `limit` entries after `after`, read then. */
export const pageAfter = (log: readonly Entry[], seq: number, after: number, limit: number, asOf = seq): Page => {
  const now = new Map(messagesAt(log, seq).map((message) => [message.seq, message]))
  const found = log.slice(after, Math.min(seq, after + limit))
  return { entries: found.map((entry) => listed(entry, now)), more: after + limit < seq, asOf }
}

const listed = (entry: Entry, now: ReadonlyMap<number, Message>): Entry => {
  if (isMessage(entry)) return now.get(entry.seq)!
  if (entry.kind !== "edit") return entry
  const message = now.get(entry.of)!
  const { text: _text, ...rest } = entry
  return message.kind === "chat" ? { ...rest, text: message.text } : rest
}
