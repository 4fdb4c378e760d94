/** Whom messages mention, of what one is alerted, and what one's own log tells of that. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { fold } from "../../src/client/fold.ts"
import { memoryOutbox, storedOutbox } from "../../src/client/outbox-store.ts"
import type { Session } from "../../src/client/session.ts"
import type { ChatMessage, Message } from "../../src/client/wire.ts"
import { beginWith, pass } from "./beginning.ts"
import { chat, edit, remove } from "./entries.ts"
import { FakeServer, refusal } from "./fake-server.ts"
import { OLENA, TARAS } from "./fake-socket.ts"

const ME = "~me.u1"
const ME_MENTIONED = { mentions: [OLENA.id] }

let server: FakeServer
const begin = (...rooms: string[]): Promise<Session> => beginWith(server, memoryOutbox(), rooms)

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  server.me = ME
})
afterEach(() => void vi.useRealTimers())

test("a room that was entered in another window is listed, and entered here, as soon as somebody calls there", async () => {
  const session = await begin()
  server.say("hall", "@Олена")
  server.members.add("hall")
  server.notify("mention", { room: "hall", of: 1, why: "mention" })
  await pass(100)
  expect(session.rooms.get("hall")).toMatchObject({ joined: true, summary: { room: "hall" } })
})

describe("a message", () => {
  const mentioning = (message: Message) => (message.kind === "chat" ? message.mentions : "none left")

  test("mentions whom its last edit mentions, and nobody else", () => {
    const message = { ...chat(1), mentions: ["a", "b"] }
    expect(mentioning(fold(message, { ...edit(2, 1, "c, b"), mentions: ["c", "b"] } as never))).toEqual(["b", "c"])
    expect(fold(message, edit(2, 1, "nobody"))).not.toHaveProperty("mentions")
    expect(fold(message, remove(2, 1))).not.toHaveProperty("mentions")
  })

  test("stays the same object where an edit says what it holds already", () => {
    const message = { ...chat(1), edited_at: edit(2, 1).at, mentions: ["a"] }
    expect(fold(message, { ...edit(2, 1, message.text), mentions: ["a"] } as never)).toBe(message)
    expect(fold(message, edit(2, 1, message.text))).not.toBe(message)
  })

  test("is sent with whom it mentions, and so is an edit", async () => {
    const session = await begin("den")
    session.write("den", "@Taras", undefined, [TARAS.id])
    session.write("den", "nobody")
    await pass(0)
    session.edit("den", 1, "@Taras!", [TARAS.id])
    await pass(0)
    expect(server.got("chat").map(({ mentions }) => mentions)).toEqual([[TARAS.id], undefined])
    expect(server.got("edit")[0]!.mentions).toEqual([TARAS.id])
    expect((session.rooms.get("den")!.log.at(1) as ChatMessage).mentions).toEqual([TARAS.id])
  })

  test("that waits keeps them over a reload, and when the store went back", () => {
    const kept = new Map<string, string>()
    const storage = { get length() { return kept.size }, key: (i: number) => [...kept.keys()][i] ?? null, getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) } as Storage
    const entry = (id: string, said: object) => storage.setItem(`homin.outbox.u1.${id}`, JSON.stringify({ id, room: "den", said }))
    entry("1", { type: "chat", text: "@Taras", mentions: [TARAS.id] })
    entry("2", { type: "edit", of: 1, text: "@Taras", mentions: [1] })
    expect(storedOutbox("u1", storage).load().map(({ said }) => said)).toEqual([{ type: "chat", text: "@Taras", mentions: [TARAS.id] }])
  })
})

describe("of what one is alerted", () => {
  const level = (session: Session) => session.rooms.get("den")!.level

  beforeEach(() => void server.members.add("den"))

  test("is all, until it is set; the list of rooms tells it", async () => {
    expect(level(await begin())).toBe("all")
    server.levels.set("den", "mentions")
    expect(level(await begin())).toBe("mentions")
  })

  test("is set by one device and heard by the others", async () => {
    const session = await begin("den")
    await session.deeds.alertOf("den", "none")
    expect([level(session), server.levels.get("den")]).toEqual(["none", "none"])
    server.tell({ type: "notify", room: "den", level: "mentions" })
    expect(level(session)).toBe("mentions")
  })

  test("waits for a connection, and is told as it is refused", async () => {
    const session = await begin("den")
    server.cut()
    const done = session.deeds.alertOf("den", "none")
    await pass(5_000)
    await done
    expect(server.levels.get("den")).toBe("none")
    server.intercept = (frame) => (frame.type === "notify" ? [refusal("forbidden")] : undefined)
    await expect(session.deeds.alertOf("den", "all")).rejects.toThrow()
    expect(level(session)).toBe("none")
  })

  test("is not taken back by a list of rooms that was read before", async () => {
    const session = await begin("den")
    const old = await new Promise<Parameters<typeof server.tell>[0]>((resolve) => {
      server.intercept = (frame) => {
        if (frame.type !== "rooms") return undefined
        resolve({ type: "rooms", rooms: [{ room: "den", seq: 0, read_seq: 0, unread: 0, members: 2 }], ...(frame.ref && { ref: frame.ref }) })
        return []
      }
      server.cut()
      void pass(5_000)
    })
    await pass(1_000)
    server.tell({ type: "notify", room: "den", level: "none" })
    server.tell(old)
    await pass(0)
    expect(level(session)).toBe("none")
  })
})

describe("one's own log", () => {
  test("holds mentions as messages; those that were read where they were said, and direct ones, are not unread", async () => {
    server.members.add("den").add(ME)
    const session = await begin()
    server.say("den", "@Olena", ME_MENTIONED)
    server.notify("mention", { room: "den", of: 1, why: "mention" })
    server.notify("mention", { room: "~d.1", of: 1, why: "direct" })
    server.notify("mention", { room: "den", of: 2, why: "reply" })
    expect(session.own!.log.messages).toHaveLength(3)
    expect(session.own!.unread).toBe(2)
    session.saw("den", [1])
    expect(session.own!.unread).toBe(1)
  })

  test("is read by itself where fifty stand in it at which nobody has to look, up to the first that is new", async () => {
    server.members.add(ME)
    const session = await begin()
    await pass(0)
    for (let i = 0; i < 49; i++) server.notify("mention", { room: "~d.1", of: i + 1, why: "direct" })
    await pass(1_000)
    expect(server.readMarks.get(ME) ?? 0).toBe(0)
    server.notify("mention", { room: "~d.1", of: 50, why: "direct" })
    server.notify("mention", { room: "den", of: 50, why: "mention" })
    for (let i = 0; i < 60; i++) server.notify("mention", { room: "~d.1", of: i + 60, why: "direct" })
    await pass(1_000)
    expect(server.readMarks.get(ME)).toBe(50)
    expect(session.own!.unread).toBe(1)
  })
})
