import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { adoptOutbox, memoryOutbox, type OutboxEntry, type OutboxStore, type Said, storedOutbox } from "../../src/client/outbox-store.ts"
import { Session } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { asFrame, FakeServer, refusal, textOf } from "./fake-server.ts"
import { numberedTokens } from "./fake-socket.ts"

let server: FakeServer
let store: OutboxStore

const begin = (...rooms: string[]): Promise<Session> => beginWith(server, store, rooms)

const stored = (room = "den") => server.messages(room).map(textOf)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  store = memoryOutbox()
})

afterEach(() => void vi.useRealTimers())

describe("an entry of the outbox", () => {
  test("leaves when the own copy arrives, and not before", async () => {
    server.deliver = (socket, frame) => (frame.type === "message" ? undefined : socket.say(frame))
    const session = await begin("den")
    session.write("den", "hello")
    expect(stored()).toEqual(["hello"])
    expect(session.outbox.of("den")).toHaveLength(1)
    server.tell = (frame) => server.listener.last.say(frame)
    server.tell(asFrame(server.log("den")[0]!))
    expect(session.outbox.of("den")).toHaveLength(0)
    expect(store.load()).toEqual([])
  })

  test("is sent again with the same id after a cut, and is stored once", async () => {
    server.deliver = (socket, frame) => (frame.type === "message" ? undefined : socket.say(frame))
    const session = await begin("den")
    session.write("den", "hello")
    server.deliver = (socket, frame) => socket.say(frame)
    server.cut()
    await pass(500)
    expect(stored()).toEqual(["hello"])
    expect(session.outbox.of("den")).toHaveLength(0)
    expect(session.rooms.get("den")!.log.messages).toHaveLength(1)
  })

  test("that never reached the server is sent on the next connection", async () => {
    const session = await begin("den")
    server.cut()
    session.write("den", "written without a connection")
    expect(stored()).toEqual([])
    await pass(500)
    expect(stored()).toEqual(["written without a connection"])
  })

  test("is sent again when no acknowledgement comes within ten seconds", async () => {
    let lost = 1
    server.intercept = (frame) => (frame.type === "chat" && lost-- > 0 ? [] : undefined)
    const session = await begin("den")
    session.write("den", "hello")
    await pass(10_000)
    const [first, second] = server.got("chat")
    expect(second).toEqual(first)
    expect(stored()).toEqual(["hello"])
    expect(session.outbox.of("den")).toHaveLength(0)
  })

  test("is not sent again because the lid was closed meanwhile: its acknowledgement may lie unread", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
    const session = await begin("den")
    session.write("den", "hello")
    vi.setSystemTime(Date.now() + 8_000) // less than the silence after which the connection itself is asked
    await pass(10_000)
    expect(server.got("chat")).toHaveLength(1)
    await pass(10_000)
    expect(server.got("chat")).toHaveLength(2)
  })

  test("is acknowledged also by its copy in history", async () => {
    server.deliver = (socket, frame) => (frame.type === "message" ? undefined : socket.say(frame))
    const session = await begin("den")
    session.write("den", "hello")
    server.cut()
    await pass(500)
    expect(session.outbox.of("den")).toHaveLength(0)
    expect(server.got("chat")).toHaveLength(1)
  })

  test("is not acknowledged by somebody else's message with the same id", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
    const session = await begin("den")
    const { id } = session.write("den", "mine")
    server.say("den", "theirs", { id })
    expect(session.outbox.of("den")).toHaveLength(1)
  })

  test("outlives the page: the next one enters its room and sends it", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
    const first = await begin("den")
    first.write("den", "one")
    first.write("den", "two")
    first.stop()
    server.intercept = () => undefined
    await begin()
    await pass(0)
    expect(stored()).toEqual(["one", "two"])
    expect(store.load()).toEqual([])
  })
})

describe("the order of what one writes", () => {
  test("is kept in a room, whatever is refused for a time in between", async () => {
    let count = 0
    server.intercept = (frame) => (frame.type === "chat" && ++count % 2 === 1 ? [refusal("rate_limited", frame.id, 700)] : undefined)
    const session = await begin("den")
    for (const text of ["one", "two", "three"]) session.write("den", text)
    await pass(5_000)
    expect(stored()).toEqual(["one", "two", "three"])
  })

  test("is kept over a cut connection", async () => {
    const session = await begin("den")
    server.cut()
    for (const text of ["one", "two", "three"]) session.write("den", text)
    await pass(500)
    expect(stored()).toEqual(["one", "two", "three"])
  })

  test("is kept by sending one at a time: the next waits for the acknowledgement", async () => {
    server.deliver = (socket, frame) => (frame.type === "message" ? undefined : socket.say(frame))
    const session = await begin("den")
    for (const text of ["one", "two", "three"]) session.write("den", text)
    await pass(9_000)
    expect(server.got("chat").map(({ text }) => text)).toEqual(["one"])
  })

  test("of one room does not hold up another", async () => {
    server.intercept = (frame) => (frame.type === "chat" && frame.room === "stuck" ? [] : undefined)
    const session = await begin("stuck", "den")
    session.write("stuck", "waits")
    session.write("den", "goes")
    expect(stored("den")).toEqual(["goes"])
  })
})

