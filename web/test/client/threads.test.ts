/** What a session holds of a thread that somebody looks at: its messages and the one above them, whole and as they are now. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { HeldThread, THREAD_HELD_AT_MOST, THREAD_KEPT } from "../../src/client/held-thread.ts"
import { HeldMessages } from "../../src/client/held-messages.ts"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import { RoomLog } from "../../src/client/room-log.ts"
import type { Session } from "../../src/client/session.ts"
import type { Thread } from "../../src/client/threads.ts"
import { beginWith, pass } from "./beginning.ts"
import { chat, edit, under } from "./entries.ts"
import { FakeServer, refusal, textOf } from "./fake-server.ts"

let server: FakeServer

const begin = (): Promise<Session> => beginWith(server, memoryOutbox(), ["den"])
const open = async (session: Session, root: number): Promise<Thread> => {
  const thread = session.threads.open(session.rooms.get("den")!, root)
  await pass(0)
  return thread
}
const texts = (thread: Thread) => thread.messages.map(textOf)
/** A thread whose root and answers stand far behind what a room is entered with. */
const farThread = (answers: number): void => {
  server.say("den", "root")
  for (let i = 1; i <= answers; i++) server.answer("den", 1, `answer ${i}`)
  server.fill("den", 100)
}

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
})

afterEach(() => void vi.useRealTimers())

describe("a thread that is opened", () => {
  test("is there at once where the room's log has all of it", async () => {
    server.say("den", "root")
    server.answer("den", 1, "one")
    server.say("den", "beside")
    const session = await begin()
    server.cut()
    const thread = session.threads.open(session.rooms.get("den")!, 1)
    expect([texts(thread), thread.rootMessage?.replies?.count, thread.hasOlder]).toEqual([["one"], 1, false])
    expect(server.got("history")).toEqual([])
  })

  test("is asked for where it stands further back, with the message above it", async () => {
    farThread(3)
    const session = await begin()
    const thread = await open(session, 1)
    expect(thread.rootMessage).toEqual(server.messages("den")[0])
    expect(texts(thread)).toEqual(["answer 1", "answer 2", "answer 3"])
    expect(thread.isLoaded).toBe(true)
  })

  test("gets what comes to it, and nothing else", async () => {
    farThread(1)
    const session = await begin()
    const thread = await open(session, 1)
    server.say("den", "beside")
    server.answer("den", 5, "in another thread")
    server.answer("den", 1, "answer 2")
    session.write("den", "mine", undefined, [], 1)
    expect(texts(thread)).toEqual(["answer 1", "answer 2", "mine"])
    expect(thread.rootMessage?.replies).toMatchObject({ count: 3, last_seq: server.log("den").length })
  })

  test("shows what is changed of its messages and of the one above them, although the room's log holds neither", async () => {
    farThread(2)
    const session = await begin()
    const thread = await open(session, 1)
    server.change("den", { type: "edit", of: 2, text: "better" })
    server.change("den", { type: "delete", of: 3 })
    server.change("den", { type: "delete", of: 1 })
    expect(thread.messages).toEqual(server.messages("den").slice(1, 3))
    expect(thread.rootMessage).toMatchObject({ kind: "deleted", replies: { count: 2 } })
  })

  test("says so where there is no message, or where that stands in a thread itself", async () => {
    farThread(1)
    const session = await begin()
    server.change("den", { type: "pin", of: 1, on: true })
    expect((await open(session, server.log("den").length)).refusal?.code).toBe("no_such_message")
    expect((await open(session, 2)).refusal?.code).toBe("forbidden")
  })

  test("brings earlier answers a page at a time, until there are none", async () => {
    farThread(120)
    const session = await begin()
    const thread = await open(session, 1)
    expect([thread.messages.length, texts(thread)[0], thread.hasOlder]).toEqual([50, "answer 71", true])
    await Promise.all([session.threads.older(thread), session.threads.older(thread), pass(0)])
    expect(thread.messages.length).toBe(100)
    await Promise.all([session.threads.older(thread), pass(0)])
    expect([texts(thread)[0], thread.messages.length, thread.hasOlder]).toEqual(["answer 1", 120, false])
  })

  test("is let go when it is closed", async () => {
    farThread(1)
    const session = await begin()
    const thread = await open(session, 1)
    session.threads.close(thread)
    server.answer("den", 1, "answer 2")
    expect(texts(thread)).toEqual(["answer 1"])
  })
})

