/** A page is loaded anew: its rooms are there before the server has said anything, and only what came since is asked for. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { memoryOutbox, type OutboxStore } from "../../src/client/outbox-store.ts"
import { KEPT_AS } from "../../src/client/room-record.ts"
import { Session, type SessionOptions } from "../../src/client/session.ts"
import { pass } from "./beginning.ts"
import { FakeDisk } from "./fake-disk.ts"
import { FakeServer, textOf } from "./fake-server.ts"
import { FakeNetwork, numberedTokens, OLENA } from "./fake-socket.ts"

const WRITTEN_MS = 1_000
const ME = "~me.u1"

let server: FakeServer
let network: FakeNetwork
let disk: FakeDisk
let outbox: OutboxStore
let removals: string[]
const pages: Session[] = []

/** A page is opened. */
const load = async (...rooms: string[]): Promise<Session> => {
  const options: SessionOptions = { open: server.listener.open, tokens: numberedTokens(), network, outbox, random: () => 0, kept: { store: disk.page(OLENA.id), user: OLENA } }
  const session = new Session(options)
  pages.push(session)
  session.removals.on(({ room }) => removals.push(room))
  session.start()
  for (const room of rooms) session.open(room)
  await pass(0)
  return session
}
/** A page that was there for a while, and went. */
const visit = async (...rooms: string[]): Promise<void> => {
  const session = await load(...rooms)
  await pass(3 * WRITTEN_MS)
  session.stop()
  server.cut()
  server.received.length = 0
}
/** The same, where there is no network. */
const loadOffline = async (...rooms: string[]): Promise<Session> => {
  network.online = false
  server.listener.onconnect = () => {} // nobody answers
  return load(...rooms)
}

const texts = (session: Session, room = "den"): string[] => session.rooms.get(room)?.log.messages.map(textOf) ?? []
const stored = (room = "den"): string[] => server.messages(room).map(textOf)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  network = new FakeNetwork()
  disk = new FakeDisk()
  outbox = memoryOutbox()
  removals = []
})

afterEach(() => {
  for (const page of pages.splice(0)) page.stop()
  vi.useRealTimers()
})

describe("without a server", () => {
  test("the rooms and their messages are there, with what is unread and how they stand", async () => {
    server.fill("den", 3)
    server.members.add("~vault")
    server.govern("~vault", { kind: "room", title: "Vault" }, { lost: true })
    server.govern("~vault", { kind: "member", user: OLENA, role: "owner" }, { lost: true })
    server.readMarks.set("den", 1)
    await visit("den", "~vault")
    const session = await loadOffline()
    expect([...session.rooms.keys()].sort()).toEqual(["den", "~vault"])
    expect([texts(session), session.rooms.get("den")!.unread]).toEqual([stored(), 2])
    expect(session.rooms.get("~vault")!.standing).toMatchObject({ title: "Vault", role: "owner" })
    expect([...session.rooms.values()].map(({ joined }) => joined)).toEqual([false, false])
    expect(session.isListed).toBe(false)
  })

  test("what happened to the user is there", async () => {
    server.me = ME
    server.members.add(ME)
    server.notify("invited", { room: "~vault" }, { lost: true })
    await visit()
    const session = await loadOffline()
    expect(session.own?.log.messages.map(({ kind }) => kind)).toEqual(["invited"])
  })

  test("what is done to a message that was kept names the store of which its number is", async () => {
    server.fill("den", 2)
    await visit("den")
    const session = await loadOffline()
    expect(session.react("den", 1, "👍", true).epoch).toBe("e1")
  })

  test("what is read is read, and the server hears of it later", async () => {
    server.fill("den", 3)
    server.readMarks.set("den", 1)
    await visit("den")
    const away = await loadOffline("den")
    away.saw("den", [2, 3])
    await pass(WRITTEN_MS)
    away.stop()
    server = Object.assign(new FakeServer(), { logs: server.logs, members: server.members, readMarks: server.readMarks })
    network.online = true
    const session = await load()
    await pass(WRITTEN_MS)
    expect([session.rooms.get("den")!.unread, server.readMarks.get("den")]).toEqual([0, 3])
  })
})