describe("refusals", () => {
  test.each(["rate_limited", "overloaded", "unavailable"] as const)("%s is tried again after the time that the server names, and not before", async (code) => {
    let refusals = 1
    server.intercept = (frame) => (frame.type === "chat" && refusals-- > 0 ? [refusal(code, frame.id, 2000)] : undefined)
    const session = await begin("den")
    session.write("den", "hello")
    await pass(1_999)
    expect(server.got("chat")).toHaveLength(1)
    await pass(1)
    expect(stored()).toEqual(["hello"])
    expect(session.outbox.of("den")).toHaveLength(0)
  })

  test("to one room lets no other room's text go sooner, however short the time that that one was told", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
    const session = await begin("den", "hall")
    const [one, two] = [session.write("den", "one"), session.write("hall", "two")]
    server.intercept = () => undefined
    server.tell(refusal("rate_limited", one.id, 5000))
    server.tell(refusal("rate_limited", two.id, 100))
    await pass(4_000)
    expect(server.got("chat")).toHaveLength(2)
    await pass(2_000)
    expect([stored("den"), stored("hall")]).toEqual([["one"], ["two"]])
  })

  test("without a time named it backs off", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [refusal("unavailable", frame.id)] : undefined)
    const session = new Session({ open: server.listener.open, tokens: numberedTokens(), outbox: store, random: () => 1 })
    session.start()
    await pass(0)
    session.open("den")
    await pass(0)
    session.write("den", "hello")
    await pass(1000 + 2000 + 4000)
    expect(server.got("chat")).toHaveLength(4)
  })

  test("a final error fails the entry with its code, lets the next one go, and sends nothing again by itself", async () => {
    server.intercept = (frame) => (frame.type === "chat" && frame.text === "bad" ? [refusal("too_large", frame.id)] : undefined)
    const session = await begin("den")
    session.write("den", "bad")
    session.write("den", "good")
    await pass(60_000)
    expect(stored()).toEqual(["good"])
    expect(session.outbox.of("den")).toEqual([expect.objectContaining({ said: { type: "chat", text: "bad" }, failure: { code: "too_large", text: "too_large" } })])
    expect(server.got("chat")).toHaveLength(2)
  })

  test("a failed entry is tried again with the same id when the user says so", async () => {
    let refusals = 1
    server.intercept = (frame) => (frame.type === "chat" && refusals-- > 0 ? [refusal("forbidden", frame.id)] : undefined)
    const session = await begin("den")
    const { id } = session.write("den", "hello")
    session.outbox.retry(id)
    expect(server.got("chat").map((frame) => frame.id)).toEqual([id, id])
    expect(session.outbox.of("den")).toHaveLength(0)
  })

  test("a failed entry that the user deletes is gone for good", async () => {
    server.intercept = (frame) => (frame.type === "chat" ? [refusal("forbidden", frame.id)] : undefined)
    const session = await begin("den")
    const { id } = session.write("den", "hello")
    session.outbox.discard(id)
    expect(store.load()).toEqual([])
    server.cut()
    await pass(500)
    expect(server.got("chat")).toHaveLength(1)
  })

  test("not_joined enters the room again and then sends", async () => {
    let refusals = 1
    server.intercept = (frame) => (frame.type === "chat" && refusals-- > 0 ? [refusal("not_joined", frame.id)] : undefined)
    const session = await begin("den")
    session.write("den", "hello")
    await pass(0)
    expect(server.got("join")).toHaveLength(2)
    expect(stored()).toEqual(["hello"])
    expect(session.outbox.of("den")).toHaveLength(0)
  })
})

const fakeStorage = (): Storage => {
  const map = new Map<string, string>()
  return {
    get length() {
      return map.size
    },
    key: (i) => [...map.keys()][i] ?? null,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
    clear: () => map.clear(),
  }
}

