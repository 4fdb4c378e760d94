/**
 * How many messages are unread, and how many of them mention the user, is what the server would count: after reading on another device, after
 * deletions, after edits that add or take a mention, whatever part of the room is here.
 * SEED=n runs one case again; CASES=n runs more of them.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import type { Room } from "../../src/client/room.ts"
import { HELD_AT_MOST } from "../../src/client/room-log.ts"
import type { Session } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { generator } from "./entries.ts"
import { FakeServer } from "./fake-server.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

const CASES = Number(process.env["CASES"] ?? 60)
const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
const SEEDS = process.env["SEED"] ? [FIRST] : Array.from({ length: CASES }, (_, i) => FIRST + i)
const VIRA = { id: "u3", name: "Vira" }
const ME = [OLENA.id]
/** Longer than any pause between two questions for what only the server can count. */
const SETTLED_MS = 120_000

let server: FakeServer
const begin = (...rooms: string[]): Promise<Session> => beginWith(server, memoryOutbox(), rooms)
const den = (session: Session): Room => session.rooms.get("den")!
const counted = (session: Session) => [den(session).unreadCount.messages, den(session).unreadCount.mentions]

const member = (readSeq: number): void => {
  server.members.add("den")
  server.readMarks.set("den", readSeq)
}

const readElsewhere = (seq: number): void => {
  server.readMarks.set("den", seq)
  server.tell({ type: "read", room: "den", user: OLENA, seq })
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})
afterEach(() => void vi.useRealTimers())

describe.each([["here", "den"], ["only the server's", ""]])("of messages that are %s", (_, opened) => {
  const enter = () => begin(...(opened ? [opened] : []))

  test("those that mention the user are counted apart, and one's own and other people's are not", async () => {
    member(0)
    server.say("den", "@Olena", { mentions: ME })
    server.say("den", "@Taras", { mentions: [TARAS.id], from: VIRA })
    server.say("den", "@Olena, mine", { mentions: ME, from: OLENA })
    const session = await enter()
    expect(counted(session)).toEqual([2, 1])
    server.say("den", "@Olena again", { mentions: [OLENA.id, VIRA.id] })
    expect(counted(session)).toEqual([3, 2])
  })

  test("one that is deleted counts no more", async () => {
    member(0)
    server.say("den", "@Olena", { mentions: ME })
    server.say("den", "plain")
    const session = await enter()
    server.change("den", { type: "delete", of: 1 })
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual([1, 0])
  })

  test("an edit adds a mention, and takes it away", async () => {
    member(0)
    server.say("den", "one")
    server.say("den", "@Olena", { mentions: ME })
    const session = await enter()
    server.change("den", { type: "edit", of: 1, text: "@Olena", mentions: ME })
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual([2, 2])
    server.change("den", { type: "edit", of: 1, text: "one" })
    server.change("den", { type: "edit", of: 2, text: "nobody" })
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual([2, 0])
  })

  test("what another device has read counts no more", async () => {
    member(0)
    for (const text of ["one", "two", "three"]) server.say("den", text, { mentions: ME })
    const session = await enter()
    readElsewhere(2)
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual([1, 1])
    readElsewhere(3)
    expect(counted(session)).toEqual([0, 0])
  })
})

