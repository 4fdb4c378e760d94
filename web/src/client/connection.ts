/**
 * One lasting connection to the server over many WebSockets: it authenticates each, notices when one is dead, and comes back as the
 * close codes of docs/protocol.md allow. What is said over it is the business of others.
 */
import { backoff } from "./backoff.ts"
import { Emitter } from "./emitter.ts"
import { HttpProblem } from "./http.ts"
import { Liveness } from "./liveness.ts"
import { abandon, type Network, type OpenSocket, type Socket, steadyNetwork } from "./socket.ts"
import { after, afterSilence } from "./timers.ts"
import { Renewal, SignInNeeded, type Token, type TokenSource } from "./tokens.ts"
import { type ClientFrame, CloseCode, comesBack, type Incoming, parseFrame, type ServerFrame } from "./wire.ts"

/** Why there is no connection just now. */
export type Cause = "offline" | "restart" | "overloaded" | "lost"

export type ConnectionState =
  | { phase: "idle" }
  | { phase: "connecting"; cause: Cause | null }
  | { phase: "open" }
  /** `retryAt`: when the next attempt begins, milliseconds of this machine's clock. */
  | { phase: "waiting"; cause: Cause; retryAt: number }
  /** It will not come back by itself. `code` is the close code, 4501 also where no token could be had. */
  | { phase: "ended"; code: number; reason: string }

export interface ConnectionOptions {
  open: OpenSocket
  tokens: TokenSource
  network?: Network
  random?: () => number
}

const CONNECT_WITHIN_MS = 10_000
const PROBE_WITHIN_MS = 5_000
const STEADY_MS = 30_000
const ABNORMAL = 1006
const nothing = (): void => {}

export class Connection {
  readonly states = new Emitter<ConnectionState>()
  readonly frames = new Emitter<ServerFrame>()

  readonly #open: OpenSocket
  readonly #tokens: TokenSource
  readonly #network: Network
  readonly #random: () => number
  #state: ConnectionState = { phase: "idle" }
  #socket: Socket | null = null
  #liveness: Liveness | null = null
  #renewal: Renewal | null = null
  #cancel: () => void = nothing
  #refused = false
  #attempt = 0
  #openedAt = 0
  #notBefore = 0
  #run = 0
  #unhook: (() => void)[] = []

  constructor({ open, tokens, network = steadyNetwork(), random = Math.random }: ConnectionOptions) {
    this.#open = open
    this.#tokens = tokens
    this.#network = network
    this.#random = random
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Connects, and stays connected until `stop`. Also begins anew after the connection has ended. */
  start(): void {
    if (this.#state.phase !== "idle" && this.#state.phase !== "ended") return
    this.#attempt = 0
    this.#notBefore = 0
    this.#unhook = [
      this.#network.onChange((online) => (online ? this.reconnectNow() : this.#drop("offline"))),
      this.#network.onWake(() => this.#wake()),
    ]
    void this.#connect(null)
  }

  stop(): void {
    this.#letGo()
    this.#unhookAll()
    this.#set({ phase: "idle" })
  }

  /** Does not wait for the next attempt any longer. */
  reconnectNow(): void {
    if (this.#state.phase !== "waiting") return
    this.#cancel()
    void this.#connect(this.#state.cause)
  }

  /** Sends a frame, if the connection is open. What is lost on its way is for the caller to send again. */
  send(frame: ClientFrame): boolean {
    if (this.#state.phase !== "open") return false
    this.#write(frame)
    return true
  }

  async #connect(cause: Cause | null): Promise<void> {
    const run = ++this.#run
    this.#set({ phase: "connecting", cause })
    let token: Token
    try {
      token = await this.#tokens.current()
    } catch (error) {
      if (run !== this.#run) return
      if (error instanceof SignInNeeded) this.#end(CloseCode.NOT_AUTHENTICATED, error.message)
      else {
        this.#asked(error instanceof HttpProblem ? error.retryAfterMs : null)
        this.#wait("lost")
      }
      return
    }
    if (run !== this.#run) return
    this.#refused = false
    const socket = this.#open()
    this.#socket = socket
    this.#cancel = afterSilence(CONNECT_WITHIN_MS, () => this.#drop("lost"))
    socket.onopen = () => this.#write({ type: "auth", token: token.token })
    socket.onmessage = ({ data }) => this.#receive(data, token)
    socket.onclose = ({ code, reason }) => this.#closed(code, reason)
  }

  #receive(data: unknown, token: Token): void {
    this.#liveness?.heard()
    const frame = parseFrame(data)
    if (frame === null) return
    if (frame.type === "welcome" && this.#state.phase !== "open") this.#welcomed(frame, token)
    if (frame.type === "error") this.#refusedBy(frame)
    if (frame.type === "reconnect") this.#announced(frame.after_ms)
    this.frames.emit(frame)
  }

  /** Before the welcome an error answers `auth`; the close that follows does not tell when to come back. */
  #refusedBy({ retryable, retry_after_ms }: Incoming<"error">): void {
    this.#refused = true
    if (this.#state.phase === "connecting" && retryable) this.#asked(retry_after_ms ?? null)
  }

  /** The server wants to be left alone for so long. */
  #asked(ms: number | null): void {
    if (ms !== null) this.#notBefore = Math.max(this.#notBefore, Date.now() + ms)
  }

  #welcomed(welcome: Incoming<"welcome">, token: Token): void {
    this.#cancel()
    this.#openedAt = Date.now()
    this.#liveness = new Liveness(welcome.heartbeat_s * 1000, {
      ping: () => this.#write({ type: "ping" }),
      dead: () => this.#drop("lost"),
    })
    this.#renewal = new Renewal(this.#tokens, token, (renewed) => this.#write({ type: "auth", token: renewed.token }))
    this.#set({ phase: "open" })
  }