describe("the stored outbox", () => {
  const entry = (id: string): OutboxEntry => ({ id, room: "den", writtenAt: 1, failure: null, said: { type: "chat", text: id } })

  test("is that of one user, in the order of writing", () => {
    const storage = fakeStorage()
    const olena = storedOutbox("olena", storage)
    olena.put(entry("02"))
    olena.put(entry("01"))
    storedOutbox("taras", storage).put(entry("03"))
    expect(storedOutbox("olena", storage).load()).toEqual([entry("01"), entry("02")])
  })

  test("of two tabs neither overwrites the other's", () => {
    const storage = fakeStorage()
    const [one, two] = [storedOutbox("olena", storage), storedOutbox("olena", storage)]
    one.put(entry("01"))
    two.put(entry("02"))
    one.remove("01")
    expect(storedOutbox("olena", storage).load()).toEqual([entry("02")])
  })

  test("reads what was left before there were changes", () => {
    const storage = fakeStorage()
    storage.setItem("homin.outbox.olena.01", JSON.stringify({ id: "01", room: "den", text: "hello", writtenAt: 5, failure: null }))
    storage.setItem("homin.outbox.olena.02", JSON.stringify({ id: "02", room: "den", text: "older still" }))
    expect(storedOutbox("olena", storage).load()).toEqual([
      { id: "01", room: "den", writtenAt: 5, failure: null, said: { type: "chat", text: "hello" } },
      { id: "02", room: "den", writtenAt: 0, failure: null, said: { type: "chat", text: "older still" } },
    ])
  })

  test.each<Said>([
    { type: "chat", text: "hello", reply_to: 3 },
    { type: "edit", of: 3, text: "better" },
    { type: "delete", of: 3 },
    { type: "react", of: 3, emoji: "👍", on: false },
    { type: "pin", of: 3, on: true },
  ])("keeps what was said: $type", (said) => {
    const storage = fakeStorage()
    storedOutbox("olena", storage).put({ ...entry("01"), said })
    expect(storedOutbox("olena", storage).load()).toEqual([{ ...entry("01"), said }])
  })

  test.each([{ type: "edit", of: 3 }, { type: "react", of: "3", emoji: "👍", on: true }, { type: "pin", of: 3 }, { type: "delete" }, { type: "other" }, 5, null])(
    "passes over what nobody could send: %j",
    (said) => {
      const storage = fakeStorage()
      storage.setItem("homin.outbox.olena.01", JSON.stringify({ ...entry("01"), said }))
      expect(storedOutbox("olena", storage).load()).toEqual([])
    },
  )

  test("passes over what is not an entry, and lives with a full disk", () => {
    const storage = fakeStorage()
    storage.setItem("homin.outbox.olena.x", "{not json")
    storage.setItem("homin.outbox.olena.y", '{"id":1}')
    storage.setItem = () => {
      throw new DOMException("full", "QuotaExceededError")
    }
    const outbox = storedOutbox("olena", storage)
    outbox.put(entry("01"))
    expect(outbox.load()).toEqual([])
  })
})

describe("what a guest left who comes back under another id", () => {
  const written = (text: string) => {
    const storage = fakeStorage()
    const entry: OutboxEntry = { id: `0${text}`, room: "den", writtenAt: Date.now(), failure: null, said: { type: "chat", text } }
    storedOutbox("u0", storage).put(entry)
    adoptOutbox("u0", "u1", storage)
    store = storedOutbox("u1", storage)
    return { entry, storage }
  }
  const before = { id: "u0", name: "Olena" }

  test("is written by who they are now, and is left to nobody else", () => {
    const { entry, storage } = written("one")
    expect(storedOutbox("u0", storage).load()).toEqual([])
    expect(store.load()).toEqual([{ ...entry, former: ["u0"] }])
    adoptOutbox("u1", "u2", storage)
    expect(storedOutbox("u2", storage).load()).toEqual([{ ...entry, former: ["u0", "u1"] }])
  })

  test("goes out where it was never stored", async () => {
    written("one")
    server.fill("den", 3)
    await begin()
    expect(stored().at(-1)).toBe("one")
    expect(store.load()).toEqual([])
  })

  test("is not sent again where it had been stored before they left", async () => {
    const { entry } = written("one")
    server.say("den", "one", { from: before, id: entry.id })
    await begin()
    expect(server.got("chat")).toEqual([])
    expect(store.load()).toEqual([])
  })

  test("is looked for as far back as it was written, and not sent again where it is found there", async () => {
    const { entry } = written("one")
    server.say("den", "one", { from: before, id: entry.id })
    await pass(3_600_000)
    server.fill("den", 230)
    await begin()
    await pass(1_000)
    expect(server.got("chat")).toEqual([])
    expect(store.load()).toEqual([])
  })

  test("is sent after the search has found nothing", async () => {
    server.fill("den", 200)
    await pass(3_600_000)
    written("one")
    await pass(3_600_000)
    server.fill("den", 230)
    await begin()
    await pass(1_000)
    expect(stored().at(-1)).toBe("one")
    expect(server.got("history").length).toBeGreaterThan(1)
    expect(server.got("history").length).toBeLessThan(8)
  })

  test("is not looked for where it is a change: sent twice, it does nothing", async () => {
    server.fill("den", 200)
    await pass(3_600_000)
    const storage = fakeStorage()
    storedOutbox("u0", storage).put({ id: "01", room: "den", writtenAt: Date.now(), failure: null, said: { type: "pin", of: 200, on: true } })
    adoptOutbox("u0", "u1", storage)
    store = storedOutbox("u1", storage)
    await begin()
    expect(server.got("history")).toEqual([])
    expect(server.messages("den").at(-1)!.pinned).toBe(true)
    expect(store.load()).toEqual([])
  })

  test("is not taken for stored because somebody else says something under its id", async () => {
    const { entry } = written("one")
    server.say("den", "theirs", { id: entry.id })
    await begin()
    expect(stored()).toEqual(["theirs", "one"])
  })
})
