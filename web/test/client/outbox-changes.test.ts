/** What this user changes, on its way to the server: as safe as what they write, and no more of it than counts. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox, type OutboxStore } from "../../src/client/outbox-store.ts"
import type { Session } from "../../src/client/session.ts"
import type { ClientFrame } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { type Changing, FakeServer, refusal, textOf } from "./fake-server.ts"

let server: FakeServer
let store: OutboxStore

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, store, rooms)

const stored = (room = "den") => server.messages(room).map(textOf)

type Sent = Extract<ClientFrame, { type: Changing["type"] }>
const isChange = (frame: ClientFrame): frame is Sent => "of" in frame
const sent = (): Sent[] => server.received.filter(isChange)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  store = memoryOutbox()
})

afterEach(() => void vi.useRealTimers())

describe("a change that waits", () => {
  test("goes out as what it is, is stored once, and leaves when its own copy comes", async () => {
    server.deliver = (socket, frame) => (frame.type === "change" ? undefined : socket.say(frame))
    const session = await begin("den")
    session.write("den", "helo")
    const { id } = session.edit("den", 1, "hello")
    expect(sent()).toEqual([{ type: "edit", room: "den", id, of: 1, text: "hello" }])
    expect(session.outbox.of("den")).toHaveLength(1)
    server.deliver = (socket, frame) => socket.say(frame)
    await pass(10_000)
    expect(sent()).toHaveLength(2)
    expect(server.log("den")).toHaveLength(2)
    expect(session.outbox.of("den")).toEqual([])
    expect(stored()).toEqual(["hello"])
  })

  test("keeps its place among the texts", async () => {
    const session = await begin("den")
    server.cut()
    session.write("den", "one")
    session.pin("den", 1, true)
    session.write("den", "two")
    await pass(500)
    expect(server.log("den").map(({ kind }) => kind)).toEqual(["chat", "pin", "chat"])
  })

  test("is acknowledged also where the room is entered again, and by history", async () => {
    server.deliver = (socket, frame) => (frame.type === "change" ? undefined : socket.say(frame))
    const session = await begin("den")
    server.say("den", "theirs")
    session.react("den", 1, "👍", true)
    server.cut()
    await pass(500)
    expect(session.outbox.of("den")).toEqual([])
    session.pin("den", 1, true)
    server.say("den", "a jump")
    await pass(0)
    expect(session.outbox.of("den")).toEqual([])
    expect(sent()).toHaveLength(2)
  })

  test("gives way to a later one of the same thing: the last word alone goes out", async () => {
    const session = await begin("den")
    for (const text of ["one", "two"]) session.write("den", text)
    server.cut()
    for (let i = 1; i <= 9; i++) session.react("den", 1, i % 2 ? "\u2764" : "\u2764\uFE0F", i % 2 === 1)
    for (const on of [true, false, true]) session.pin("den", 1, on)
    for (const text of ["better", "best"]) session.edit("den", 1, text)
    session.react("den", 1, "👍", true)
    session.react("den", 2, "\u2764", true)
    session.edit("den", 2, "another")
    expect(session.outbox.of("den")).toHaveLength(6)
    expect(store.load()).toHaveLength(6)
    await pass(500)
    expect(sent().map(({ id: _id, room: _room, ...said }) => said)).toEqual([
      { type: "react", of: 1, emoji: "\u2764", on: true },
      { type: "pin", of: 1, on: true },
      { type: "edit", of: 1, text: "best" },
      { type: "react", of: 1, emoji: "👍", on: true },
      { type: "react", of: 2, emoji: "\u2764", on: true },
      { type: "edit", of: 2, text: "another" },
    ])
    expect(session.outbox.of("den")).toEqual([])
  })

  test("that is on its way gives way to none", async () => {
    const session = await begin("den")
    session.write("den", "one")
    server.intercept = (frame) => (frame.type === "react" && frame.on ? [] : undefined)
    session.react("den", 1, "👍", true)
    session.react("den", 1, "👍", false)
    expect(session.outbox.of("den")).toHaveLength(2)
    server.intercept = () => undefined
    await pass(10_000)
    expect(server.log("den").map(({ kind }) => kind)).toEqual(["chat", "react", "react"])
    expect(server.messages("den")[0]!.reactions).toBeUndefined()
  })

  test("and was sent once is settled before a later one of the same thing, since it may be stored already", async () => {
    const session = await begin("den")
    session.write("den", "one")
    server.deliver = (socket, frame) => (frame.type === "change" ? undefined : socket.say(frame))
    const first = session.edit("den", 1, "better")
    server.cut()
    session.edit("den", 1, "and better")
    const last = session.edit("den", 1, "best")
    server.deliver = (socket, frame) => socket.say(frame)
    await pass(500)
    expect(server.log("den").slice(1).map(({ id }) => id)).toEqual([first.id, last.id])
    expect(stored()).toEqual(["best"])
    expect(session.outbox.of("den")).toEqual([])
  })

  test.each([["over another connection", false], ["in another page", true]])("and was sent once cannot come after a later one: %s", async (_where, isReloaded) => {
    let session = await begin("den")
    session.write("den", "one")
    const held: ClientFrame[] = [] // by a gateway from which we are cut
    server.intercept = (frame) => (frame.type === "edit" ? (held.push(frame), []) : undefined)
    session.edit("den", 1, "better")
    server.cut()
    server.intercept = () => undefined
    if (isReloaded) {
      session.stop()
      session = await begin()
    }
    session.edit("den", 1, "best")
    await pass(500)
    expect(session.outbox.of("den")).toEqual([])
    for (const frame of held) server.listener.last.onframe?.(frame)
    expect(stored()).toEqual(["best"])
  })

  test("outlives the page", async () => {
    server.intercept = (frame) => (frame.type === "react" ? [] : undefined)
    const first = await begin("den")
    first.write("den", "one")
    first.react("den", 1, "👍", true)
    first.stop()
    server.intercept = () => undefined
    await begin()
    await pass(0)
    expect(server.messages("den")[0]!.reactions).toEqual([{ emoji: "👍", users: ["u1"] }])
  })
})

describe("a change that is refused for good", () => {
  const refusing = async (code: Parameters<typeof refusal>[0]) => {
    const session = await begin("den")
    session.write("den", "one")
    const notices: string[] = []
    session.notices.on((error) => notices.push(error.code))
    server.intercept = (frame) => (isChange(frame) ? [refusal(code, frame.id)] : undefined)
    return { session, notices }
  }

  test("stays where words would be lost, with the reason", async () => {
    const { session, notices } = await refusing("no_such_message")
    session.edit("den", 1, "better")
    expect(session.outbox.of("den")).toEqual([
      expect.objectContaining({ said: { type: "edit", of: 1, text: "better" }, failure: { code: "no_such_message", text: "no_such_message" } }),
    ])
    expect(notices).toEqual([])
  })

  test("is given up and told of where nothing is lost, and what follows goes out", async () => {
    const { session, notices } = await refusing("forbidden")
    session.remove("den", 1)
    session.react("den", 1, "👍", true)
    session.pin("den", 1, true)
    session.write("den", "two")
    expect(notices).toEqual(["forbidden", "forbidden", "forbidden"])
    expect(session.outbox.of("den")).toEqual([])
    expect(store.load()).toEqual([])
    expect(stored()).toEqual(["one", "two"])
  })

  test("is done where it is a deletion of what is not there any more", async () => {
    const { session, notices } = await refusing("no_such_message")
    session.remove("den", 1)
    expect([session.outbox.of("den"), notices]).toEqual([[], []])
  })

  test("is not one that is refused for a time", async () => {
    const { session, notices } = await refusing("rate_limited")
    session.react("den", 1, "👍", true)
    expect([session.outbox.of("den").length, notices]).toEqual([1, []])
    server.intercept = () => undefined
    await pass(30_000)
    expect(session.outbox.of("den")).toEqual([])
    expect(server.messages("den")[0]!.reactions).toHaveLength(1)
  })

  test("goes with the room that lets nobody in, where no words are lost", async () => {
    server.intercept = (frame) => (frame.type === "join" ? [refusal("forbidden")] : undefined)
    const session = await begin()
    session.write("vault", "let me in")
    session.edit("vault", 1, "better")
    session.react("vault", 1, "👍", true)
    session.open("vault")
    await pass(0)
    expect(session.outbox.of("vault").map(({ said, failure }) => [said.type, failure?.code])).toEqual([
      ["chat", "forbidden"],
      ["edit", "forbidden"],
    ])
  })
})
