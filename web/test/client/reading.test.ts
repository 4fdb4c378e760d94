/** The read mark moves by what somebody has seen, and by nothing that merely arrives. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox, type OutboxStore } from "../../src/client/outbox-store.ts"
import type { Room } from "../../src/client/room.ts"
import type { Session } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer } from "./fake-server.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

let server: FakeServer
let store: OutboxStore

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, store, rooms)

/** A member of `room` who has read up to `readSeq`. */
const member = (room: string, readSeq: number): void => {
  server.members.add(room)
  server.readMarks.set(room, readSeq)
}

const den = (session: Session): Room => session.rooms.get("den")!
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
/** What another session of one's own has posted with one's token. */
const postElsewhere = (text: string, lost = false) => server.say("den", text, { from: OLENA, id: text, lost })

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  store = memoryOutbox()
})

afterEach(() => void vi.useRealTimers())

describe("one's own message", () => {
  test("acknowledged late leaves unread what others said before it", async () => {
    server.fill("den", 3)
    member("den", 3)
    const session = await begin("den", "other")
    server.cut()
    session.write("den", "written offline")
    for (let i = 0; i < 12; i++) server.say("den", `meanwhile ${i}`, { lost: true })
    await pass(1000)
    expect(session.outbox.of("den")).toEqual([])
    expect(den(session).unread).toBe(12)
    expect(den(session).firstUnread).toBe(4)
    await pass(1000)
    expect(server.readMarks.get("den")).toBe(3)
  })

  test("posted by a script with one's token marks nothing as read", async () => {
    server.fill("den", 3)
    member("den", 3)
    const session = await begin("den")
    for (let i = 0; i < 5; i++) server.say("den", `theirs ${i}`)
    postElsewhere("a file")
    expect(den(session).unread).toBe(5)
    await pass(1000)
    expect(server.readMarks.get("den")).toBe(3)
  })

  test("is not unread, here or on a device that has not got it", async () => {
    server.fill("den", 3)
    member("den", 3)
    postElsewhere("mine", true)
    server.say("den", "theirs", { lost: true })
    postElsewhere("mine again", true)
    const followed = await begin()
    expect(den(followed).unread).toBe(1)
    followed.open("den")
    await pass(0)
    expect(den(followed).unread).toBe(1)
    expect(den(followed).firstUnread).toBe(5)
  })
})

describe("what was seen", () => {
  test("moves the mark up to the first message that was not, and over one's own", async () => {
    server.fill("den", 3)
    member("den", 3)
    for (let i = 0; i < 4; i++) server.say("den", `theirs ${i}`)
    postElsewhere("mine")
    server.say("den", "and theirs")
    const session = await begin("den")
    session.saw("den", [4, 5])
    expect(den(session).readSeq).toBe(5)
    session.saw("den", [7])
    expect(den(session).readSeq).toBe(5)
    expect(den(session).unread).toBe(3)
    session.saw("den", [6])
    expect(den(session).readSeq).toBe(8)
    expect(den(session).unread).toBe(1)
    await pass(400)
    expect(server.readMarks.get("den")).toBe(8)
  })

  test("at the end of a room with a thousand unread marks none of them", async () => {
    server.fill("den", 1200)
    member("den", 100)
    const session = await begin("den")
    session.saw("den", range(1190, 1200))
    expect(den(session).readSeq).toBe(100)
    session.read("den", 1200) // the user says so
    expect(den(session).unread).toBe(0)
  })

  test("moves the mark over numbers that are not kept any more", async () => {
    server.fill("den", 3)
    member("den", 3)
    const session = await begin("den")
    server.intercept = (frame) => (frame.type === "history" ? [{ type: "history", room: "den", seq: 5, messages: [], more: false }] : undefined)
    server.say("den", "gone", { lost: true })
    server.say("den", "here")
    await pass(0)
    session.saw("den", [5])
    expect(den(session).readSeq).toBe(5)
  })

  test("does not move it over what is still on its way here", async () => {
    server.fill("den", 3)
    member("den", 3)
    const session = await begin("den")
    server.intercept = (frame) => (frame.type === "history" ? [] : undefined)
    server.say("den", "lost", { lost: true })
    server.say("den", "here")
    session.saw("den", [5])
    expect(den(session).readSeq).toBe(3)
  })
})

describe("the number of unread", () => {
  test("is the same wherever it is counted: by the server, from messages, or from both", async () => {
    server.fill("den", 30)
    member("den", 10)
    postElsewhere("mine", true)
    server.fill("den", 9)
    const session = await begin()
    expect(den(session).unread).toBe(29) // followed: the server's number
    server.say("den", "live")
    expect(den(session).unread).toBe(30)
    postElsewhere("mine too")
    expect(den(session).unread).toBe(30)
    session.open("den")
    await pass(0)
    expect(den(session).unread).toBe(30) // all of it is here
  })

  test("is asked for anew where another device has read a part of what only the server has counted", async () => {
    server.fill("den", 5)
    member("den", 0)
    for (let i = 0; i < 5; i++) postElsewhere(`mine ${i}`, true)
    server.fill("den", 5)
    const session = await begin()
    expect(den(session).unread).toBe(10)
    server.readMarks.set("den", 7)
    server.tell({ type: "read", room: "den", user: OLENA, seq: 7 })
    await pass(2_000)
    expect(den(session).unread).toBe(5)
  })

  test("of a room that one has just entered begins with what was said after", async () => {
    server.fill("den", 60)
    server.deliver = (socket, frame) => {
      socket.say(frame)
      if (frame.type === "joined" && server.log("den").length === 60) server.say("den", "welcome", { from: TARAS })
    }
    const session = await begin("den")
    expect(den(session).unread).toBe(1)
    await pass(1000)
    expect(server.readMarks.get("den") ?? 60).toBe(60)
  })
})