describe("with a server", () => {
  test("only what came since is asked for, and it stands in its place; what was deleted is gone", async () => {
    server.fill("den", 3)
    await visit("den")
    server.change("den", { type: "delete", of: 2 }, { id: "d1" })
    server.say("den", "meanwhile")
    const session = await load("den")
    await pass(0)
    expect(server.got("resume").map(({ rooms }) => rooms)).toEqual([[{ room: "den", after: 3 }]])
    expect([server.got("join"), server.got("history")]).toEqual([[], []])
    expect(texts(session)).toEqual(["text 1", "deleted", "text 3", "meanwhile"])
    await pass(WRITTEN_MS)
    expect(disk.text).not.toContain("text 2")
  })

  test("what the server keeps no longer is gone, also from the disk", async () => {
    server.fill("den", 4)
    await visit("den")
    server.expire("den", 3)
    const session = await load("den")
    await pass(0)
    expect(texts(session)).toEqual(["text 3", "text 4"])
    await pass(WRITTEN_MS)
    expect(disk.text).not.toContain("text 2")
    const { log } = (await loadOffline()).rooms.get("den")!
    expect([log.messages.map(textOf), log.first, log.hasOlder]).toEqual([["text 3", "text 4"], 3, false])
  })

  test("a disk that answers late is waited for; what was opened meanwhile is as the server says", async () => {
    server.fill("den", 3)
    server.fill("hall", 3)
    await visit("den", "hall")
    const { load: loadDisk, ...rest } = disk.page(OLENA.id)
    disk.page = () => ({ ...rest, load: () => new Promise((resolve) => setTimeout(() => void loadDisk().then(resolve), 500)) })
    const session = await load()
    session.open("den")
    await pass(0)
    expect([server.got("join").map(({ room }) => room), server.got("rooms")]).toEqual([["den"], []])
    await pass(500)
    expect(server.got("resume").map(({ rooms }) => rooms)).toEqual([[{ room: "hall", after: 3 }]])
    expect([texts(session), texts(session, "hall")]).toEqual([stored(), stored("hall")])
  })

  test("of much that came since, pages are asked for", async () => {
    server.fill("den", 3)
    await visit("den")
    server.fill("den", 600)
    const session = await load("den")
    await pass(0)
    expect([texts(session), session.rooms.get("den")!.log.missing]).toEqual([stored(), 0])
  })

  test("of very much, the newest page alone, and what was kept is let go", async () => {
    server.fill("den", 3)
    await visit("den")
    server.fill("den", 1_500)
    const session = await load("den")
    await pass(0)
    expect(texts(session)).toEqual(stored().slice(-50))
  })

  test("a room that the server lists no more is gone, also from the disk", async () => {
    server.fill("den", 1)
    server.fill("hall", 1)
    await visit("den", "hall")
    server.members.delete("hall")
    const session = await load("den")
    await pass(0)
    expect([[...session.rooms.keys()], disk.rooms]).toEqual([["den"], ["den"]])
    expect(disk.logs.size).toBe(1)
  })

  test("a private room that this user was removed from is told of, and gone from the disk at once", async () => {
    server.members.add("~vault")
    server.fill("~vault", 1)
    await visit("~vault")
    server.members.delete("~vault")
    const session = await load("~vault")
    await pass(0)
    expect([removals, [...session.rooms.keys()], disk.rooms, disk.logs.size]).toEqual([["~vault"], [], [], 0])
  })

  test("who is removed while here keeps nothing of the room, at once", async () => {
    server.members.add("~vault")
    server.fill("~vault", 1)
    await load("~vault")
    await pass(2 * WRITTEN_MS)
    expect(disk.rooms).toEqual(["~vault"])
    server.removeMe("~vault")
    await pass(0)
    expect([disk.rooms, disk.logs.size]).toEqual([[], 0])
  })

  test("of another life of the store nothing that was kept is left", async () => {
    server.fill("den", 3)
    server.fill("hall", 3)
    await visit("den", "hall")
    server.epoch = "e2"
    server.logs.clear()
    server.members.delete("hall")
    server.say("den", "anew")
    const session = await load("den")
    await pass(2 * WRITTEN_MS)
    expect([texts(session), [...session.rooms.keys()]]).toEqual([["anew"], ["den"]])
    expect(disk.rooms).toEqual(["den"])
    expect(disk.text).not.toContain("text 1")
  })

  test("a store that went back is noticed, and what was kept of it goes", async () => {
    server.fill("den", 6)
    await visit("den")
    server.log("den").splice(2)
    const session = await load("den")
    await pass(2 * WRITTEN_MS)
    expect(texts(session)).toEqual(["text 1", "text 2"])
    expect(disk.text).not.toContain("text 5")
  })

  test("what a page of an older kind has kept is not taken", async () => {
    server.fill("den", 3)
    await visit("den")
    for (const [key, row] of disk.rows) disk.rows.set(key, { ...row, life: "0 e1" })
    const session = await load("den")
    await pass(2 * WRITTEN_MS)
    expect([server.got("join").length, texts(session)]).toEqual([1, stored()])
    expect([...disk.rows.values()].map(({ life }) => life)).toEqual([`${KEPT_AS} e1`])
  })
})

