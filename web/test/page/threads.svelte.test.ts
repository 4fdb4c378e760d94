/** A thread as the page holds it: what is drawn of it, what is written there, and how somebody is led to what is said in it. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { AccountCalls } from "../../src/client/accounts.ts"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { Acts } from "../../src/model/acts.svelte.ts"
import { Chat } from "../../src/model/chat.svelte.ts"
import { Leap } from "../../src/model/leap.svelte.ts"
import type { ThreadView } from "../../src/model/thread-view.svelte.ts"
import { pass } from "../client/beginning.ts"
import { FakeServer, refusal, textOf } from "../client/fake-server.ts"
import { OLENA } from "../client/fake-socket.ts"

/** So many answers stand under the first message, far above what the room comes with. */
const ANSWERS = 60

let server: FakeServer
let chat: Chat

vi.mock("../../src/client/socket.ts", async (original) => {
  const { FakeNetwork } = await import("../client/fake-socket.ts")
  return { ...(await original<object>()), browserSocket: () => server.listener.open, browserNetwork: () => new FakeNetwork() }
})

beforeEach(async () => {
  vi.useFakeTimers()
  vi.stubGlobal("HTMLTextAreaElement", class {})
  server = new FakeServer()
  server.members.add("kyiv")
  server.say("kyiv", "root", { lost: true })
  for (let i = 1; i <= ANSWERS; i++) server.answer("kyiv", 1, `answer ${i}`, { lost: true })
  server.fill("kyiv", 200)
  server.readMarks.set("kyiv", server.log("kyiv").length)
  chat = new Chat({ token: "t", expiresAt: Date.now() + 3_600_000, user: { ...OLENA, guest: false } }, {} as AccountCalls, () => {})
  await pass(0)
  chat.show("kyiv")
  await pass(1_000)
})

afterEach(() => {
  chat.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const open = async (root: number): Promise<ThreadView> => {
  chat.showThread(root)
  await pass(100)
  return chat.thread!
}
const texts = (view: ThreadView) => view.drawn.messages.map(textOf)
const write = (view: ThreadView, text: string) => {
  view.draft = text
  chat.send(view)
}

describe("a thread that is open", () => {
  test("shows the message above and the newest under it, and what comes", async () => {
    const view = await open(1)
    expect([view.drawn.root && textOf(view.drawn.root), texts(view).length, view.drawn.hasOlder]).toEqual(["root", 50, true])
    server.answer("kyiv", 1, "fresh")
    await pass(100)
    expect(texts(view).at(-1)).toBe("fresh")
    expect(view.drawn.unread).toBe(1)
  })

  test("is another object where another is opened, and is gone with its room", async () => {
    const first = await open(1)
    expect(await open(1)).toBe(first)
    expect(await open(70)).not.toBe(first)
    chat.show("lviv")
    chat.showThread(null)
    expect(chat.thread).toBeNull()
  })

  test("shows an edit before it is stored, of the message above as well", async () => {
    server.say("kyiv", "mine", { from: OLENA })
    await pass(100)
    const mine = server.log("kyiv").length
    const view = await open(mine)
    server.intercept = ({ type }) => (type === "edit" ? [] : undefined)
    const acts = new Acts(chat, view, () => {})
    acts.edit(view.drawn.root!)
    view.editing!.text = "better"
    acts.saveEdit()
    await pass(100)
    expect(textOf(view.drawn.root!)).toBe("better")
    expect(view.drawn.changes).toHaveLength(1)
    expect(chat.current!.editing, "the room's own field stays shut").toBeNull()
  })
})

describe("what is written there", () => {
  test("goes out into the thread, waits in the thread, and the room knows of it", async () => {
    const view = await open(1)
    server.intercept = ({ type }) => (type === "chat" ? [] : undefined)
    write(view, "on its way")
    await pass(100)
    expect(server.got("chat")).toEqual([expect.objectContaining({ text: "on its way", thread: 1 })])
    expect([view.draft, view.drawn.pending.length, chat.current!.drawn.pending.length]).toEqual(["", 1, 1])
    server.intercept = () => undefined
    await pass(30_000)
    expect([texts(view).at(-1), view.drawn.pending]).toEqual(["on its way", []])
  })

  test("may be refused, and waits there with its words", async () => {
    const view = await open(1)
    server.intercept = (frame) => (frame.type === "chat" ? [refusal("forbidden", frame.id)] : undefined)
    write(view, "no")
    await pass(100)
    expect(view.drawn.pending).toMatchObject([{ said: { text: "no" }, failure: { code: "forbidden" } }])
  })

  test("is kept half written for each thread by itself", async () => {
    const view = await open(1)
    view.draft = "half of"
    chat.current!.draft = "in the room"
    expect((await open(70)).draft).toBe("")
    expect((await open(1)).draft).toBe("half of")
    expect([chat.current!.draft, chat.unsent.drafts]).toEqual(["in the room", 2])
  })

  test("goes to the room where the store went back, and its thread is no more", async () => {
    const view = await open(1)
    view.draft = "half of"
    server.logs.clear()
    server.epoch = "e2"
    server.say("kyiv", "another")
    server.cut()
    await pass(1_000)
    expect([view.draft, chat.current!.draft]).toEqual(["", "half of"])
    expect(view.inRoom.drawn.stores).not.toBe(view.stores)
  })
})

test("a message further back in a thread is reached page by page", async () => {
  const view = await open(1)
  const leap = new Leap(chat, view)
  const reached = leap.to(2)
  await pass(1_000)
  await reached
  expect([leap.wanted, texts(view)[0]]).toEqual([2, "answer 1"])
  void leap.to(150)
  await pass(100)
  expect([leap.wanted, chat.notice.now], "it is not said there").toEqual([null, "too_far_back"])
})

test("how many answers there are is said with the right form of the word", () => {
  expect([1, 2, 5, 11, 21, 102].map(uk.replies)).toEqual(["1 відповідь", "2 відповіді", "5 відповідей", "11 відповідей", "21 відповідь", "102 відповіді"])
  expect([1, 2].map(en.replies)).toEqual(["1 reply", "2 replies"])
})
