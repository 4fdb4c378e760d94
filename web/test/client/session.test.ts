import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox, type OutboxStore } from "../../src/client/outbox-store.ts"
import { Session } from "../../src/client/session.ts"
import type { Message } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer, refusal, textOf } from "./fake-server.ts"
import { FakeNetwork, numberedTokens, OLENA, TARAS } from "./fake-socket.ts"

let server: FakeServer
let network: FakeNetwork
let store: OutboxStore

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, store, rooms, network)

const seqs = (session: Session, room = "den"): number[] => session.rooms.get(room)!.log.messages.map(({ seq }) => seq)
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const texts = (messages: readonly Message[]): string[] => messages.map(textOf)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  network = new FakeNetwork()
  store = memoryOutbox()
})

afterEach(() => void vi.useRealTimers())

describe("entering a room", () => {
  test("brings the newest messages and who is there", async () => {
    server.fill("den", 60)
    const session = await begin("den")
    expect(seqs(session)).toEqual(range(11, 60))
    expect(session.rooms.get("den")!.log.hasOlder).toBe(true)
    expect([...session.rooms.get("den")!.online.values()]).toEqual([OLENA, TARAS])
  })

  test("rooms of a member are followed without their messages, and counted as unread from the read mark", async () => {
    server.fill("den", 60)
    server.members.add("den")
    server.readMarks.set("den", 57)
    const session = await begin()
    expect(server.got("resume").map(({ rooms }) => rooms)).toEqual([[{ room: "den", after: 60 }]])
    expect(session.rooms.get("den")!.unread).toBe(3)
    server.say("den", "one more")
    expect(session.rooms.get("den")!.unread).toBe(4)
    expect(seqs(session)).toEqual([61])
  })

  test("a followed room that is opened brings what came before", async () => {
    server.fill("den", 60)
    server.members.add("den")
    server.readMarks.set("den", 60)
    const session = await begin("den")
    await session.history.older(session.rooms.get("den")!)
    expect(seqs(session)).toEqual(range(11, 60))
  })

  test("a room that is opened brings what is unread, with a little before it, and only then", async () => {
    server.fill("den", 600)
    server.members.add("den")
    server.readMarks.set("den", 100)
    const session = await begin()
    expect(seqs(session)).toEqual([])
    session.open("den")
    await pass(0)
    expect(seqs(session)).toEqual(range(81, 600))
    expect(session.rooms.get("den")!.unread).toBe(500)
  })

  test("also where the room is entered before it is known how far one had read", async () => {
    server.fill("den", 300)
    server.members.add("den")
    server.readMarks.set("den", 100)
    const session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox: store, random: () => 0 })
    session.open("den")
    session.start()
    await pass(0)
    expect(server.received.map(({ type }) => type).slice(0, 3)).toEqual(["auth", "join", "rooms"])
    expect(seqs(session)).toEqual(range(81, 300))
  })

  test("more unread than anybody reads is not brought", async () => {
    server.fill("den", 1200)
    server.members.add("den")
    server.readMarks.set("den", 100)
    const session = await begin("den")
    expect(server.got("history")).toEqual([])
    expect(session.rooms.get("den")!.unread).toBe(1100)
  })

  test("a connection that goes away while the unread come does not leave a gap", async () => {
    server.fill("den", 600)
    server.members.add("den")
    server.readMarks.set("den", 100)
    server.intercept = (frame) => (frame.type === "history" && server.got("history").length === 2 ? [] : undefined)
    const session = await begin("den")
    server.cut()
    await pass(500)
    expect(seqs(session)).toEqual(range(81, 600))
  })

  test("what was said before one came in for the first time is not unread", async () => {
    server.fill("den", 60)
    const session = await begin("den")
    expect(session.rooms.get("den")!.unread).toBe(0)
    await pass(1000)
    expect(server.readMarks.get("den")).toBe(60)
  })

  test("a refusal is kept with the room, and what waits for it fails", async () => {
    server.intercept = (frame) => (frame.type === "join" ? [refusal("forbidden")] : undefined)
    const session = await begin()
    session.write("vault", "let me in")
    session.open("vault")
    await pass(0)
    expect(session.rooms.get("vault")!.refusal).toEqual({ code: "forbidden", text: "forbidden" })
    expect(session.outbox.of("vault")[0]!.failure).toEqual({ code: "forbidden", text: "forbidden" })
  })

  test("a join that is not answered is asked again after ten seconds", async () => {
    let lost = 1
    server.intercept = (frame) => (frame.type === "join" && lost-- > 0 ? [] : undefined)
    const session = await begin("den")
    expect(session.rooms.get("den")!.joined).toBe(false)
    await pass(10_000)
    expect(session.rooms.get("den")!.joined).toBe(true)
  })

  test("a join that the server cannot take now is asked again after the time it names", async () => {
    let busy = 1
    server.intercept = (frame) => (frame.type === "join" && busy-- > 0 ? [refusal("unavailable", undefined, 3000)] : undefined)
    const session = await begin("den")
    await pass(2_999)
    expect(session.rooms.get("den")!.joined).toBe(false)
    await pass(1)
    expect(session.rooms.get("den")!.joined).toBe(true)
  })

  test("leaving ends it, and the room is not entered again on the next connection", async () => {
    const session = await begin("den")
    await session.leave("den")
    expect(session.rooms.has("den")).toBe(false)
    server.cut()
    await pass(1000)
    expect(server.got("join")).toHaveLength(1)
  })
})

