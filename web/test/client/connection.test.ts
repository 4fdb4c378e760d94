import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { Connection, type ConnectionState } from "../../src/client/connection.ts"
import { problemOf } from "../../src/client/http.ts"
import { SignInNeeded, type TokenSource } from "../../src/client/tokens.ts"
import type { ServerFrame } from "../../src/client/wire.ts"
import { FakeListener, FakeNetwork, numberedTokens, welcome } from "./fake-socket.ts"

let listener: FakeListener
let network: FakeNetwork
let states: ConnectionState[]

const make = (tokens: TokenSource = numberedTokens(), random = () => 0): Connection => {
  const connection = new Connection({ open: listener.open, tokens, network, random })
  connection.states.on((state) => states.push(state))
  return connection
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

const connected = async (...args: Parameters<typeof make>): Promise<Connection> => {
  const connection = make(...args)
  connection.start()
  await pass(0)
  listener.last.accept()
  listener.last.say(welcome())
  return connection
}

beforeEach(() => {
  vi.useFakeTimers()
  listener = new FakeListener()
  network = new FakeNetwork()
  states = []
})

afterEach(() => void vi.useRealTimers())

describe("opening", () => {
  test("the first frame is auth with the token, and nothing is sent before welcome", async () => {
    const connection = make()
    connection.start()
    await pass(0)
    listener.last.accept()
    expect(connection.send({ type: "ping" })).toBe(false)
    expect(listener.last.sent).toEqual([{ type: "auth", token: "token-1" }])
    listener.last.say(welcome())
    expect(connection.state.phase).toBe("open")
    expect(connection.send({ type: "ping" })).toBe(true)
  })

  test("a server that does not welcome within ten seconds is left and tried again", async () => {
    make().start()
    await pass(0)
    listener.last.accept()
    await pass(10_000)
    expect(listener.sockets[0]!.closedWith).not.toBeNull()
    await pass(500)
    expect(listener.sockets).toHaveLength(2)
  })

  test("a lid that is closed before the welcome is no silence of the server's: it is waited for once more", async () => {
    const connection = make()
    connection.start()
    await pass(0)
    listener.last.accept()
    vi.setSystemTime(Date.now() + 3_600_000)
    await pass(10_000)
    listener.last.say(welcome())
    expect(connection.state.phase).toBe("open")
    expect(listener.sockets).toHaveLength(1)
  })

  test("where the server that gives tokens names a time, it is asked no sooner", async () => {
    let asked = 0
    const current = () => (++asked === 1 ? Promise.reject(problemOf(503, '{"code":"unavailable"}', "20")) : Promise.resolve({ token: "t", expiresAt: Date.now() + 1e6 }))
    make({ current, renew: current }).start()
    await pass(19_999)
    expect(asked).toBe(1)
    await pass(1)
    expect(asked).toBe(2)
  })

  test("where `auth` is refused for a time, that time is kept", async () => {
    make().start()
    await pass(0)
    listener.last.accept()
    listener.last.say({ type: "error", code: "unavailable", text: "x", retryable: true, retry_after_ms: 8000 })
    listener.last.drop(1011)
    await pass(7_999)
    expect(listener.sockets).toHaveLength(1)
    await pass(1)
    expect(listener.sockets).toHaveLength(2)
  })

  test("without a token to be had the connection ends as not authenticated, and does not try again", async () => {
    const refuse = () => Promise.reject(new SignInNeeded("no token"))
    const connection = make({ current: refuse, renew: refuse })
    connection.start()
    await pass(120_000)
    expect(connection.state).toMatchObject({ phase: "ended", code: 4501 })
    expect(listener.sockets).toHaveLength(0)
  })

  test("a token that cannot be fetched just now is asked for again", async () => {
    const tokens = numberedTokens()
    const current = vi.fn().mockRejectedValueOnce(new TypeError("no network")).mockImplementation(tokens.current)
    make({ ...tokens, current }).start()
    await pass(500)
    expect(listener.sockets).toHaveLength(1)
  })

  test("text that is not a frame is passed over", async () => {
    const connection = await connected()
    const seen: ServerFrame[] = []
    connection.frames.on((frame) => seen.push(frame))
    for (const data of ["", "{", "null", "7", '{"type":7}', new ArrayBuffer(2)]) listener.last.onmessage?.({ data })
    expect(seen).toEqual([])
    expect(connection.state.phase).toBe("open")
  })
})

describe("coming back", () => {
  test.each([1001, 1002, 1006, 1007, 1011, 1012, 4000, 4001, 4002, 4003, 4004, 4499])("after close code %i it reconnects", async (code) => {
    const connection = await connected()
    listener.last.drop(code)
    expect(connection.state.phase).toBe("waiting")
    await pass(30_000)
    expect(listener.sockets.length).toBeGreaterThan(1)
  })

  test.each([4500, 4501, 4502, 4503, 4504, 4999])("after close code %i it never reconnects", async (code) => {
    const connection = await connected()
    listener.last.drop(code)
    network.plug(false)
    network.plug(true)
    network.wake()
    await pass(3_600_000)
    expect(connection.state).toMatchObject({ phase: "ended", code })
    expect(listener.sockets).toHaveLength(1)
  })

  test.each([false, true])("4501 before the welcome is final only when the token was refused (%s)", async (refused) => {
    const connection = make()
    connection.start()
    await pass(0)
    listener.last.accept()
    const error = { type: "error", code: "unauthorized", text: "No.", retryable: false }
    if (refused) listener.last.onmessage?.({ data: JSON.stringify(error) })
    listener.last.drop(4501)
    expect(connection.state.phase).toBe(refused ? "ended" : "waiting")
  })

  test("waits are drawn from half a second up to a ceiling that doubles to thirty seconds", async () => {
    const connection = make(numberedTokens(), () => 1)
    connection.start()
    const waits: number[] = []
    for (let attempt = 0; attempt < 9; attempt++) {
      await pass(0)
      listener.last.drop(1006)
      if (connection.state.phase !== "waiting") throw new Error(`it does not wait but is ${connection.state.phase}`)
      waits.push(connection.state.retryAt - Date.now())
      await pass(waits.at(-1)!)
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000])
  })

  test("a connection that was steady begins the back-off anew, one that was not does not", async () => {
    const connection = await connected(numberedTokens(), () => 1)
    const waitAfter = async (openMs: number) => {
      await pass(openMs / 2)
      listener.last.say({ type: "pong" })
      await pass(openMs / 2)
      listener.last.drop(4003)
      if (connection.state.phase !== "waiting") throw new Error("it does not wait")
      const wait = connection.state.retryAt - Date.now()
      await pass(wait)
      listener.last.accept()
      listener.last.say(welcome())
      return wait
    }
    expect(await waitAfter(1_000)).toBe(1000)
    expect(await waitAfter(1_000)).toBe(2000)
    expect(await waitAfter(40_000)).toBe(1000)
  })

  test("the reconnect frame is obeyed: not before after_ms, and then even if the server has not closed", async () => {
    await connected()
    listener.last.say({ type: "reconnect", after_ms: 20_000 })
    listener.last.drop(4001)
    expect(states.at(-1)).toMatchObject({ phase: "waiting", cause: "restart", retryAt: Date.now() + 20_000 })
    await pass(19_999)
    expect(listener.sockets).toHaveLength(1)
    await pass(1)
    listener.last.accept()
    listener.last.say(welcome())
    listener.last.say({ type: "reconnect", after_ms: 3_000 })
    await pass(3_000)
    expect(listener.sockets).toHaveLength(3)
    expect(listener.sockets[1]!.closedWith).not.toBeNull()
  })

  test("of two clients told to come back after the same time, the jitter parts them", async () => {
    const waits: number[] = []
    for (const random of [0.1, 0.9]) {
      await connected(numberedTokens(), () => random)
      listener.last.say({ type: "reconnect", after_ms: 10_000 })
      listener.last.drop(4001)
      const state = states.at(-1)!
      if (state.phase !== "waiting") throw new Error("it does not wait")
      waits.push(state.retryAt - Date.now())
    }
    expect(waits).toEqual([11_000, 19_000])
  })

  test("stop ends it for good", async () => {
    const connection = await connected()
    connection.stop()
    await pass(120_000)
    expect(listener.sockets).toHaveLength(1)
    expect(listener.last.closedWith).toBe(1000)
  })
})

