import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { type FileEntry, FileQueue, type FileQueuePorts } from "../../src/client/file-queue.ts"
import type { FilePlace, FileStore, KeptFile } from "../../src/client/file-store.ts"
import { HttpProblem, problemOf } from "../../src/client/http.ts"
import { SignInNeeded } from "../../src/client/tokens.ts"
import { Unreadable, type UploadRequest } from "../../src/client/upload.ts"
import { pass } from "./beginning.ts"
import { numberedTokens } from "./fake-socket.ts"

/** A server that takes four files of one person at once, stores each for a second, and refuses more as services/files does. */
class FakeUploads {
  readonly stored: string[] = []
  readonly asked: string[] = []
  readonly cancelled: string[] = []
  atOnce = 0
  most = 0
  places = 4
  /** What becomes of a request instead; undefined: as usual. */
  refuse: (name: string) => Error | undefined = () => undefined

  readonly upload = ({ file, id, onProgress }: UploadRequest) => {
    this.asked.push(file.name)
    this.most = Math.max(this.most, ++this.atOnce)
    const full = this.atOnce > this.places ? rateLimited(1) : this.refuse(file.name)
    let cancel = () => {}
    const done = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        if (full) return reject(full)
        onProgress(10, 10)
        if (!this.stored.includes(file.name)) this.stored.push(file.name)
        resolve()
      }, full ? 0 : 1000)
      cancel = () => {
        clearTimeout(timer)
        this.cancelled.push(id)
        reject(new DOMException("cancelled", "AbortError"))
      }
    }).finally(() => (this.atOnce -= 1))
    return { done, cancel }
  }
}

/** Keeps `bound` bytes over the lives of pages. */
class FakeFileStore implements FileStore {
  readonly kept = new Map<string, KeptFile>()
  #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  load = async (): Promise<KeptFile[]> => [...this.kept.values()].sort((one, other) => (one.id < other.id ? -1 : 1))

