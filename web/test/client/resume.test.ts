import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import type { Session } from "../../src/client/session.ts"
import type { ClientFrame, Outgoing, ServerFrame } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer, refusal } from "./fake-server.ts"

let server: FakeServer
let session: Session
const MANY = Array.from({ length: 150 }, (_, n) => `room-${n}`)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => {
  session.stop()
  vi.useRealTimers()
})

/** In `rooms`, with a message in each; then away, while another one is said. */
const away = async (rooms: readonly string[]): Promise<void> => {
  for (const room of rooms) server.fill(room, 1)
  session = await beginWith(server, memoryOutbox(), rooms)
  server.cut()
  for (const room of rooms) server.fill(room, 1)
  server.received.length = 0
}

const back = () => pass(1_000)
const resumed = (): string[][] => server.got("resume").map(({ rooms }) => rooms.map(({ room }) => room))
const joined = (): string[] => server.got("join").map(({ room }) => room)
const isWhole = (rooms: readonly string[]): boolean =>
  rooms.every((name) => session.rooms.get(name)!.joined && session.rooms.get(name)!.log.messages.length === 2 && session.rooms.get(name)!.log.missing === 0)

const onResume = (answer: (frame: Outgoing<"resume">) => ServerFrame[] | undefined) => {
  server.intercept = (frame: ClientFrame) => (frame.type === "resume" ? answer(frame) : undefined)
}
/** What the server would say of these, and nothing of the others. */
const answered = (rooms: readonly string[]): ServerFrame => ({
  type: "resumed",
  rooms: rooms.map((room) => ({ room, seq: 2, members: 1, online: [], messages: server.messages(room).slice(1), more: false })),
})

test("all rooms come back by one frame for a hundred of them, in the order in which they are known", async () => {
  await away(MANY)
  await back()
  expect(resumed()).toEqual([MANY.slice(0, 100), MANY.slice(100)])
  expect([joined(), isWhole(MANY)]).toEqual([[], true])
})

test("the answer may come in several frames", async () => {
  await away(["a", "b", "c"])
  onResume(() => [answered(["b"]), answered(["c", "a"])])
  await back()
  expect([resumed().length, joined(), isWhole(["a", "b", "c"])]).toEqual([1, [], true])
})

test("rooms that are not answered in time are asked for again, and no others", async () => {
  await away(["a", "b", "c"])
  let first = true
  onResume(() => {
    if (!first) return undefined
    first = false
    return [answered(["b"])]
  })
  await back()
  expect(session.rooms.get("b")!.joined).toBe(true)
  await pass(10_000)
  expect(resumed()).toEqual([["a", "b", "c"], ["a", "c"]])
  expect(isWhole(["a", "b", "c"])).toBe(true)
})

test("a room of which the answer lists nothing, although there is more, is asked for by pages", async () => {
  await away(["a"])
  server.fill("a", 300)
  onResume(() => [{ type: "resumed", rooms: [{ room: "a", seq: 302, members: 1, online: [], messages: [], more: true }] }])
  await back()
  const { log } = session.rooms.get("a")!
  expect([log.messages.map(({ seq }) => seq), log.missing]).toEqual([Array.from({ length: 302 }, (_, i) => i + 1), 0])
})

test("an error that ends by itself is waited out, for the rooms that are not answered", async () => {
  await away(["a", "b", "c"])
  let first = true
  onResume(() => {
    if (!first) return undefined
    first = false
    return [answered(["b"]), refusal("unavailable", undefined, 2_000)]
  })
  await back()
  await pass(2_000)
  expect(resumed()).toEqual([["a", "b", "c"], ["a", "c"]])
  expect([joined(), isWhole(["a", "b", "c"])]).toEqual([[], true])
})

test("a room that is refused alone is joined", async () => {
  await away(["a", "b"])
  onResume(() => [{ type: "resumed", rooms: [{ room: "a", error: { code: "unavailable", text: "not now" } }, ...(answered(["b"]) as Resumed).rooms] }])
  await back()
  expect([joined(), isWhole(["a", "b"])]).toEqual([["a"], true])
})

test("a server that does not know it is asked to join each room", async () => {
  await away(MANY)
  onResume(() => [refusal("invalid_frame")])
  await back()
  expect(resumed()).toHaveLength(1)
  expect([joined(), isWhole(MANY)]).toEqual([MANY, true])
})

test("a room of which nothing is known is joined beside it", async () => {
  await away(["a"])
  session.open("new")
  await back()
  expect([resumed(), joined()]).toEqual([[["a"]], ["new"]])
})

test("a room that went back is known anew", async () => {
  await away(["a", "b"])
  server.log("a").splice(0)
  server.fill("a", 1)
  await back()
  expect(session.rooms.get("a")!.log.messages.map(({ seq }) => seq)).toEqual([1])
  expect(isWhole(["b"])).toBe(true)
})

test("what is lost with the connection is resumed over the next one", async () => {
  await away(["a", "b"])
  onResume(() => [answered(["a"])])
  await back()
  onResume(() => undefined)
  server.cut()
  await back()
  expect(resumed().at(-1)).toEqual(["a", "b"])
  expect(isWhole(["a", "b"])).toBe(true)
})

type Resumed = Extract<ServerFrame, { type: "resumed" }>