describe("the network", () => {
  test("offline is known at once and online connects at once", async () => {
    const connection = await connected(numberedTokens(), () => 1)
    network.plug(false)
    expect(connection.state).toMatchObject({ phase: "waiting", cause: "offline" })
    network.plug(true)
    await pass(0)
    expect(listener.sockets).toHaveLength(2)
  })

  test("nothing that an abandoned socket still says is heard", async () => {
    const connection = await connected()
    const old = listener.last
    network.plug(false)
    const seen: ServerFrame[] = []
    connection.frames.on((frame) => seen.push(frame))
    old.say({ type: "pong" })
    old.drop(4503)
    expect(seen).toEqual([])
    expect(connection.state.phase).toBe("waiting")
  })

  test("silence is broken by a ping after one heartbeat and is death after two", async () => {
    const connection = await connected()
    await pass(25_000)
    expect(listener.last.types).toEqual(["auth", "ping"])
    await pass(24_999)
    expect(connection.state.phase).toBe("open")
    await pass(1)
    expect(connection.state).toMatchObject({ phase: "waiting", cause: "lost" })
  })

  test("any frame counts as a sign of life", async () => {
    const connection = await connected()
    for (let i = 0; i < 10; i++) {
      await pass(24_000)
      listener.last.say({ type: "pong" })
    }
    expect(connection.state.phase).toBe("open")
    expect(listener.last.types).toEqual(["auth"])
  })

  test("after a night with the lid closed the connection is asked first, and given the whole time to answer", async () => {
    const connection = await connected()
    vi.setSystemTime(Date.now() + 8 * 3_600_000)
    await pass(25_000)
    expect(listener.last.types).toEqual(["auth", "ping"])
    expect(connection.state.phase).toBe("open")
    await pass(25_000)
    expect(connection.state).toMatchObject({ phase: "waiting", cause: "lost" })
  })

  test("a lid that is closed while a question waits is no silence of the server's: it is asked once more", async () => {
    const connection = await connected()
    await pass(25_000)
    vi.setSystemTime(Date.now() + 3_600_000)
    await pass(25_000)
    expect(listener.last.types).toEqual(["auth", "ping", "ping"])
    listener.last.say({ type: "pong" })
    await pass(24_999)
    expect(connection.state.phase).toBe("open")
    expect(listener.sockets).toHaveLength(1)
  })

  test("a dead line is found out although every timer fires late", async () => {
    const connection = await connected()
    for (let minute = 0; minute < 3; minute++) {
      vi.setSystemTime(Date.now() + 35_000)
      await pass(25_000)
    }
    expect(listener.sockets[0]!.types).toEqual(["auth", "ping", "ping"])
    expect(connection.state.phase).not.toBe("open")
  })

  test("a quiet connection whose timers are wound once a minute lives for an hour", async () => {
    const connection = await connected()
    listener.last.onframe = ({ type }) => type === "ping" && listener.last.say({ type: "pong" })
    for (let minute = 0; minute < 60; minute++) {
      vi.setSystemTime(Date.now() + 35_000)
      await pass(25_000)
    }
    expect(connection.state.phase).toBe("open")
    expect(listener.sockets).toHaveLength(1)
  })

  test("a page that wakes asks at once, and five seconds of silence are enough then", async () => {
    const connection = await connected()
    network.wake()
    expect(listener.last.types).toEqual(["auth", "ping"])
    await pass(5_000)
    expect(connection.state.phase).toBe("waiting")
  })
})

