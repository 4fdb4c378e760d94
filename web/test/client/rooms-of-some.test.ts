/** Private rooms, who is in them, what holds there, and one's own log: whatever comes late, twice or not at all. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { HELD_AT_MOST, RoomLog } from "../../src/client/room-log.ts"
import { LINES_AT_MOST } from "../../src/client/room-lines.ts"
import type { Session } from "../../src/client/session.ts"
import { foldRoom, type Standing, standingOf } from "../../src/client/standing.ts"
import type { Entry, Incoming, RoomChange } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { chat, member, PEOPLE, pin, settings } from "./entries.ts"
import { FakeServer, refusal } from "./fake-server.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

const [, , VIRA] = PEOPLE as [typeof OLENA, typeof TARAS, typeof TARAS]
const ME = "~me.u1"
const BUDGET = "~budget"

const joined = (seq: number, more: Partial<Incoming<"joined">> = {}): Incoming<"joined"> => ({
  type: "joined",
  room: BUDGET,
  seq,
  members: 1,
  online: [],
  messages: [],
  more: false,
  private: true,
  people: [{ ...OLENA, role: "owner" }, TARAS],
  role: "owner",
  ...more,
})

const isOlena = ({ id }: { id: string }): boolean => id === OLENA.id
const folded = (...changes: RoomChange[]): Standing => changes.reduce((standing, change) => foldRoom(standing, change, isOlena), standingOf(joined(5)))
const names = ({ people }: Standing): string[] => [...people!.values()].map(({ name, role }) => (role ? `${name}: ${role}` : name))

describe("how a room stands", () => {
  test("is what `joined` told, and the changes after that", () => {
    const standing = folded(member(6, VIRA, "member"), member(7, TARAS, "moderator"), settings(8, { title: "Budget", posting: "moderators" }))
    expect(names(standing)).toEqual(["Olena: owner", "Taras: moderator", "Vira"])
    expect([standing.title, standing.posting, standing.invites, standing.archived, standing.asOf]).toEqual(["Budget", "moderators", "members", false, 8])
  })

  test("has what came up to then in it already, and what comes twice once", () => {
    const before = standingOf(joined(5))
    expect(foldRoom(before, member(5, VIRA, "member"), isOlena)).toBe(before)
    const once = folded(member(6, VIRA, "member"))
    expect(foldRoom(once, member(6, VIRA), isOlena)).toBe(once)
  })

  test("tells this user's own role, and nobody who has gone", () => {
    const standing = folded(member(6, OLENA, "member"), member(7, TARAS))
    expect(standing.role).toBe("member")
    expect(names(standing)).toEqual(["Olena"])
  })

  test("is without a topic where an empty one was set", () => {
    expect(folded(settings(6, { topic: "numbers" }), settings(7, { topic: "" })).topic).toBe("")
  })
})

describe("the log", () => {
  const heard: number[] = []
  const log = (...seqs: number[]): RoomLog => {
    heard.length = 0
    const made = new RoomLog(({ seq }) => heard.push(seq))
    made.joinedFresh(seqs.map((seq) => chat(seq)), seqs.at(-1)!, false, seqs.at(-1)!)
    return made
  }

  test("tells of changes of the room in their order: one ahead of a hole waits", () => {
    const made = log(1, 2)
    made.receive(member(5, VIRA, "member"))
    made.receive(settings(3, { title: "Budget" }))
    expect(heard).toEqual([3])
    made.pageAfter(3, 4, [member(4, VIRA)], false, 5)
    expect(heard).toEqual([3, 4, 5])
    expect(made.lines.map(({ seq }) => seq)).toEqual([3, 4, 5])
  })

  test("has each line once, in its place, and nothing of it among the messages", () => {
    const made = log(1)
    for (const seq of [3, 2, 3]) made.receive(settings(seq, { title: `${seq}` }))
    made.receive(chat(4))
    expect(made.lines.map(({ seq }) => seq)).toEqual([2, 3])
    expect(made.messages.map(({ seq }) => seq)).toEqual([1, 4])
    expect([made.isKnown(3), made.at(3)]).toEqual([true, null])
  })

  test("keeps a bounded number of lines, the newest", () => {
    const made = log(1)
    for (let seq = 2; seq < LINES_AT_MOST + 52; seq++) made.receive(settings(seq, { title: `${seq}` }))
    expect(made.lines).toHaveLength(LINES_AT_MOST)
    expect(made.lines.at(-1)!.seq).toBe(LINES_AT_MOST + 51)
  })

  test("says up to where changes were passed over when it starts anew", () => {
    const made = log(1, 2)
    made.receive(settings(9, { title: "late" }))
    const anew = made.anew(9, [chat(2)], false, 12)
    expect(anew.passedOver).toBe(9)
    expect(anew.lines.map(({ seq }) => seq)).toEqual([9])
    const above = log(...Array.from({ length: HELD_AT_MOST }, (_, i) => i + 1))
    above.reader = 50
    above.receive(chat(HELD_AT_MOST + 1))
    above.receive(pin(HELD_AT_MOST + 4, 1))
    above.toNewest()
    expect(above.passedOver).toBe(HELD_AT_MOST + 4)
  })
})

describe("in a session", () => {
  let server: FakeServer
  beforeEach(() => {
    vi.useFakeTimers()
    server = new FakeServer()
    server.me = ME
  })
  afterEach(() => void vi.useRealTimers())

  const begin = (...rooms: string[]): Promise<Session> => beginWith(server, memoryOutbox(), rooms)
  const make = (room = BUDGET): void => {
    server.govern(room, { kind: "room", title: "Budget" })
    for (const user of [TARAS, OLENA]) server.govern(room, { kind: "member", user, role: user === TARAS ? "owner" : "member" })
    server.members.add(room)
  }
  const standing = (session: Session, room = BUDGET): Standing => session.rooms.get(room)!.standing!

  test("what comes live changes how a room stands, after a return as well, and each once", async () => {
    make()
    const session = await begin()
    await pass(0)
    server.govern(BUDGET, { kind: "member", user: VIRA, role: "member" })
    expect(names(standing(session))).toEqual(["Taras: owner", "Olena", "Vira"])
    server.cut()
    server.govern(BUDGET, { kind: "member", user: VIRA })
    server.govern(BUDGET, { kind: "room", topic: "numbers" })
    await pass(1000)
    expect(names(standing(session))).toEqual(["Taras: owner", "Olena"])
    expect(standing(session).topic).toBe("numbers")
    expect(session.rooms.get(BUDGET)!.log.lines.map(({ seq }) => seq)).toEqual([4, 5, 6])
  })

  test("a change that overtakes the answer to the join counts once the answer is there", async () => {
    make()
    server.deliver = (socket, frame) => void (frame.type === "joined" ? setTimeout(() => socket.say(frame), 200) : socket.say(frame))
    const session = await begin(BUDGET)
    await pass(50)
    server.govern(BUDGET, { kind: "member", user: VIRA, role: "member" })
    await pass(300)
    expect(names(standing(session))).toEqual(["Taras: owner", "Olena", "Vira"])
  })

  test("who is made a member again was not let in anew", async () => {
    make()
    const session = await begin()
    await pass(0)
    server.govern(BUDGET, { kind: "member", user: VIRA, role: "member" })
    server.govern(BUDGET, { kind: "member", user: OLENA, role: "member" })
    server.cut()
    for (const role of ["moderator", "member"] as const) server.govern(BUDGET, { kind: "member", user: VIRA, role })
    await pass(1000)
    const room = session.rooms.get(BUDGET)!
    expect(room.log.lines.map((line) => room.isDemotion(line))).toEqual([false, true, false, true])
  })

  test("a lost change is asked for, and those after it wait", async () => {
    make()
    const session = await begin()
    await pass(0)
    server.govern(BUDGET, { kind: "member", user: OLENA, role: "moderator" }, { lost: true })
    server.intercept = (frame) => (frame.type === "history" ? [] : undefined)
    server.govern(BUDGET, { kind: "member", user: OLENA, role: "member" })
    expect(standing(session).role).toBe("member")
    server.govern(BUDGET, { kind: "room", title: "Later" })
    expect(standing(session).title).toBe("Budget")
    server.intercept = () => undefined
    await pass(11_000)
    expect([standing(session).title, standing(session).role]).toEqual(["Later", "member"])
  })

  test("after a long absence, where entries are passed over, it is told anew", async () => {
    make()
    const session = await begin()
    await pass(0)
    server.govern(BUDGET, { kind: "room", title: "Passed over" }, { lost: true })
    for (let i = 0; i < 1200; i++) server.say(BUDGET, `${i}`, { lost: true })
    server.say(BUDGET, "the newest")
    await pass(1000)
    expect(standing(session).title).toBe("Passed over")
    expect(server.got("join").filter(({ room }) => room === BUDGET), "entered again").toHaveLength(1)
  })

  test("a room is made once, however often the line drops, and is at hand", async () => {
    const session = await begin()
    server.intercept = (frame) => (frame.type === "create" && server.got("create").length === 1 ? [] : undefined)
    const made = session.deeds.create("Budget", "", [TARAS.id])
    await pass(0)
    server.cut()
    await pass(1000)
    const name = await made
    const [first, second] = server.got("create")
    expect(second!.id).toBe(first!.id)
    expect(session.rooms.get(name)!.title).toBe("Budget")
    expect(names(standing(session, name))).toEqual(["Olena: owner"])
  })

  test("what is done to a room resolves with its own copy, also where the line drops, and is refused in the server's words", async () => {
    make()
    const session = await begin()
    await pass(0)
    await session.deeds.invite(BUDGET, "u-vira")
    expect(names(standing(session))).toContain("u-vira")
    server.intercept = (frame) => (frame.type === "settings" && server.got("settings").length === 1 ? [] : undefined)
    const set = session.deeds.set(BUDGET, { archived: true })
    await pass(0)
    server.cut()
    await pass(1000)
    await set
    expect(server.log(BUDGET).filter(({ kind }) => kind === "room")).toHaveLength(2)
    expect(standing(session).archived).toBe(true)
    server.intercept = (frame) => (frame.type === "remove" ? [refusal("forbidden")] : undefined)
    await expect(session.deeds.remove(BUDGET, TARAS.id)).rejects.toThrow("forbidden")
  })

  test("what waits to be done to a room from which one is removed meanwhile is refused, and brings nothing back", async () => {
    make()
    const session = await begin()
    await pass(0)
    server.intercept = (frame) => (frame.type === "invite" ? [] : undefined)
    const invited = session.deeds.invite(BUDGET, "u-vira").catch((error: Error) => error.name)
    await pass(0)
    server.cut()
    server.members.delete(BUDGET)
    await pass(1000)
    expect(await invited).toBe("Refused")
    expect([...session.rooms.keys()]).toEqual([ME])
  })

  test("a room that one leaves while the line drops is left, and nobody is said to have removed one", async () => {
    make()
    const session = await begin()
    await pass(0)
    const removals = vi.fn()
    session.removals.on(removals)
    server.intercept = (frame) => (frame.type === "leave" && server.members.delete(BUDGET) ? [] : undefined)
    const left = session.leave(BUDGET).catch((error: Error) => error.name)
    await pass(0)
    server.cut()
    await pass(3000)
    expect(await left).toBe("Disconnected")
    expect([...session.rooms.keys()]).toEqual([ME])
    expect(removals).not.toHaveBeenCalled()
  })

  test("ids never begin as the server's do", async () => {
    const session = await begin()
    await session.deeds.create("Budget", "", [])
    expect(server.got("create")[0]!.id).toMatch(/^[0-9A-Z]{26}$/)
  })

  test("people are found by how their names begin", async () => {
    const session = await begin()
    expect(await session.deeds.find("ta")).toEqual([TARAS])
  })

  test("an invitation brings the room at once, under its title", async () => {
    const session = await begin()
    make()
    server.notify("invited", { room: BUDGET, title: "Budget" })
    expect(session.rooms.get(BUDGET)!.title).toBe("Budget")
    await pass(0)
    expect(session.rooms.get(BUDGET)!.joined).toBe(true)
    await pass(3000)
    server.say(BUDGET, "hello")
    expect(session.rooms.get(BUDGET)!.unread).toBe(1)
  })

  test("what was said after the invitation, and before the room was entered, is unread", async () => {
    const session = await begin()
    make()
    server.readMarks.set(BUDGET, 3)
    server.say(BUDGET, "at once")
    server.notify("invited", { room: BUDGET })
    expect(session.rooms.get(BUDGET)!.unread).toBe(0)
    await pass(0)
    expect(session.rooms.get(BUDGET)!.unread).toBe(1)
  })

  test("a conversation that somebody begins is theirs before anything else is known of it", async () => {
    const session = await begin()
    server.members.add("~d.two")
    server.intercept = (frame) => (frame.type === "join" ? [] : undefined)
    server.notify("invited", { room: "~d.two" })
    expect(session.rooms.get("~d.two")!.others).toEqual([TARAS])
  })

  test("an old invitation does not bring back a room that one has left since", async () => {
    server.notify("invited", { room: BUDGET, title: "Budget" })
    const session = await begin()
    await pass(3000)
    expect(session.own!.log.messages).toHaveLength(1)
    expect([...session.rooms.keys()]).toEqual([ME])
    expect(server.got("join").map(({ room }) => room)).toEqual([ME])
  })

  test("an invitation that was missed counts when it comes by history", async () => {
    const session = await begin()
    await pass(0)
    make()
    server.notify("invited", { room: BUDGET }, { lost: true })
    server.notify("removed", { room: "~other" })
    await pass(100)
    expect(session.rooms.get(BUDGET)!.joined).toBe(true)
  })

  test("who is removed hears from whom, and what was not sent; nothing of the room is left", async () => {
    make()
    const session = await begin()
    await pass(0)
    const removals = vi.fn()
    session.removals.on(removals)
    server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
    session.write(BUDGET, "too late")
    server.removeMe(BUDGET)
    expect(removals).toHaveBeenCalledWith(expect.objectContaining({ room: BUDGET, title: "Budget", by: TARAS, unsent: [expect.objectContaining({ said: { type: "chat", text: "too late" } })] }))
    expect([...session.rooms.keys()]).toEqual([ME])
    expect(session.outbox.of(BUDGET)).toEqual([])
  })

  test("who was removed while away finds the room gone, also where it was open", async () => {
    make()
    const session = await begin(BUDGET)
    await pass(0)
    const removals: (string | null)[] = []
    session.removals.on(({ title, by }) => removals.push(title, by?.name ?? null))
    server.cut()
    server.members.delete(BUDGET)
    await pass(1000)
    expect(session.rooms.has(BUDGET)).toBe(false)
    expect(removals).toEqual(["Budget", null])
  })

  test("what is read of one's own log is told as of a room", async () => {
    const session = await begin()
    await pass(0)
    server.notify("invited", { room: BUDGET })
    expect(session.own!.unread).toBe(1)
    session.read(ME, session.own!.seq)
    await pass(1000)
    expect([session.own!.unread, server.readMarks.get(ME)]).toEqual([0, 1])
  })
})

/** Every entry of a room, changes of all kinds, told in any order: the end is the same. */
test.each(Array.from({ length: 40 }, (_, i) => i + 1))("order %i of arrival ends in the same standing", (seed) => {
  let state = seed * 2654435761
  const random = (): number => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296)
  const entries: Entry[] = Array.from({ length: 60 }, (_, i) => {
    const seq = i + 1
    const kind = random()
    if (kind < 0.3) return chat(seq)
    if (kind < 0.5) return settings(seq, random() < 0.5 ? { title: `title ${seq}` } : { archived: random() < 0.5 })
    return member(seq, PEOPLE[Math.floor(random() * 3)]!, (["owner", "moderator", "member", undefined] as const)[Math.floor(random() * 4)])
  })
  const start = standingOf(joined(20))
  const expected = entries.slice(20).filter((entry): entry is RoomChange => entry.kind === "member" || entry.kind === "room").reduce((standing, change) => foldRoom(standing, change, isOlena), start)
  let standing = start
  const log = new RoomLog((change) => (standing = foldRoom(standing, change, isOlena)))
  log.joinedFresh(entries.slice(0, 20).filter(({ kind }) => kind === "chat"), 20, false, 20)
  const arriving = entries.slice(15).flatMap((entry) => (random() < 0.2 ? [entry, entry] : [entry]))
  for (let i = arriving.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[arriving[i], arriving[j]] = [arriving[j]!, arriving[i]!]
  }
  for (const entry of arriving) log.receive(entry)
  expect(standing).toEqual(expected.asOf === standing.asOf ? expected : { ...expected, asOf: standing.asOf })
  expect(log.gap).toBeNull()
})