  /** The server is about to close. Until it does we stay; when its time is up and it has not, we go by ourselves. */
  #announced(afterMs: number): void {
    const wait = afterMs + this.#random() * Math.max(afterMs, 1000)
    this.#notBefore = Date.now() + wait
    this.#cancel()
    this.#cancel = after(wait, () => {
      this.#letGo()
      void this.#connect("restart")
    })
  }

  #closed(code: number, reason: string): void {
    // Closed before the welcome, and nothing was refused: the token came late. On a slow line it is good all the same.
    const late = code === CloseCode.NOT_AUTHENTICATED && this.#state.phase === "connecting" && !this.#refused
    if (late || comesBack(code)) this.#drop(causeOf(code, this.#notBefore > Date.now()))
    else this.#end(code, reason)
  }

  #drop(cause: Cause): void {
    if (this.#state.phase !== "open" && this.#state.phase !== "connecting") return
    if (this.#state.phase === "open" && Date.now() - this.#openedAt > STEADY_MS) this.#attempt = 0
    this.#letGo()
    this.#wait(this.#network.isOnline() ? cause : "offline")
  }

  #wait(cause: Cause): void {
    const retryAt = Math.max(Date.now() + backoff(this.#attempt, this.#random()), this.#notBefore)
    this.#attempt += 1
    this.#notBefore = 0
    this.#set({ phase: "waiting", cause, retryAt })
    this.#cancel = after(retryAt - Date.now(), () => void this.#connect(cause))
  }

  #end(code: number, reason: string): void {
    this.#letGo()
    this.#unhookAll()
    this.#set({ phase: "ended", code, reason })
  }

  #wake(): void {
    if (this.#state.phase === "open") this.#liveness?.probe(PROBE_WITHIN_MS)
    // What the server asked for, or needs, is not cut short because somebody looks at the page.
    else if (this.#state.phase === "waiting" && (this.#state.cause === "lost" || this.#state.cause === "offline")) this.reconnectNow()
  }

  #letGo(): void {
    this.#run += 1
    this.#cancel()
    this.#liveness?.stop()
    this.#renewal?.stop()
    this.#liveness = this.#renewal = null
    if (this.#socket) abandon(this.#socket)
    this.#socket = null
  }

  #unhookAll(): void {
    for (const unhook of this.#unhook.splice(0)) unhook()
  }

  #write(frame: ClientFrame): void {
    try {
      this.#socket?.send(JSON.stringify(frame))
    } catch {
      this.#drop("lost")
    }
  }

  #set(state: ConnectionState): void {
    this.#state = state
    this.states.emit(state)
  }
}

const causeOf = (code: number, announced: boolean): Cause => {
  if (code === CloseCode.DRAINING || code === CloseCode.SERVICE_RESTART || (announced && code === ABNORMAL)) return "restart"
  return code === CloseCode.OVERLOADED ? "overloaded" : "lost"
}