describe("missing nothing", () => {
  test("after an absence the room is resumed from the last message seen", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.cut()
    server.fill("den", 5)
    await pass(500)
    expect(server.got("resume").map(({ rooms }) => rooms)).toEqual([[{ room: "den", after: 3 }]])
    expect(seqs(session)).toEqual(range(1, 8))
  })

  test("a long absence is paged through until it is complete, while new messages arrive", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.cut()
    server.fill("den", 900)
    server.intercept = (frame) => {
      if (frame.type === "history" && server.log("den").length < 905) server.say("den", "meanwhile")
      return undefined
    }
    await pass(500)
    expect(seqs(session)).toEqual(range(1, server.log("den").length))
    expect(session.rooms.get("den")!.log.missing).toBe(0)
  })

  test("a message that arrives before it is resumed leaves no hole and no double", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.cut()
    server.fill("den", 2)
    server.intercept = (frame) => {
      if (frame.type === "resume") server.tell(server.say("den", "early", { lost: true }))
      return undefined
    }
    await pass(500)
    expect(seqs(session)).toEqual(range(1, 6))
    expect(server.got("history")).toHaveLength(0)
  })

  test("a jump in seq asks history for exactly what is missing, and it stands in its place", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.say("den", "lost one", { lost: true })
    server.say("den", "lost two", { lost: true })
    server.say("den", "seen")
    expect(server.got("history")).toEqual([expect.objectContaining({ room: "den", after: 3, limit: 2 })])
    await pass(0)
    expect(texts(session.rooms.get("den")!.log.messages).slice(3)).toEqual(["lost one", "lost two", "seen"])
  })

  test("numbers that history no longer holds are not asked for again and again", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.intercept = (frame) => (frame.type === "history" ? [{ type: "history", room: "den", seq: 5, messages: [], more: false }] : undefined)
    server.say("den", "gone", { lost: true })
    server.say("den", "seen")
    await pass(60_000)
    expect(server.got("history")).toHaveLength(1)
    expect(seqs(session)).toEqual([1, 2, 3, 5])
  })

  test("a last message that was lost is found when the page wakes", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.say("den", "nobody tells of me", { lost: true })
    await pass(31_000)
    network.wake()
    await pass(0)
    expect(seqs(session)).toEqual(range(1, 4))
  })

  test("the same message twice is shown once", async () => {
    const session = await begin("den")
    const message = server.say("den", "hello")
    server.tell(message)
    server.tell(message)
    expect(seqs(session)).toEqual([1])
  })

  test("another epoch drops what was remembered of the old store", async () => {
    server.fill("den", 30)
    const session = await begin("den")
    server.cut()
    server.epoch = "e2"
    server.logs.clear()
    server.fill("den", 4)
    await pass(500)
    expect(server.got("join").at(-1)!.after).toBeUndefined()
    expect(seqs(session)).toEqual(range(1, 4))
  })

  test("older pages are brought one after the other up to the beginning", async () => {
    server.fill("den", 120)
    const session = await begin("den")
    await Promise.all([session.history.older(session.rooms.get("den")!), session.history.older(session.rooms.get("den")!)])
    expect(server.got("history")).toHaveLength(1)
    await session.history.older(session.rooms.get("den")!)
    expect(seqs(session)).toEqual(range(1, 120))
    expect(session.rooms.get("den")!.log.hasOlder).toBe(false)
  })

  test("loading older without a connection says so", async () => {
    server.fill("den", 120)
    const session = await begin("den")
    server.cut()
    await expect(session.history.older(session.rooms.get("den")!)).rejects.toThrow("connection")
  })
})

