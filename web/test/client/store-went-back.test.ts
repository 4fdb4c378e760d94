/** The server's message store went back: a copied folder, a snapshot, a replica that lagged. It has the same epoch and less than we know. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox, type OutboxStore } from "../../src/client/outbox-store.ts"
import type { Session } from "../../src/client/session.ts"
import type { ServerFrame } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer, refusal, textOf } from "./fake-server.ts"
import { FakeNetwork } from "./fake-socket.ts"

let server: FakeServer
let network: FakeNetwork
let store: OutboxStore

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, store, rooms, network)

const texts = (session: Session, room = "den"): string[] => session.rooms.get(room)!.log.messages.map(textOf)
const stored = (room = "den"): string[] => server.messages(room).map(textOf)

/** The store is what it was when the room had `seq` messages; the read mark as well. */
const goBack = (seq: number, room = "den"): void => {
  server.logs.set(room, server.log(room).slice(0, seq))
  server.readMarks.set(room, Math.min(seq, server.readMarks.get(room) ?? 0))
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  network = new FakeNetwork()
  store = memoryOutbox()
})

afterEach(() => void vi.useRealTimers())

describe("a store that went back", () => {
  test("what waited to change a message changes none of those that stand under its number now; words are kept", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    server.cut()
    goBack(5)
    session.pin("den", 7, true)
    session.edit("den", 7, "corrected")
    session.write("den", "mine")
    for (const text of ["another", "and another"]) server.say("den", text)
    await pass(500)
    expect(server.messages("den").every((message) => message.kind === "deleted" || (message.pinned ?? message.edited_at) === undefined)).toBe(true)
    expect(texts(session)).toEqual(stored())
    expect(stored().slice(5)).toEqual(["another", "and another", "mine"])
    expect(session.outbox.of("den").map(({ said, failure }) => [said.type, failure?.code])).toEqual([["edit", "no_such_message"]])
  })

  test("an answer that waited answers no other message: its words are kept, and go out without it where they are tried again", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    server.cut()
    goBack(5)
    const { id } = session.write("den", "yes", 7)
    for (const text of ["another", "and another"]) server.say("den", text)
    await pass(500)
    expect(session.outbox.of("den").map(({ said, failure }) => [said, failure?.code])).toEqual([[{ type: "chat", text: "yes" }, "no_such_message"]])
    session.outbox.retry(id)
    await pass(0)
    expect(server.messages("den").at(-1)).toMatchObject({ id, text: "yes" })
    expect(server.messages("den").at(-1)).not.toHaveProperty("reply_to")
    expect(session.outbox.of("den")).toEqual([])
  })

  test("what was refused already and is tried again later does not happen to another message either", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    server.intercept = (frame) => (frame.type === "edit" ? [refusal("forbidden", frame.id)] : undefined)
    const { id } = session.edit("den", 7, "corrected")
    server.intercept = () => undefined
    server.cut()
    goBack(5)
    for (const text of ["another", "and another"]) server.say("den", text)
    await pass(500)
    session.outbox.retry(id)
    await pass(500)
    expect(server.got("edit")).toHaveLength(1)
    expect(session.outbox.of("den")).toMatchObject([{ id, astray: true, failure: { code: "forbidden" } }])
  })

  test("a page that is opened on another store sends nothing that bears a number of the one before", async () => {
    server.fill("den", 11)
    const first = await begin("den")
    server.cut()
    for (const send of [() => first.edit("den", 3, "corrected"), () => first.write("den", "yes", 3), () => first.pin("den", 3, true), () => first.write("den", "mine")]) send()
    first.stop()
    server.epoch = "e2"
    server.logs.clear()
    server.fill("den", 4)
    const second = await begin("den")
    await pass(500)
    expect(stored().slice(4)).toEqual(["mine"])
    expect([server.got("edit"), server.got("pin")]).toEqual([[], []])
    expect(second.outbox.of("den").map(({ said, failure }) => [said.type, failure?.code])).toEqual([
      ["edit", "no_such_message"],
      ["chat", "no_such_message"],
    ])
  })

  test("a page that is opened on the same store sends it all", async () => {
    server.fill("den", 3)
    const first = await begin("den")
    server.cut()
    first.write("den", "yes", 3)
    first.pin("den", 3, true)
    first.stop()
    const second = await begin("den")
    await pass(500)
    expect(server.messages("den").at(-1)).toMatchObject({ text: "yes", reply_to: 3 })
    expect(server.messages("den")[2]!.pinned).toBe(true)
    expect(second.outbox.of("den")).toEqual([])
  })

  test("below what is known here: the room is loaded anew, and what is said then appears", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    server.cut()
    goBack(5)
    await pass(500)
    server.say("den", "after it")
    session.write("den", "mine")
    await pass(0)
    expect(texts(session)).toEqual(stored())
    expect(stored().slice(5)).toEqual(["after it", "mine"])
    expect(session.outbox.of("den")).toEqual([])
  })

  test("what waited to be sent goes to the store that is there now", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    server.cut()
    goBack(5)
    session.write("den", "written meanwhile")
    await pass(500)
    expect(stored().slice(5)).toEqual(["written meanwhile"])
    expect(texts(session)).toEqual(stored())
  })

  test("while the connection stays: another message under a number that is here loads the room anew", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    goBack(5)
    server.say("den", "the new sixth", { id: "another" })
    await pass(0)
    expect(texts(session)).toEqual(stored())
  })

  test("one's own copy under a number that is here is acknowledged, and stands in the log", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    goBack(5)
    session.write("den", "mine")
    await pass(0)
    expect(session.outbox.of("den")).toEqual([])
    expect(texts(session)).toEqual(stored())
  })

  test("is noticed in the list of rooms, for rooms that are followed, too", async () => {
    server.fill("den", 11)
    server.members.add("den")
    server.readMarks.set("den", 11)
    const session = await begin()
    goBack(5)
    await pass(31_000)
    network.wake()
    await pass(0)
    expect(session.rooms.get("den")!.seq).toBe(5)
    server.say("den", "one")
    expect(session.rooms.get("den")!.unread).toBe(1)
    expect(texts(session)).toEqual(["one"])
  })

  test("has less unread, not none: what had been read of the old one says nothing of the new", async () => {
    server.fill("den", 11)
    server.members.add("den")
    server.readMarks.set("den", 3)
    const session = await begin("den")
    session.read("den", 11)
    await pass(500)
    server.cut()
    goBack(5)
    server.readMarks.set("den", 3)
    await pass(500)
    expect(session.rooms.get("den")!.readSeq).toBe(3)
    await pass(1000)
    expect(server.readMarks.get("den")).toBe(3)
  })

  test("an unsent read mark of the old store does not reach the new one", async () => {
    server.fill("den", 11)
    server.members.add("den")
    server.readMarks.set("den", 3)
    const session = await begin("den")
    server.cut()
    session.read("den", 11)
    goBack(5)
    await pass(2000)
    for (let i = 0; i < 5; i++) server.say("den", "new")
    await pass(2000)
    expect(server.readMarks.get("den")).toBe(3)
    expect(session.rooms.get("den")!.unread).toBe(7)
  })

  test("a page of history that was asked for before is not taken for the new store's", async () => {
    server.fill("den", 11)
    const session = await begin("den")
    const late: ServerFrame[] = []
    server.intercept = (frame) => {
      if (frame.type !== "history" || late.length > 0) return undefined
      late.push({ type: "history", room: "den", seq: 13, messages: server.log("den").slice(frame.after!, frame.after! + frame.limit!), more: false, ref: frame.ref! })
      return []
    }
    server.say("den", "twelfth", { lost: true })
    server.say("den", "thirteenth")
    goBack(5)
    server.say("den", "sixth", { id: "another" })
    await pass(0)
    server.tell(late[0]!)
    await pass(0)
    expect(texts(session)).toEqual(stored())
    expect(session.rooms.get("den")!.log.missing).toBe(0)
  })
})

describe("a store that did not go back", () => {
  const joinsAnew = (): number => server.got("join").filter(({ after }) => after === undefined).length

  test("live messages that overtake the answer to a join are no sign of it", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.cut()
    server.deliver = (socket, frame) => {
      if (frame.type !== "joined") return socket.say(frame)
      server.say("den", "four")
      server.say("den", "five")
      socket.say(frame)
    }
    await pass(500)
    expect(joinsAnew()).toBe(1)
    expect(texts(session)).toEqual(stored())
  })

  test("live messages that overtake the list of rooms are no sign of it", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.deliver = (socket, frame) => {
      if (frame.type !== "rooms") return socket.say(frame)
      server.say("den", "four")
      server.say("den", "five")
      socket.say(frame)
    }
    await pass(31_000)
    network.wake()
    await pass(0)
    expect(joinsAnew()).toBe(1)
    expect(texts(session)).toEqual(stored())
  })

  test("a message that comes twice, or late, is no sign of it", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    const four = server.say("den", "four")
    server.say("den", "five")
    server.tell(four)
    await pass(0)
    expect(joinsAnew()).toBe(1)
    expect(texts(session)).toEqual(stored())
  })
})
