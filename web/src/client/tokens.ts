import { HttpProblem } from "./http.ts"
import { after } from "./timers.ts"

/** Where a connection gets its token. */
export interface Token {
  readonly token: string
  /** Milliseconds of this machine's clock. Taken from the lifetime, not from the server's time of day, which may differ from ours. */
  readonly expiresAt: number
}

export interface TokenSource {
  /** A token that is good for a while yet, renewed first where need be. Throws `SignInNeeded` where none can be had, anything else where it may work later. */
  current(): Promise<Token>
  /** A newer token of the same user. Throws as `current` does. */
  renew(): Promise<Token>
}

export class SignInNeeded extends Error {
  override name = "SignInNeeded"
}

const RENEW_AT = 0.8
const LONGEST_MS = 12 * 3_600_000 // setTimeout overflows at 24.8 days
const SOONEST_MS = 5_000
const AGAIN_MS = 15_000

/** Renews the token of a live connection when four fifths of what is left of it have passed, and hands each new one to `use`. */
export class Renewal {
  readonly #source: TokenSource
  readonly #use: (token: Token) => void
  #cancel: () => void = () => {}
  #stopped = false

  constructor(source: TokenSource, token: Token, use: (token: Token) => void) {
    this.#source = source
    this.#use = use
    this.#plan(token)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #plan({ expiresAt }: Token): void {
    const left = (expiresAt - Date.now()) * RENEW_AT
    if (left > LONGEST_MS) this.#cancel = after(LONGEST_MS, () => this.#plan({ token: "", expiresAt }))
    else this.#cancel = after(Math.max(SOONEST_MS, left), () => void this.#renew())
  }

  async #renew(): Promise<void> {
    let token: Token
    try {
      token = await this.#source.renew()
    } catch (error) {
      // Where no token can be had the server will end the connection when the old one expires, and says so in its close code.
      const wait = Math.max(AGAIN_MS, (error instanceof HttpProblem && error.retryAfterMs) || 0)
      if (!this.#stopped && !(error instanceof SignInNeeded)) this.#cancel = after(wait, () => void this.#renew())
      return
    }
    if (this.#stopped) return
    this.#use(token)
    this.#plan(token)
  }
}
