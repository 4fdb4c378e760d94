/** What may come back from an HTTP call instead of what was asked for, and how long to wait where the server says so. */
import { backoff } from "./backoff.ts"
import { RETRYABLE } from "./protocol.gen.ts"
import { after } from "./timers.ts"
import type { ErrorCode } from "./wire.ts"

/**
 * An answer that is not what was asked for. `code` is from the protocol's table (or a newer one's), or null where something else
 * answered, or nothing did.
 */
export class HttpProblem extends Error {
  override name = "HttpProblem"
  readonly status: number
  readonly code: ErrorCode | null
  /** How long the server asks to wait, in milliseconds; null where it names no time. */
  readonly retryAfterMs: number | null

  /** `status` 0: no answer at all. */
  constructor(status: number, code: ErrorCode | null, text: string, retryAfterMs: number | null = null) {
    super(text)
    this.status = status
    this.code = code
    this.retryAfterMs = retryAfterMs
  }

  /** Whether the same request may succeed in a while: the server says so, or something between it and us does. */
  get retryable(): boolean {
    return this.code === null ? BUSY.has(this.status) : RETRYABLE.includes(this.code)
  }
}

/** Too many requests, and what a proxy answers while the server behind it is away. */
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** What an `application/problem+json` answer (RFC 9457) says. `retryAfter`: the header of that name. */
export const problemOf = (status: number, body: string, retryAfter: string | null = null): HttpProblem => {
  const wait = waitOf(retryAfter)
  try {
    const { code, detail } = JSON.parse(body) as { code?: unknown; detail?: unknown }
    if (typeof code === "string") return new HttpProblem(status, code as ErrorCode, typeof detail === "string" ? detail : "", wait)
  } catch {
    // Not from the server: something in between has answered.
  }
  return new HttpProblem(status, null, "", wait)
}

/** `Retry-After` (RFC 9110, 10.2.3) in milliseconds: seconds, or a date. Null where it says nothing. */
const waitOf = (header: string | null): number | null => {
  if (header === null || header.trim() === "") return null
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? null : Math.max(0, ms)
}

/** How long to wait after `error`, in milliseconds: as long as the server says, else longer with each `attempt` in a row. `random` is in [0, 1). */
export const pauseAfter = (error: unknown, attempt: number, random: number): number =>
  (error instanceof HttpProblem ? error.retryAfterMs : null) ?? backoff(attempt, random)

/** Whether an error refuses nothing: nobody answers, something in between does (no code), or the server itself cannot now. */
export const isUnheard = (error: unknown): boolean =>
  error instanceof HttpProblem && (error.code === null || error.status >= 500 || error.retryable)

/**
 * Asks until it is answered or refused for good. Before it waits out a refusal that ends by itself it says so to `waits`. Throws what `ask`
 * throws, and the refusal where `signal` has ended the asking meanwhile.
 */
export const untilAnswered = async <Answer>(ask: () => Promise<Answer>, waits: () => void, signal: AbortSignal): Promise<Answer> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof HttpProblem && error.retryable) || signal.aborted) throw error
      waits()
      const pause = pauseAfter(error, attempt, Math.random())
      await new Promise<void>((resolve) => {
        const cancel = after(pause, resolve)
        signal.addEventListener("abort", () => (cancel(), resolve()), { once: true })
      })
      if (signal.aborted) throw error
    }
  }
}
