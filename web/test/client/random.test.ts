/**
 * A network that loses, delays, cuts and refuses at random, and a client that has to end up with exactly what the server holds.
 * SEED=n runs one case again; CASES=n runs more of them.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { Session } from "../../src/client/session.ts"
import { generator } from "./entries.ts"
import { FakeDisk } from "./fake-disk.ts"
import { type Changing, FakeServer, refusal } from "./fake-server.ts"
import { FakeNetwork, numberedTokens, OLENA, TARAS } from "./fake-socket.ts"

const CASES = Number(process.env["CASES"] ?? 60)
const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
const SEEDS = process.env["SEED"] ? [FIRST] : Array.from({ length: CASES }, (_, i) => FIRST + i)
const ROOMS = ["den", "~vault"]
const VIRA = { id: "u3", name: "Vira" }

const keyOf = (said: Changing): string => `${said.type} ${said.of} ${said.type === "react" ? said.emoji : ""}`

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each(SEEDS)("seed %i: whatever the network does, everything is there once and in order", async (seed) => {
  const random = generator(seed)
  const chance = (probability: number) => random() < probability
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!
  const server = new FakeServer()
  server.members.add("~vault")
  const network = new FakeNetwork()
  const store = memoryOutbox()
  const disk = new FakeDisk()
  const kept = { store: disk.page(OLENA.id), user: OLENA }
  let calm = false
  server.fit = () => pick([1, 3, 200])
  server.understate = () => (calm || chance(0.7) ? 0 : Math.floor(random() * 8))

  server.intercept = (frame) => {
    if (calm || frame.type === "auth" || frame.type === "ping") return undefined
    if (chance(0.05)) return [] // the frame, or its answer, is lost inside the system
    const named = "id" in frame ? frame.id : undefined
    if (chance(0.05) && frame.type !== "typing" && frame.type !== "read")
      return [refusal(pick(["rate_limited", "overloaded", "unavailable"]), named, chance(0.5) ? 200 : undefined)]
    return undefined
  }
  // In order, as TCP is; some messages are lost in the system; answers take their time, so that live messages overtake `joined`.
  server.deliver = (socket, frame) => {
    const isEntry = frame.type === "message" || frame.type === "change"
    if (!calm && isEntry && chance(0.08)) return
    const say = () => socket.closedWith === null && socket.say(frame)
    if (!calm && chance(0.3) && (frame.type === "joined" || frame.type === "history")) setTimeout(say, random() * 500)
    else say()
    if (!calm && isEntry && chance(0.05)) say() // and some come twice
  }

  let session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox: store, random, kept })
  session.start()
  for (const room of ROOMS) session.open(room)
  const written: Record<string, string[]> = { den: [], "~vault": [] }
  /** What was said last of each thing, by its id. */
  const changed: Record<string, Map<string, { id: string; of: number }>> = { den: new Map(), "~vault": new Map() }
  const change = (room: string, isMine: boolean): void => {
    const messages = server.messages(room)
    const recent = chance(0.7) ? messages.slice(-10) : messages
    if (recent.length === 0) return
    const { seq: of, from } = pick(recent)
    const isOwn = from.id === (isMine ? OLENA : TARAS).id
    const kind = isOwn ? pick(["edit", "delete", "react", "pin"] as const) : pick(["react", "pin"] as const)
    const [emoji, on, text] = [pick(["👍", "\u2764\uFE0F"]), chance(0.6), `changed ${random()}`]
    const said: Changing = kind === "edit" ? { type: kind, of, text } : kind === "delete" ? { type: kind, of } : kind === "pin" ? { type: kind, of, on } : { type: kind, of, emoji, on }
    if (isMine) changed[room]!.set(keyOf(said), { id: session.outbox.say(room, said).id, of })
    else server.change(room, said)
  }
  for (let step = 0; step < 150; step++) {
    const room = pick(ROOMS)
    if (chance(0.3)) written[room]!.push(session.write(room, `mine ${step}`).id)
    if (chance(0.4)) server.say(room, `theirs ${step}`)
    if (chance(0.2)) change(room, true)
    if (chance(0.3)) change(room, false)
    if (chance(0.1)) {
      const role = pick(["owner", "moderator", "member", undefined] as const)
      const user = pick([OLENA, TARAS, VIRA])
      server.govern(room, chance(0.5) ? { kind: "room", [pick(["title", "topic"])]: `${step}` } : { kind: "member", user, ...(role && { role }) }, { lost: chance(0.1) })
    }
    if (chance(0.02)) server.fill(room, Math.floor(random() * 450))
    if (chance(0.06)) server.cut(pick([1001, 1006, 1011, 1012, 4001, 4002, 4003, 4004]))
    if (chance(0.03)) server.tell({ type: "reconnect", after_ms: Math.floor(random() * 3000) })
    if (chance(0.03)) network.plug(!network.online)
    if (chance(0.02)) network.wake()
    if (chance(0.02)) {
      session.stop() // the page is loaded anew: only the outbox and the disk remain
      session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox: store, random, kept })
      session.start()
      for (const each of ROOMS) session.open(each)
    }
    await pass(random() * 1500)
  }
  calm = true
  network.plug(true)
  await pass(120_000)
  for (const room of ROOMS) server.say(room, "the end") // tells of whatever was lost last
  await pass(60_000)

  for (const room of ROOMS) {
    const log = server.messages(room)
    const mine = log.filter(({ from }) => from.id === OLENA.id).map(({ id }) => id)
    expect(mine, "everything written is stored once, in the order of writing").toEqual(written[room])
    const ids = server.log(room).map(({ id }) => id)
    expect(new Set(ids).size, "nothing is stored twice").toBe(ids.length)
    const lost = [...changed[room]!.values()].filter(({ id, of }) => !ids.includes(id) && server.log(room)[of - 1]!.kind !== "deleted")
    expect(lost, "the last word of each thing is stored, unless its message is gone").toEqual([])
    const shown = session.rooms.get(room)!.log.messages
    expect(shown, "what is shown is the end of the log as it is now, without a gap").toEqual(log.slice(log.length - shown.length))
    expect(session.rooms.get(room)!.log.behind).toBe(0)
    const { title, topic, role, people } = session.rooms.get(room)!.standing!
    const told = server.standing(room)
    expect({ title, topic, role }, "how the room stands is what the server says").toEqual({ title: told.title ?? "", topic: told.topic ?? "", role: told.role ?? "member" })
    expect(people && new Map([...people].sort())).toEqual(told.people ? new Map(told.people.map((person) => [person.id, person] as const).sort()) : null)
    expect(session.outbox.of(room).filter(({ said, failure }) => said.type !== "edit" || failure?.code !== "no_such_message")).toEqual([])
    const { log: held } = session.rooms.get(room)!
    while (held.hasOlder) {
      held.reader = held.start // somebody reads upwards: what they come from may be let go
      await session.history.older(session.rooms.get(room)!)
    }
    await pass(0)
    expect(held.gap).toBeNull()
    expect(held.messages).toEqual(log.filter(({ seq }) => seq <= (held.end ?? Infinity)))
  }
  session.stop()

  // And whoever opens the page without a server has the same, as far as it was kept.
  const later = new Session({ open: server.listener.open, tokens: numberedTokens(), network: new FakeNetwork(), outbox: memoryOutbox(), kept })
  server.listener.onconnect = () => {}
  later.start()
  await pass(0)
  for (const room of ROOMS) {
    const { log, standing } = later.rooms.get(room)!
    expect(log.messages, "what was kept is the end of the log, as it is now").toEqual(server.messages(room).filter(({ seq }) => seq >= log.start!))
    expect(log.resumeAfter).toBe(server.log(room).length)
    expect(standing?.title).toBe(server.standing(room).title ?? "")
  }
  later.stop()
})
