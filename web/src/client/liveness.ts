/**
 * Says when a connection is dead. A browser cannot see the server's WebSocket pings, so silence is broken by frames of our own:
 * after `heartbeat` of silence it asks for a `ping`, after twice that it calls the connection dead.
 *
 * It goes by the clock, not by how often a timer fired: after a night with the lid closed the first look finds the silence at once.
 */
const LOOKS_PER_HEARTBEAT = 4

export interface LivenessEvents {
  ping(): void
  dead(): void
}

export class Liveness {
  readonly #heartbeatMs: number
  readonly #events: LivenessEvents
  readonly #timer: ReturnType<typeof setInterval>
  #heardAt = Date.now()
  #asked = false
  #probe: ReturnType<typeof setTimeout> | undefined

  constructor(heartbeatMs: number, events: LivenessEvents) {
    this.#heartbeatMs = heartbeatMs
    this.#events = events
    this.#timer = setInterval(() => this.#look(), heartbeatMs / LOOKS_PER_HEARTBEAT)
  }

  /** Something came from the server. */
  heard(): void {
    this.#heardAt = Date.now()
    this.#asked = false
    clearTimeout(this.#probe)
    this.#probe = undefined
  }

  /** Asks now, and calls the connection dead where nothing comes within `withinMs`. */
  probe(withinMs: number): void {
    if (this.#probe !== undefined) return
    this.#probe = setTimeout(() => this.#events.dead(), withinMs)
    this.#events.ping()
  }

  stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#probe)
  }

  #look(): void {
    const silence = Date.now() - this.#heardAt
    if (silence >= 2 * this.#heartbeatMs) this.#events.dead()
    else if (silence >= this.#heartbeatMs && !this.#asked) {
      this.#asked = true
      this.#events.ping()
    }
  }
}