describe("the disk", () => {
  test("is written once for a flood, and not at all where nothing to be kept has changed", async () => {
    server.fill("den", 1)
    await load("den")
    await pass(2 * WRITTEN_MS)
    disk.writes = 0
    for (let i = 0; i < 50; i++) server.say("den", `flood ${i}`)
    await pass(WRITTEN_MS)
    expect(disk.writes).toBe(1)
    for (let i = 0; i < 5; i++) {
      server.tell({ type: "typing", room: "den", user: { id: "u2", name: "Taras" } })
      await pass(2 * WRITTEN_MS)
    }
    expect(disk.writes).toBe(1)
  })

  test.each([
    ["that forbids everything", new Error("private")],
    ["that answers nothing", null],
  ])("%s hinders nothing", async (_, failure) => {
    server.fill("den", 2)
    disk.failure = failure
    if (failure === null) disk.page = () => ({ load: () => new Promise(() => {}), begin: () => new Promise(() => {}), write: () => new Promise(() => {}), wipe: () => new Promise(() => {}) })
    const session = await load("den")
    await pass(3 * WRITTEN_MS)
    expect([texts(session), session.connection.state.phase]).toEqual([stored(), "open"])
  })

  test("that is full is written no more, and what was there leaves its place to what is not sent yet", async () => {
    server.fill("den", 2)
    const session = await load("den")
    await pass(2 * WRITTEN_MS)
    expect(disk.rooms).toEqual(["den"])
    disk.failure = Object.assign(new Error("full"), { name: "QuotaExceededError" })
    server.say("den", "more")
    await pass(2 * WRITTEN_MS)
    disk.failure = null
    const { writes } = disk
    server.say("den", "and more")
    await pass(2 * WRITTEN_MS)
    expect([disk.rooms, disk.writes, texts(session)]).toEqual([[], writes, stored()])
  })

  test("is not written by a page that was signed out, whatever it has gathered", async () => {
    server.fill("den", 2)
    const session = await load("den")
    await pass(2 * WRITTEN_MS)
    server.say("den", "more")
    session.stop()
    await disk.page(OLENA.id).wipe()
    await pass(5 * WRITTEN_MS)
    expect([disk.rooms, disk.logs.size]).toEqual([[], 0])
  })

  test("is wiped for one person, and nobody else", async () => {
    server.fill("den", 2)
    await visit("den")
    await disk.page("u2").wipe()
    expect(disk.rooms).toEqual(["den"])
    await disk.page(OLENA.id).wipe()
    expect(disk.rooms).toEqual([])
  })

  test("does not go back where a page that was away writes what it knows", async () => {
    server.fill("den", 2)
    const [away, here] = [await load("den"), await load("den")] // the server speaks to the second alone
    await pass(2 * WRITTEN_MS)
    server.say("den", "more")
    await pass(2 * WRITTEN_MS)
    away.read("den", 1)
    await pass(2 * WRITTEN_MS)
    expect(texts(here)).toEqual(stored())
    here.stop()
    away.stop()
    expect(texts(await loadOffline())).toEqual(stored())
  })

  test("gets nothing back that another page has taken away", async () => {
    server.fill("den", 2)
    await visit("den")
    const away = await loadOffline("den")
    await disk.page(OLENA.id).wipe()
    away.read("den", 1)
    away.saw("den", [1, 2])
    await pass(2 * WRITTEN_MS)
    expect(disk.rooms).toEqual([])
  })
})
