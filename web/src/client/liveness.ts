/**
 * Says when a connection is dead. A browser cannot see the server's WebSocket pings, so silence is broken by a question of our own:
 * after `heartbeat` of it a `ping` is asked, and only a question that stays unanswered ends the connection. Our own lateness is no
 * silence of the other's (`afterSilence`).
 */
import { after, afterSilence } from "./timers.ts"

export interface LivenessEvents {
  ping(): void
  dead(): void
}

export class Liveness {
  readonly #heartbeatMs: number
  readonly #events: LivenessEvents
  #heardAt = Date.now()
  #asked = false
  #cancel: () => void

  constructor(heartbeatMs: number, events: LivenessEvents) {
    this.#heartbeatMs = heartbeatMs
    this.#events = events
    this.#cancel = after(heartbeatMs, () => this.#look())
  }

  /** Something came from the server. */
  heard(): void {
    this.#heardAt = Date.now()
    if (!this.#asked) return // the timer that runs looks at `#heardAt`
    this.#asked = false
    this.#cancel()
    this.#cancel = after(this.#heartbeatMs, () => this.#look())
  }

  /** Asks now, and calls the connection dead where nothing comes within `withinMs`. */
  probe(withinMs: number): void {
    this.#cancel()
    this.#asked = true
    this.#cancel = afterSilence(withinMs, () => this.#events.dead(), () => this.#events.ping())
    this.#events.ping()
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const quietMs = Date.now() - this.#heardAt
    if (quietMs >= this.#heartbeatMs) this.probe(this.#heartbeatMs)
    else this.#cancel = after(this.#heartbeatMs - quietMs, () => this.#look())
  }
}
