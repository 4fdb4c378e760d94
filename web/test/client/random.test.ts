/**
 * A network that loses, delays, cuts and refuses at random, and a client that has to end up with exactly what the server holds.
 * SEED=n runs one case again; CASES=n runs more of them.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { Session } from "../../src/client/session.ts"
import { FakeServer, refusal } from "./fake-server.ts"
import { FakeNetwork, numberedTokens, OLENA } from "./fake-socket.ts"

const CASES = Number(process.env["CASES"] ?? 60)
const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
const SEEDS = process.env["SEED"] ? [FIRST] : Array.from({ length: CASES }, (_, i) => FIRST + i)
const ROOMS = ["den", "kitchen"]

/** Mulberry32: small, and the same everywhere. */
const generator = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let x = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
  return ((x ^ (x >>> 14)) >>> 0) / 4294967296
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test.each(SEEDS)("seed %i: whatever the network does, everything is there once and in order", async (seed) => {
  const random = generator(seed)
  const chance = (probability: number) => random() < probability
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!
  const server = new FakeServer()
  const network = new FakeNetwork()
  const store = memoryOutbox()
  let calm = false
  server.fit = () => pick([1, 3, 200])

  server.intercept = (frame) => {
    if (calm || frame.type === "auth" || frame.type === "ping") return undefined
    if (chance(0.05)) return [] // the frame, or its answer, is lost inside the system
    const named = frame.type === "chat" ? frame.id : undefined
    if (chance(0.05) && frame.type !== "typing" && frame.type !== "read")
      return [refusal(pick(["rate_limited", "overloaded", "unavailable"]), named, chance(0.5) ? 200 : undefined)]
    return undefined
  }
  // In order, as TCP is; some messages are lost in the system; answers take their time, so that live messages overtake `joined`.
  server.deliver = (socket, frame) => {
    if (!calm && frame.type === "message" && chance(0.08)) return
    const say = () => socket.closedWith === null && socket.say(frame)
    if (!calm && chance(0.3) && (frame.type === "joined" || frame.type === "history")) setTimeout(say, random() * 500)
    else say()
    if (!calm && frame.type === "message" && chance(0.05)) say() // and some come twice
  }

  let session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox: store, random })
  session.start()
  for (const room of ROOMS) session.open(room)
  const written: Record<string, string[]> = { den: [], kitchen: [] }
  for (let step = 0; step < 150; step++) {
    const room = pick(ROOMS)
    if (chance(0.3)) written[room]!.push(session.write(room, `mine ${step}`).text)
    if (chance(0.4)) server.say(room, `theirs ${step}`)
    if (chance(0.02)) server.fill(room, Math.floor(random() * 450))
    if (chance(0.06)) server.cut(pick([1001, 1006, 1011, 1012, 4001, 4002, 4003, 4004]))
    if (chance(0.03)) server.tell({ type: "reconnect", after_ms: Math.floor(random() * 3000) })
    if (chance(0.03)) network.plug(!network.online)
    if (chance(0.02)) network.wake()
    if (chance(0.01)) {
      session.stop() // the page is loaded anew: only the outbox remains
      session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox: store, random })
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
    const log = server.log(room)
    const mine = log.filter(({ from }) => from.id === OLENA.id).map((message) => (message.kind === "chat" ? message.text : ""))
    expect(mine, "everything written is stored once, in the order of writing").toEqual(written[room])
    const shown = session.rooms.get(room)!.log.messages
    expect(shown, "what is shown is the end of the log, without a gap").toEqual(log.slice(log.length - shown.length))
    expect(session.rooms.get(room)!.log.missing).toBe(0)
    expect(session.outbox.of(room)).toEqual([])
    const { log: held } = session.rooms.get(room)!
    while (held.hasOlder) {
      held.reader = held.start // somebody reads upwards: what they come from may be let go
      await session.history.older(session.rooms.get(room)!)
    }
    expect(held.messages).toEqual(log.slice(0, held.end ?? log.length))
  }
  session.stop()
})