describe("the token", () => {
  test("is renewed on the live connection before it expires, again and again", async () => {
    const connection = await connected(numberedTokens(100_000))
    const answering = setInterval(() => listener.last.say({ type: "pong" }), 10_000)
    await pass(80_000)
    expect(listener.last.sent.at(-1)).toEqual({ type: "auth", token: "token-2" })
    await pass(80_000)
    expect(listener.last.sent.at(-1)).toEqual({ type: "auth", token: "token-3" })
    expect(connection.state.phase).toBe("open")
    expect(listener.sockets).toHaveLength(1)
    clearInterval(answering)
  })

  test("a renewal that fails is tried again while the old token lasts", async () => {
    const tokens = numberedTokens(100_000)
    const renew = vi.fn().mockRejectedValueOnce(new TypeError("no network")).mockImplementation(tokens.renew)
    await connected({ ...tokens, renew })
    const answering = setInterval(() => listener.last.say({ type: "pong" }), 10_000)
    await pass(95_000)
    expect(listener.last.sent.at(-1)).toEqual({ type: "auth", token: "token-2" })
    clearInterval(answering)
  })

  test("a lifetime longer than a timer can count does not renew at once", async () => {
    await connected(numberedTokens(400 * 86_400_000))
    await pass(20_000)
    expect(listener.last.types).toEqual(["auth"])
  })
})