  add = async (file: KeptFile): Promise<boolean> => {
    await Promise.resolve() // as in a database, it is done only later
    const used = [...this.kept.values()].reduce((sum, { file: { size } }) => sum + size, 0)
    if (used + file.file.size > this.#bound) return false
    this.kept.set(file.id, file)
    return true
  }

  change = (id: string, place: FilePlace): void => {
    const kept = this.kept.get(id)
    if (kept) this.kept.set(id, { ...kept, ...place })
  }

  remove = (id: string): void => void this.kept.delete(id)
  release = (): void => {}
}

const rateLimited = (seconds: number) => problemOf(429, '{"code":"rate_limited"}', String(seconds))
const cut = () => new HttpProblem(0, null, "the connection broke")
const files = (...names: string[]) => names.map((name) => new File(["x"], name))
const eight = Array.from({ length: 8 }, (_, i) => `${i + 1}.txt`)
const phases = (queue: FileQueue) => queue.entries.map(({ state }) => state.phase)
const named = (queue: FileQueue, name: string): FileEntry => queue.entries.find(({ file }) => file.name === name)!

let server: FakeUploads
let joined: Set<string>
let texts: Set<string>
let store: FakeFileStore
let queue: FileQueue
/** The ids that the rooms' logs hold. */
let logged: Set<string>

const newQueue = (other: Partial<FileQueuePorts> = {}) =>
  new FileQueue({
    tokens: numberedTokens(),
    upload: server.upload,
    isJoined: (room) => joined.has(room),
    isWaiting: (id) => texts.has(id),
    isStored: (_room, id) => logged.has(id),
    random: () => 0,
    store,
    ...other,
  })

const give = (room: string, given: File[]) => {
  queue.hold(room, given)
  queue.send(room, null)
}

beforeEach(() => {
  texts = new Set()
  logged = new Set()
  store = new FakeFileStore(100)
  vi.useFakeTimers()
  server = new FakeUploads()
  joined = new Set(["den", "hall", "attic"])
  queue = newQueue()
})
afterEach(() => {
  queue.stop()
  vi.useRealTimers()
})

describe("files that are given together", () => {
  test("all arrive, in their order", async () => {
    give("den", files(...eight))
    await pass(20_000)
    expect(server.stored).toEqual(eight)
    expect(phases(queue)).not.toContain("failed")
  })

  test("keep their order whatever is refused for a time in between", async () => {
    let asked = 0
    server.refuse = () => (++asked % 2 === 1 ? rateLimited(2) : undefined)
    give("den", files(...eight))
    await pass(60_000)
    expect(server.stored).toEqual(eight)
  })

  test("are a bounded number of requests at once, over all rooms", async () => {
    for (const room of joined) give(room, files(...eight.map((name) => room + name)))
    await pass(60_000)
    expect(server.stored).toHaveLength(24)
    expect(server.most).toBe(2)
  })

  test("of one room that waits do not hold up another's", async () => {
    joined.delete("den")
    give("den", files("waits"))
    give("hall", files("goes"))
    await pass(2_000)
    expect(server.stored).toEqual(["goes"])
  })
})

describe("a refusal that ends by itself", () => {
  test.each(["rate_limited", "overloaded", "unavailable"])("%s is waited out for the time that the server names, and not less", async (code) => {
    let refusals = 9
    server.refuse = () => (refusals-- > 0 ? problemOf(503, JSON.stringify({ code }), "7") : undefined)
    give("den", files("a"))
    await pass(6_999)
    expect(server.asked).toHaveLength(1)
    expect(queue.entries[0]!.state).toEqual({ phase: "waiting", until: "server" })
    await pass(1)
    expect(server.asked).toHaveLength(2)
    await pass(70_000)
    expect(server.stored).toEqual(["a"])
  })

  test.each([429, 502, 503, 504])("is also %i from something in between, which names no time", async (status) => {
    let refusals = 3
    server.refuse = () => (refusals-- > 0 ? problemOf(status, "<html>") : undefined)
    give("den", files("a"))
    await pass(60_000)
    expect(server.stored).toEqual(["a"])
  })

  test("to one room lets no other room ask sooner", async () => {
    server.refuse = (name) => (name === "first" && server.asked.length === 1 ? rateLimited(5) : undefined)
    give("den", files("first"))
    await pass(0)
    give("hall", files("second"))
    await pass(4_999)
    expect(server.asked).toEqual(["first"])
    await pass(3_000)
    expect(server.stored).toEqual(["first", "second"])
  })
})

describe("a request that comes to nothing", () => {
  test("and is refused for good fails with the server's code, lets the next go, and is not sent again by itself", async () => {
    server.refuse = (name) => (name === "big" ? problemOf(413, '{"code":"too_large"}') : undefined)
    give("den", files("big", "small"))
    await pass(60_000)
    expect(named(queue, "big").state).toMatchObject({ phase: "failed", error: { code: "too_large" } })
    expect(server.asked).toEqual(["big", "small"])
    server.refuse = () => undefined
    queue.retry(named(queue, "big").id)
    await pass(1_000)
    expect(server.stored).toEqual(["small", "big"])
  })

  test("because the connection broke is made again, with the same id", async () => {
    const ids: string[] = []
    const upload = (request: UploadRequest) => (ids.push(request.id), server.upload(request))
    queue = newQueue({ upload })
    let breaks = 2
    server.refuse = () => (breaks-- > 0 ? cut() : undefined)
    give("den", files("a"))
    await pass(10_000)
    expect(server.stored).toEqual(["a"])
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(3)
  })

  test("waits while there is no connection, and goes when there is one", async () => {
    server.refuse = () => (joined.clear(), cut())
    give("den", files("a"))
    await pass(60_000)
    expect(server.asked).toHaveLength(1)
    expect(queue.entries[0]!.state).toEqual({ phase: "waiting", until: "connection" })
    server.refuse = () => undefined
    joined.add("den")
    queue.connected()
    queue.flush()
    await pass(1_000)
    expect(server.stored).toEqual(["a"])
  })

  test("again and again while the server is there is told in the end, and made again on the next connection", async () => {
    server.refuse = cut
    give("den", files("a"))
    await pass(300_000)
    expect(queue.entries[0]!.state.phase).toBe("failed")
    expect(server.asked).toHaveLength(5)
    server.refuse = () => undefined
    queue.connected()
    await pass(1_000)
    expect(server.stored).toEqual(["a"])
  })

  test("for want of a sign-in waits for it", async () => {
    const tokens = { current: () => Promise.reject(new SignInNeeded("over")), renew: () => Promise.reject(new SignInNeeded("over")) }
    queue = newQueue({ tokens })
    give("den", files("a"))
    await pass(60_000)
    expect(queue.entries[0]!.state).toEqual({ phase: "waiting", until: "connection" })
  })
})

test("what cannot be read is said so, is not tried again by itself, and lets the next go", async () => {
  server.refuse = (name) => (name === "gone" ? new Unreadable("file") : undefined)
  queue.hold("den", files("gone", "b"), files("a folder"))
  queue.send("den", null)
  await pass(10_000)
  queue.connected()
  await pass(10_000)
  expect(queue.entries.map(({ file, state }) => [file.name, state.phase === "failed" && (state.error as Unreadable).what])).toEqual([["gone", "file"], ["a folder", "folder"]])
  expect(server.asked).toEqual(["gone", "b"])
})

test("a file that is given up is cut off, and the next goes", async () => {
  give("den", files("a", "b"))
  await pass(500)
  const { id } = named(queue, "a")
  queue.drop(id)
  await pass(1_000)
  expect(server.cancelled).toEqual([id])
  expect(server.stored).toEqual(["b"])
})

test("a card goes with the message, and after a while without it", async () => {
  give("den", files("a", "b"))
  await pass(2_000)
  expect(phases(queue)).toEqual(["stored", "stored"])
  queue.acknowledged(named(queue, "a").id)
  expect(queue.entries).toHaveLength(1)
  await pass(15_000)
  expect(queue.entries).toEqual([])
})

describe("a file that is held", () => {
  test("goes when it is sent, and not before", async () => {
    queue.hold("den", files("a"))
    queue.flush()
    await pass(60_000)
    expect(server.asked).toEqual([])
    queue.send("hall", null)
    expect(phases(queue)).toEqual(["held"])
    queue.send("den", null)
    await pass(1_000)
    expect(server.stored).toEqual(["a"])
  })

  test("can be taken away again", async () => {
    queue.hold("den", files("a", "b"))
    queue.drop(named(queue, "a").id)
    queue.send("den", null)
    await pass(5_000)
    expect(server.stored).toEqual(["b"])
  })

  test("stands behind the words that were sent beside it", async () => {
    texts.add("t1")
    queue.hold("den", files("a", "b"))
    queue.send("den", "t1")
    await pass(60_000)
    expect(server.asked).toEqual([])
    texts.delete("t1")
    queue.flush()
    await pass(5_000)
    expect(server.stored).toEqual(["a", "b"])
  })

  test("goes along where what was written for one room goes to another, behind the same words", async () => {
    joined.delete("attic")
    texts.add("t2")
    queue.hold("attic", files("sent"))
    queue.send("attic", "t1")
    queue.hold("attic", files("held"))
    queue.move("attic", "den", new Map([["t1", "t2"]]))
    expect(queue.entries.map(({ room, behind, state }) => [room, behind, state.phase])).toEqual([["den", "t2", "waiting"], ["den", null, "held"]])
    texts.delete("t2")
    queue.flush()
    await pass(5_000)
    expect(server.stored).toEqual(["sent"])
  })
})

describe("what a page leaves behind", () => {
  const nextPage = async () => {
    queue.stop()
    queue = newQueue()
    return await queue.restore()
  }

  test("is held, or goes out, as it was, with the same id and in the same order", async () => {
    joined.delete("den")
    queue.hold("den", files("1", "2"))
    queue.send("den", "t1")
    await pass(0)
    queue.hold("hall", files("held"))
    await pass(0)
    const ids = queue.entries.map(({ id }) => id)
    expect(await nextPage()).toEqual(["den", "den"])
    expect(queue.entries.map(({ id, behind, kept, state }) => [id, behind, kept, state.phase])).toEqual([
      [ids[0], "t1", true, "waiting"],
      [ids[1], "t1", true, "waiting"],
      [ids[2], null, true, "held"],
    ])
    joined.add("den")
    queue.flush()
    await pass(5_000)
    expect(server.stored).toEqual(["1", "2"])
    expect(await store.load()).toMatchObject([{ id: ids[2] }])
  })

  test("is not what was sent, taken away, or left with its room", async () => {
    queue.hold("den", files("sent"))
    queue.send("den", null)
    queue.hold("hall", files("away"))
    queue.drop(named(queue, "away").id)
    queue.hold("attic", files("left"))
    await pass(2_000)
    queue.forget("attic")
    expect(store.kept.size).toBe(0)
    expect(await nextPage()).toEqual([])
  })

  test("is what broke off under way", async () => {
    queue.hold("den", files("a"))
    queue.send("den", null)
    await pass(500)
    await nextPage()
    await pass(1_000)
    expect(server.asked).toEqual(["a", "a"])
    expect(server.stored).toEqual(["a"])
  })

  test("is not sent again where the room has it: its page went before it was told", async () => {
    joined.delete("den")
    give("den", files("stored", "not yet"))
    await pass(0)
    logged.add(named(queue, "stored").id)
    await nextPage()
    joined.add("den")
    queue.flush()
    await pass(5_000)
    expect(server.asked).toEqual(["not yet"])
    expect(phases(queue)).toEqual(["stored"])
    expect(store.kept.size).toBe(0)
  })

  test("leaves no card where its message came before the answer to the request", async () => {
    give("den", files("a"))
    await pass(500)
    logged.add(named(queue, "a").id)
    await pass(1_000)
    expect(server.stored).toEqual(["a"])
    expect(queue.entries).toEqual([])
  })

  test("is bounded, and what is past the bound is named", async () => {
    queue.hold("den", [new File(["x".repeat(60)], "kept"), new File(["x".repeat(60)], "too much")])
    expect(queue.unkept).toHaveLength(2)
    await pass(0)
    expect(queue.unkept.map(({ file, kept }) => [file.name, kept])).toEqual([["too much", false]])
    queue.send("den", null)
    await pass(5_000)
    expect(queue.unkept).toEqual([])
  })
})