describe("what was missed", () => {
  test("comes with the room after a time without a connection", async () => {
    farThread(1)
    const session = await begin()
    const thread = await open(session, 1)
    server.cut()
    server.answer("den", 1, "answer 2")
    server.change("den", { type: "edit", of: 2, text: "better" })
    await pass(500)
    expect(texts(thread)).toEqual(["better", "answer 2"])
    expect(thread.rootMessage?.replies?.count).toBe(2)
  })

  test("is asked for anew where the room was far behind; what was there stays until it has come", async () => {
    farThread(2)
    const session = await begin()
    const thread = await open(session, 1)
    server.cut()
    server.change("den", { type: "edit", of: 2, text: "better" })
    for (let i = 0; i < 1500; i++) server.say("den", "much", { lost: true })
    server.answer("den", 1, "answer 3")
    let answer: () => void = () => {}
    server.intercept = (frame) => {
      if (frame.type !== "history" || frame.thread === undefined) return undefined
      server.intercept = () => undefined
      answer = () => server.tell({ type: "history", room: "den", seq: server.log("den").length, more: false, messages: server.messages("den").filter(({ thread: of }) => of === 1), ref: frame.ref! })
      return []
    }
    await pass(500)
    expect(texts(thread)).toEqual(["answer 1", "answer 2"])
    answer()
    await pass(0)
    expect(texts(thread)).toEqual(["better", "answer 2", "answer 3"])
  })

  test("is asked for again where the answer was lost with the connection", async () => {
    farThread(2)
    const session = await begin()
    server.intercept = (frame) => (frame.type === "history" && frame.thread !== undefined ? [] : undefined)
    const thread = await open(session, 1)
    expect(thread.isLoaded).toBe(false)
    server.intercept = () => undefined
    server.cut()
    await pass(500)
    expect(texts(thread)).toEqual(["answer 1", "answer 2"])
  })

  test("begins anew with another store", async () => {
    farThread(2)
    const session = await begin()
    const thread = await open(session, 1)
    server.logs.clear()
    server.epoch = "e2"
    server.say("den", "another root")
    server.cut()
    await pass(500)
    expect([texts(thread), thread.rootMessage && textOf(thread.rootMessage)]).toEqual([[], "another root"])
  })

  test("comes out of the log where a page of the thread was read before it", () => {
    const log = new RoomLog()
    log.joinedFresh([chat(50)], 50, true, 50)
    log.receive(under(1, 51))
    log.receive(edit(52, 51, "better"))
    const thread = log.follow(1)
    log.threadPage(thread, [under(1, 10)], 50, (messages) => thread.newestPage(messages, false))
    expect(thread.messages.map(textOf)).toEqual(["text 10", "better"])
  })
})

describe("a message that is written into a thread", () => {
  test("goes out as such, keeps its place, and outlives the page", async () => {
    const store = memoryOutbox()
    server.say("den", "root")
    const session = await beginWith(server, store, ["den"])
    server.cut()
    session.write("den", "one", undefined, [], 1)
    session.write("den", "two")
    session.write("den", "three", 2, [], 1)
    expect(store.load().map(({ said }) => said)).toEqual([{ type: "chat", text: "one", thread: 1 }, { type: "chat", text: "two" }, { type: "chat", text: "three", reply_to: 2, thread: 1 }])
    session.stop()
    await beginWith(server, store, [])
    await pass(500)
    expect(server.messages("den").slice(1).map((message) => [textOf(message), message.thread])).toEqual([["one", 1], ["two", undefined], ["three", 1]])
  })

  test("keeps its words where the server refuses it", async () => {
    server.say("den", "root")
    const session = await begin()
    server.intercept = (frame) => (frame.type === "chat" ? [refusal("no_such_message", frame.id)] : undefined)
    session.write("den", "one", undefined, [], 1)
    expect(session.outbox.of("den")).toMatchObject([{ said: { text: "one", thread: 1 }, failure: { code: "no_such_message" } }])
  })

  test("does not go under another message where the store went back: its words stay, apart from the thread", async () => {
    server.say("den", "root")
    const session = await begin()
    server.cut()
    session.write("den", "one", undefined, [], 1)
    server.logs.clear()
    server.epoch = "e2"
    server.say("den", "another root")
    await pass(500)
    expect(session.outbox.of("den")).toMatchObject([{ said: { type: "chat", text: "one" }, failure: { code: "no_such_message" } }])
    expect(session.outbox.of("den")[0]!.said).not.toHaveProperty("thread")
  })
})

describe("a long thread", () => {
  const filled = (reader: number | null): HeldThread => {
    const thread = new HeldThread(1, new HeldMessages())
    thread.newestPage([], false)
    thread.reader = reader
    for (let seq = 2; seq < 2 + 5 * THREAD_HELD_AT_MOST; seq++) thread.take(under(1, seq))
    return thread
  }

  test("is held as far as its newest messages, where nobody reads above them", () => {
    const thread = filled(null)
    expect(thread.messages.length).toBeGreaterThanOrEqual(THREAD_KEPT)
    expect(thread.messages.length).toBeLessThanOrEqual(THREAD_HELD_AT_MOST)
    expect([thread.hasOlder, thread.end, thread.messages.at(-1)!.seq]).toEqual([true, null, 1 + 5 * THREAD_HELD_AT_MOST])
    thread.take(under(1, 2))
    expect(thread.messages[0]!.seq, "what was let go comes back by pages alone").toBeGreaterThan(2)
  })

  test("is held around the reader, who reads on to the newest page after page", () => {
    const thread = filled(100)
    expect(thread.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: THREAD_KEPT }, (_, i) => 2 + i))
    expect(thread.end).toBe(1 + THREAD_KEPT)
    thread.pageAfter([under(1, thread.end! + 1), under(1, thread.end! + 2)], false)
    expect(thread.end).toBeNull()
    thread.take(under(1, 9_000))
    expect(thread.messages.at(-1)!.seq).toBe(9_000)
  })
})
