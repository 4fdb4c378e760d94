/** What a session makes of changes: the room's messages, what is unread, what came last, and single messages that are asked for. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { WAITING_AT_MOST } from "../../src/client/change-log.ts"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { Disconnected } from "../../src/client/requests.ts"
import type { Room } from "../../src/client/room.ts"
import type { Session } from "../../src/client/session.ts"
import type { Message, ServerFrame } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer, refusal, textOf } from "./fake-server.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

let server: FakeServer

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, memoryOutbox(), rooms)
const den = (session: Session): Room => session.rooms.get("den")!
const shown = (session: Session): readonly Message[] => den(session).log.messages
const member = (readSeq: number): void => {
  server.members.add("den")
  server.readMarks.set("den", readSeq)
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => void vi.useRealTimers())

describe("changes", () => {
  test("are seen as they come, and the page is told", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    const told: (string | null)[] = []
    session.changes.on((room) => told.push(room))
    server.change("den", { type: "edit", of: 2, text: "better" })
    server.change("den", { type: "react", of: 2, emoji: "👍", on: true })
    expect(shown(session)[1]).toMatchObject({ text: "better", reactions: [{ emoji: "👍", users: [TARAS.id] }] })
    expect(told).toEqual(["den", "den"])
  })

  test("are no arrivals, and end nobody's typing", async () => {
    server.fill("den", 1)
    const session = await begin("den")
    const heard: string[] = []
    session.arrivals.on((message) => heard.push(textOf(message)))
    session.stored.on((message) => heard.push(`own ${textOf(message)}`))
    server.tell({ type: "typing", room: "den", user: TARAS })
    server.change("den", { type: "pin", of: 1, on: true })
    session.react("den", 1, "👍", true)
    expect(heard).toEqual([])
    expect(den(session).typing.size).toBe(1)
  })

  test("that were lost are asked for when a later entry tells of them", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.change("den", { type: "edit", of: 1, text: "first" }, { lost: true })
    server.change("den", { type: "edit", of: 1, text: "second" })
    expect(server.got("history")).toEqual([expect.objectContaining({ after: 3, limit: 1 })])
    await pass(0)
    expect(shown(session)).toEqual(server.messages("den"))
  })

  test("that came while the connection was away come with the room", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.cut()
    server.change("den", { type: "delete", of: 2 })
    server.say("den", "four")
    server.change("den", { type: "pin", of: 3, on: true })
    await pass(500)
    expect(shown(session)).toEqual(server.messages("den"))
    expect(server.got("history")).toEqual([])
  })

  test("after a long absence are in the newest page, and nothing from before it is held", async () => {
    server.fill("den", 10)
    const session = await begin("den")
    server.cut()
    server.change("den", { type: "edit", of: 5, text: "nobody would hear of it" })
    for (let i = 0; i < 1_500; i++) server.change("den", { type: "react", of: 10, emoji: "👍", on: i % 2 === 0 })
    server.change("den", { type: "pin", of: 10, on: true })
    await pass(500)
    expect(server.got("history")).toHaveLength(1)
    expect(shown(session)).toEqual(server.messages("den"))
  })

  test("that wait for a hole in too great a number make the room start anew", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    server.intercept = (frame) => (frame.type === "history" && frame.after !== undefined ? [] : undefined)
    server.change("den", { type: "edit", of: 1, text: "lost" }, { lost: true })
    const { log } = den(session)
    for (let i = 0; i <= WAITING_AT_MOST; i++) server.change("den", { type: "pin", of: 2, on: i % 2 === 0 })
    await pass(10_000)
    expect(den(session).log).toBe(log) // its question is asked again, and not answered
    server.intercept = () => undefined
    await pass(10_000)
    expect(den(session).log).not.toBe(log)
    expect(server.got("history").at(-1)).toMatchObject({ before: server.log("den").length + 1 })
    expect(shown(session)).toEqual(server.messages("den"))
  })

  test("of what is above, made since that page was read, are asked for", async () => {
    server.fill("den", 120)
    const session = await begin("den")
    server.understate = () => 3
    for (let i = 0; i < 3; i++) server.change("den", { type: "react", of: 100, emoji: "👍", on: i % 2 === 0 }, { lost: true })
    server.change("den", { type: "edit", of: 40, text: "better" })
    await pass(0)
    await session.history.older(den(session))
    await pass(0)
    expect(den(session).log.gap).toBeNull()
    expect(shown(session)).toEqual(server.messages("den").slice(20))
  })

  test("in a joined that says less than the room's number, are asked for", async () => {
    server.fill("den", 5)
    server.change("den", { type: "pin", of: 2, on: true })
    server.understate = () => 4
    const session = await begin("den")
    await pass(0)
    // First the number that nothing is known of, then what was changed before it.
    expect(server.got("history")).toEqual([expect.objectContaining({ after: 5, limit: 1 }), expect.objectContaining({ after: 2, limit: 3 })])
    expect([shown(session), den(session).log.gap]).toEqual([server.messages("den"), null])
  })

  test("under a number that a message has here are of another store", async () => {
    server.fill("den", 5)
    const session = await begin("den")
    server.logs.set("den", server.log("den").slice(0, 3))
    server.change("den", { type: "pin", of: 1, on: true }, { id: "another" })
    await pass(0)
    expect(shown(session)).toEqual(server.messages("den"))
    expect(shown(session)).toHaveLength(3)
  })
})

describe("what is unread", () => {
  test("is no change, and nothing that was deleted", async () => {
    server.fill("den", 3)
    member(3)
    const session = await begin("den")
    server.say("den", "four")
    server.say("den", "five")
    server.change("den", { type: "react", of: 1, emoji: "👍", on: true })
    expect([den(session).unread, den(session).firstUnread]).toEqual([2, 4])
    server.change("den", { type: "delete", of: 4 })
    expect([den(session).unread, den(session).firstUnread]).toEqual([1, 5])
    session.saw("den", [5])
    expect([den(session).readSeq, den(session).unread, den(session).firstUnread]).toEqual([7, 0, null])
  })

  test("ends at a change as at what needs no eyes", async () => {
    server.fill("den", 3)
    member(3)
    const session = await begin("den")
    server.change("den", { type: "pin", of: 1, on: true })
    expect([den(session).unread, den(session).firstUnread]).toEqual([0, null])
  })

  test("is counted anew by the server where what was deleted is counted there alone", async () => {
    server.fill("den", 5)
    member(2)
    const session = await begin()
    expect(den(session).unread).toBe(3)
    server.change("den", { type: "delete", of: 4 })
    await pass(2_000)
    expect(den(session).unread).toBe(2)
    expect(server.got("rooms")).toHaveLength(2)
  })

  test("does not grow by changes where the reader is far above", async () => {
    server.fill("den", 50)
    member(50)
    const session = await begin("den")
    den(session).log.reader = 10
    for (let i = 0; i < 2_000; i++) server.say("den", `text ${i}`)
    for (let i = 0; i < 10; i++) server.change("den", { type: "react", of: 20, emoji: "👍", on: i % 2 === 0 })
    server.say("den", "the last")
    expect(den(session).log.end).not.toBeNull()
    expect(den(session).unread).toBe(2_001)
  })
})

describe("what came last", () => {
  test("is a message as it is now, and no change moves it", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    const { lastAt } = den(session)
    await pass(60_000)
    server.change("den", { type: "edit", of: 3, text: "better" })
    server.change("den", { type: "edit", of: 1, text: "another" })
    expect(den(session).last).toMatchObject({ seq: 3, text: "better" })
    expect(den(session).lastAt).toBe(lastAt)
    server.change("den", { type: "delete", of: 3 })
    expect(den(session).last).toMatchObject({ seq: 3, kind: "deleted" })
    expect(den(session).lastAt).toBe(lastAt)
  })

  test("is so too in a room that is followed without its messages", async () => {
    server.fill("den", 3)
    member(3)
    const session = await begin()
    server.change("den", { type: "edit", of: 3, text: "better" })
    expect(shown(session)).toEqual([])
    expect(den(session).last).toMatchObject({ seq: 3, text: "better" })
  })
})

describe("a single message", () => {
  const asked = () => server.got("history").filter(({ limit }) => limit === 1)

  test("that is held is not asked for", async () => {
    server.fill("den", 3)
    const session = await begin("den")
    expect(await session.message("den", 2)).toBe(shown(session)[1])
    expect(asked()).toEqual([])
  })

  test("that is not is asked for once, by whoever wants it", async () => {
    server.fill("den", 200)
    const session = await begin("den")
    const [one, two] = await Promise.all([session.message("den", 7), session.message("den", 7)])
    const three = await session.message("den", 7)
    expect(one).toEqual(server.messages("den")[6])
    expect([two, three]).toEqual([one, one])
    expect(asked()).toEqual([expect.objectContaining({ room: "den", before: 8, limit: 1 })])
  })

  test("is asked for anew once it was changed", async () => {
    server.fill("den", 200)
    const session = await begin("den")
    await session.message("den", 7)
    server.change("den", { type: "edit", of: 7, text: "better" })
    expect(await session.message("den", 7)).toMatchObject({ text: "better" })
    server.change("den", { type: "delete", of: 7 }, { lost: true })
    server.say("den", "a jump")
    await pass(0)
    expect(await session.message("den", 7)).toMatchObject({ kind: "deleted" })
  })

  test("is given with what was changed of it while the answer was on its way", async () => {
    server.fill("den", 200)
    const session = await begin("den")
    const late: ServerFrame[] = []
    server.deliver = (socket, frame) => (frame.type === "history" ? void late.push(frame) : socket.say(frame))
    const message = session.message("den", 7)
    await pass(0)
    server.deliver = (socket, frame) => socket.say(frame)
    server.change("den", { type: "edit", of: 7, text: "better" })
    server.tell(late[0]!)
    expect(await message).toMatchObject({ text: "better" })
    expect(await session.message("den", 7)).toMatchObject({ text: "better" })
    expect(asked()).toHaveLength(2)
  })

  test("is none where the number is a change's, and where the server gives none", async () => {
    server.fill("den", 200)
    server.change("den", { type: "pin", of: 1, on: true }, { lost: true })
    for (let i = 0; i < 100; i++) server.say("den", "more", { lost: true })
    const session = await begin("den")
    expect(await session.message("den", 201)).toBeNull()
    server.intercept = (frame) => (frame.type === "history" ? [refusal("forbidden")] : undefined)
    expect(await session.message("den", 7)).toBeNull()
  })

  test("is asked for again after the connection was not there", async () => {
    server.fill("den", 200)
    const session = await begin("den")
    server.cut()
    await expect(session.message("den", 7)).rejects.toThrow(Disconnected)
    await pass(500)
    expect(await session.message("den", 7)).toMatchObject({ seq: 7 })
  })

  test("is kept for a while, and not for ever", async () => {
    server.fill("den", 400)
    const session = await begin("den")
    for (let seq = 1; seq <= 101; seq++) await session.message("den", seq)
    await session.message("den", 101)
    expect(asked()).toHaveLength(101)
    await session.message("den", 1)
    expect(asked()).toHaveLength(102)
  })

  test("is not kept beyond the store that it came from", async () => {
    server.fill("den", 200)
    const session = await begin("den")
    await session.message("den", 7)
    server.cut()
    server.epoch = "e2"
    await pass(500)
    await session.message("den", 7)
    expect(asked()).toHaveLength(2)
  })
})

test("a text may answer a message", async () => {
  server.fill("den", 3)
  const session = await begin("den")
  const entry = session.write("den", "yes", 2)
  expect(server.messages("den").at(-1)).toMatchObject({ text: "yes", reply_to: 2, from: OLENA })
  expect(entry.said).toEqual({ type: "chat", text: "yes", reply_to: 2 })
})