describe("far below somebody who reads", () => {
  /** All of a large room is here and read, and somebody reads at its beginning: what comes is let go, once there is more than is held. */
  const far = async (size = HELD_AT_MOST): Promise<Session> => {
    server.fill("den", size)
    member(0)
    const session = await beginWith(server, memoryOutbox(), ["den"], undefined, { catchUp: 2 * HELD_AT_MOST })
    expect(den(session).log.size).toBe(size)
    den(session).log.reader = 5
    readElsewhere(size)
    return session
  }

  test("each message that comes is counted as it comes", async () => {
    const session = await far()
    server.say("den", "one")
    await pass(SETTLED_MS)
    const asked = server.got("rooms").length
    for (let i = 0; i < 10; i++) server.say("den", "more")
    expect(den(session).log.end).not.toBeNull()
    expect(counted(session)).toEqual([11, 0])
    await pass(SETTLED_MS)
    expect(server.got("rooms").length).toBe(asked)
  })

  test.each([["one's own", { from: OLENA }, [1, 0]], ["one that mentions the user", { mentions: ME }, [2, 1]]])("so is %s", async (_, told, is) => {
    const session = await far()
    server.say("den", "one")
    await pass(SETTLED_MS)
    server.say("den", "two", told)
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual(is)
    server.say("den", "three", { ...told, lost: true })
    server.say("den", "four")
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual([server.unread("den").length, server.mentions("den").length])
  })

  const LET_GO = [
    ["one's own", () => void server.say("den", "mine", { from: OLENA }), [5, 0]],
    ["one that mentions the user", () => void server.say("den", "@Olena", { mentions: ME }), [6, 1]],
    ["one that was deleted", () => [server.say("den", "gone"), server.change("den", { type: "delete", of: server.log("den").length })], [5, 0]],
  ] as const
  test.each(LET_GO)("what was here and is let go is counted still: %s", async (_, happens, is) => {
    const session = await far(HELD_AT_MOST - 1)
    await pass(SETTLED_MS)
    happens()
    expect(den(session).log.end).toBeNull()
    for (let i = 0; i < 5; i++) server.say("den", "more")
    expect(den(session).log.end).not.toBeNull()
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual(is)
    await session.history.newest(den(session))
    await pass(SETTLED_MS)
    expect(counted(session)).toEqual(is)
  })
})

test("what is let go of a room that nobody looks at is counted still", async () => {
  member(0)
  const session = await begin("den")
  for (let i = 0; i < 40; i++) server.say("den", "text", i % 4 === 0 ? { from: OLENA } : i % 3 === 0 ? { mentions: ME } : {})
  const before = counted(session)
  den(session).log.trim(10)
  session.saw("den", [1])
  await pass(SETTLED_MS)
  expect(counted(session)).toEqual(before)
})

test("what changed while the room began anew is counted", async () => {
  member(0)
  for (let i = 0; i < 20; i++) server.say("den", "text", i < 5 ? { mentions: ME } : {})
  const session = await begin()
  for (let of = 1; of <= 3; of++) server.change("den", { type: "delete", of }, { lost: true })
  server.fill("den", 3)
  const { length } = server.log("den")
  den(session).startAnew(length, server.messages("den").slice(-5), true, length)
  server.say("den", "text")
  await pass(SETTLED_MS)
  expect(counted(session)).toEqual([server.unread("den").length, 2])
})

describe("the server is asked for its count", () => {
  const asked = () => server.got("rooms").length

  test("once for many changes of what is not here", async () => {
    member(0)
    for (let i = 0; i < 30; i++) server.say("den", `text ${i}`)
    await begin()
    const before = asked()
    for (let of = 1; of <= 20; of++) server.change("den", { type: "delete", of })
    await pass(SETTLED_MS)
    expect(asked()).toBe(before + 1)
  })

  test("not for changes of what is here, or what cannot matter", async () => {
    member(0)
    for (let i = 0; i < 5; i++) server.say("den", `text ${i}`)
    const session = await begin()
    const before = asked()
    server.change("den", { type: "edit", of: 2, text: "other words" })
    server.change("den", { type: "react", of: 2, emoji: "👍", on: true })
    server.say("den", "@Olena", { mentions: ME })
    server.change("den", { type: "edit", of: 9, text: "@Olena!", mentions: ME }) // of 8 here, the 9th is the message before
    session.open("den")
    await pass(0)
    server.change("den", { type: "delete", of: 1 })
    await pass(SETTLED_MS)
    expect(asked()).toBe(before)
  })

  test("ever more seldom where its answers do not settle it", async () => {
    member(0)
    for (let i = 0; i < 5; i++) server.say("den", `text ${i}`)
    const session = await begin()
    const [summary] = await Promise.resolve(server.got("rooms"))
    expect(summary).toBeDefined()
    server.intercept = (frame) => (frame.type === "rooms" ? [{ type: "rooms", rooms: [{ room: "den", seq: 5, read_seq: 0, unread: 5, members: 2 }] }] : undefined)
    const before = asked()
    readElsewhere(2)
    await pass(10 * 60_000)
    expect(den(session).unread).toBeGreaterThan(0)
    expect(asked() - before).toBeLessThan(30)
  })
})