describe("what this user does", () => {
  test("typing is signalled at most every three seconds, and anew after a message", async () => {
    const session = await begin("den")
    for (let i = 0; i < 10; i++) session.typing("den")
    expect(server.got("typing")).toHaveLength(1)
    await pass(3000)
    session.typing("den")
    session.write("den", "hello")
    session.typing("den")
    expect(server.got("typing")).toHaveLength(3)
  })

  test("read marks are gathered, only go forward, and survive a cut connection", async () => {
    server.fill("den", 10)
    server.members.add("den")
    const session = await begin("den")
    for (const seq of [3, 5, 4]) session.read("den", seq)
    await pass(400)
    expect(server.got("read").map(({ seq }) => seq)).toEqual([5])
    session.read("den", 9)
    server.cut()
    await pass(1500)
    expect(server.readMarks.get("den")).toBe(9)
  })

  test("a mark set on another device counts here", async () => {
    server.fill("den", 10)
    server.members.add("den")
    const session = await begin("den")
    server.tell({ type: "read", room: "den", user: OLENA, seq: 8 })
    server.tell({ type: "read", room: "den", user: TARAS, seq: 10 })
    expect(session.rooms.get("den")!.unread).toBe(2)
  })
})

describe("what others do", () => {
  test("somebody who types is named until they write, or for five seconds", async () => {
    const session = await begin("den")
    const { typing } = session.rooms.get("den")!
    server.tell({ type: "typing", room: "den", user: TARAS })
    expect([...typing.values()]).toEqual([TARAS])
    server.say("den", "done")
    expect(typing.size).toBe(0)
    server.tell({ type: "typing", room: "den", user: TARAS })
    await pass(5000)
    expect(typing.size).toBe(0)
  })

  test("presence brings and takes people, and in large rooms only counts them", async () => {
    const session = await begin("den")
    const room = session.rooms.get("den")!
    server.tell({ type: "presence", room: "den", user: TARAS, online: false, members: 1 })
    expect([...room.online.keys()]).toEqual([OLENA.id])
    server.tell({ type: "presence", room: "den", members: 400 })
    expect(room.members).toBe(400)
  })

  test("a room whose last message the list has no room for is known to be as new as it is", async () => {
    server.fill("den", 3)
    server.members.add("den")
    const at = "2026-01-02T03:04:05.678Z"
    server.intercept = ({ type }) =>
      type === "rooms" ? [{ type: "rooms", rooms: [{ room: "den", seq: 3, read_seq: 3, unread: 0, members: 2, last_at: at }] }] : undefined
    const session = await begin()
    expect(session.rooms.get("den")!.last).toBeNull()
    expect(session.rooms.get("den")!.lastAt).toBe(Date.parse(at))
  })

  test("a list of all who are present takes the place of the one that is here", async () => {
    const session = await begin("den")
    const room = session.rooms.get("den")!
    const vira = { id: "u-vira", name: "Vira" }
    server.tell({ type: "presence", room: "den", members: 2, present: [OLENA, vira] })
    expect(room.members).toBe(2)
    expect([...room.online.values()]).toEqual([OLENA, vira])
    server.tell({ type: "presence", room: "den", user: vira, online: false, members: 1 })
    expect([...room.online.keys()]).toEqual([OLENA.id])
  })

  test("only what is said now is an arrival, not what history brings", async () => {
    server.fill("den", 5)
    const session = await begin()
    const heard: string[] = []
    session.arrivals.on((message) => heard.push(...texts([message])))
    session.open("den")
    await pass(0)
    server.say("den", "now")
    expect(heard).toEqual(["now"])
  })

  test("a renewed token does not enter the rooms again", async () => {
    await begin("den")
    server.tell({ type: "welcome", user: OLENA, session: "s1", epoch: "e1", expires_at: "", heartbeat_s: 25, limits: {} as never, me: "" })
    await pass(0)
    expect(server.got("join")).toHaveLength(1)
  })
})

test("one's own messages are told of however they come: live, with the room, by a page of history", async () => {
  const session = await begin("den")
  const heard: string[] = []
  session.stored.on((message) => heard.push(...texts([message])))
  session.write("den", "live")
  server.say("den", "missed live", { from: OLENA, lost: true })
  server.say("den", "a jump")
  await pass(0)
  server.cut()
  server.say("den", "while away", { from: OLENA })
  await pass(500)
  expect(heard).toEqual(["live", "missed live", "while away"])
})
