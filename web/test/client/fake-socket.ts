/** A WebSocket in memory. The test is the server: it reads what was sent and answers, closes, or says nothing. */
import type { Socket } from "../../src/client/socket.ts"
import type { ClientFrame, ServerFrame } from "../../src/client/wire.ts"

export class FakeSocket implements Socket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  readonly sent: ClientFrame[] = []
  closedWith: number | null = null
  /** What the server does with each frame, if it does anything by itself. */
  onframe: ((frame: ClientFrame) => void) | null = null

  send(text: string): void {
    if (this.closedWith !== null) throw new Error("the socket is closed")
    const frame = JSON.parse(text) as ClientFrame
    this.sent.push(frame)
    this.onframe?.(frame)
  }

  close(code = 1000): void {
    this.closedWith ??= code
  }

  /** The types of the frames sent, in order. */
  get types(): string[] {
    return this.sent.map(({ type }) => type)
  }

  accept(): void {
    this.onopen?.()
  }

  say(frame: ServerFrame): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }

  /** The server, or the network, closes the connection. */
  drop(code: number, reason = ""): void {
    this.closedWith = code
    this.onclose?.({ code, reason })
  }
}

/** Opens fake sockets, and remembers them. */
export class FakeListener {
  readonly sockets: FakeSocket[] = []
  onconnect: ((socket: FakeSocket) => void) | null = null

  readonly open = (): FakeSocket => {
    const socket = new FakeSocket()
    this.sockets.push(socket)
    this.onconnect?.(socket)
    return socket
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (!socket) throw new Error("nobody has connected")
    return socket
  }
}

export const OLENA = { id: "u1", name: "Olena" }
export const TARAS = { id: "u2", name: "Taras" }

export const welcome = (more: Partial<Extract<ServerFrame, { type: "welcome" }>> = {}): ServerFrame => ({
  type: "welcome",
  user: OLENA,
  session: "s1",
  epoch: "e1",
  expires_at: "2030-01-01T00:00:00.000Z",
  heartbeat_s: 25,
  limits: { frame_bytes: 1 << 20, text_chars: 8000, inline_file_bytes: 262144, frames_per_s: 20, frames_burst: 40 },
  me: "",
  ...more,
})

/** A token source whose tokens last `lifetimeMs` and are numbered. */
export const numberedTokens = (lifetimeMs = 3_600_000) => {
  let count = 0
  const next = () => Promise.resolve({ token: `token-${++count}`, expiresAt: Date.now() + lifetimeMs })
  let held: ReturnType<typeof next> | null = null
  return { current: () => (held ??= next()), renew: () => (held = next()) }
}

/** A network whose cable the test holds. */
export class FakeNetwork {
  online = true
  #listeners: ((online: boolean) => void)[] = []
  #wakers: (() => void)[] = []

  isOnline = (): boolean => this.online

  onChange = (listener: (online: boolean) => void): (() => void) => {
    this.#listeners.push(listener)
    return () => (this.#listeners = this.#listeners.filter((each) => each !== listener))
  }

  onWake = (listener: () => void): (() => void) => {
    this.#wakers.push(listener)
    return () => (this.#wakers = this.#wakers.filter((each) => each !== listener))
  }

  plug(online: boolean): void {
    this.online = online
    for (const listener of this.#listeners) listener(online)
  }

  wake(): void {
    for (const waker of this.#wakers) waker()
  }
}

/** Lets everything run that is due now: promises, and timers of zero. */
export const settle = async (advance: (ms: number) => Promise<unknown>): Promise<void> => void (await advance(0))