test.each(SEEDS)("seed %i: whatever happens, in the end it is what the server counts", async (seed) => {
  const random = generator(seed)
  const any = (count: number) => Math.floor(random() * count)
  const chance = (probability: number) => random() < probability
  const mentioned = () => (chance(0.3) ? { mentions: ME } : chance(0.3) ? { mentions: [VIRA.id] } : {})
  const author = () => [TARAS, TARAS, VIRA, OLENA][any(4)]!
  const say = (lost = chance(0.05)) => void server.say("den", "text", { from: author(), lost, ...mentioned() })
  // In the last case somebody reads far above the newest, and what comes there is let go.
  const bulk = [3, 30, 130, 700, HELD_AT_MOST][any(5)]!
  for (let i = 0; i < bulk; i++) say(true)
  const isFar = bulk === HELD_AT_MOST
  member(isFar ? 0 : any(bulk + 1))
  const session = await beginWith(server, memoryOutbox(), isFar || chance(0.5) ? ["den"] : [], undefined, { catchUp: isFar ? 2 * bulk : 1000 })
  server.fit = () => [3, 50, 200][any(3)]!
  server.understate = () => (chance(0.8) ? 0 : any(6))
  if (isFar) {
    readElsewhere(bulk - any(30))
    den(session).log.reader = 1 + any(bulk / 2)
  }
  const seq = () => server.log("den").length
  const oneOf = () => (chance(0.5) ? 1 + any(seq()) : Math.max(1, seq() - any(20)))

  const acts: (() => unknown)[] = [
    say,
    say,
    () => Array.from({ length: any(40) }, () => say()),
    () => server.messages("den").some((each) => each.seq === act.of && each.kind === "chat") && server.change("den", { type: "delete", of: act.of }, { lost: chance(0.1) }),
    () => {
      const of = server.messages("den").find((each) => each.seq === act.of && each.kind === "chat")
      if (of) server.change("den", { type: "edit", of: act.of, text: `text of ${seq()}`, ...mentioned() }, { from: of.from, lost: chance(0.1) })
    },
    () => chance(0.4) && readElsewhere(Math.max(server.readMarks.get("den")!, any(seq() + 1))),
    () => session.saw("den", Array.from({ length: any(10) }, (_, i) => (den(session).readSeq ?? 0) + 1 + i)),
    () => chance(0.2) && session.open("den"),
    () => chance(0.3) && session.history.older(den(session)).catch(() => {}),
    () => chance(isFar ? 0.05 : 0.3) && session.history.newer(den(session)).catch(() => {}),
    () => chance(isFar ? 0.05 : 0.3) && session.history.newest(den(session)).catch(() => {}),
    () => !isFar && chance(0.3) && den(session).log.trim(1 + any(30)),
    () => !isFar && (den(session).log.reader = chance(0.5) ? null : oneOf()),
    () => chance(0.1) && server.cut(),
    () => chance(0.02) && Array.from({ length: 2_200 }, () => say()), // more than is held
    () => pass(any(3_000)),
  ]
  const act = { of: 1 }
  for (let i = 0; i < 120; i++) {
    act.of = oneOf()
    await acts[any(acts.length)]!()
    await pass(0)
  }
  server.say("den", "the last", { lost: false }) // so that it is known how far the room reaches
  await pass(SETTLED_MS)
  const most = (count: number) => Math.min(100, count)
  expect(den(session).readSeq).toBe(server.readMarks.get("den"))
  expect(counted(session).map(most)).toEqual([server.unread("den").length, server.mentions("den").length].map(most))
})
