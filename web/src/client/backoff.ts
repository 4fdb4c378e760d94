/**
 * How long to wait before the next attempt: exponential back-off with full jitter, in milliseconds.
 *
 * A wait is drawn evenly between the floor and a ceiling that doubles with each attempt in a row. The jitter spreads out thousands of
 * clients that lost the same server; the floor protects a server that accepts and closes at once.
 */
export const BACKOFF_FLOOR_MS = 500
export const BACKOFF_CEILING_MS = 30_000

/** `attempt` counts from 0; `random` is in [0, 1). The answer is in [500, 30000]. */
export const backoff = (attempt: number, random: number): number => {
  const ceiling = Math.min(BACKOFF_CEILING_MS, BACKOFF_FLOOR_MS * 2 ** Math.min(attempt + 1, 16))
  return BACKOFF_FLOOR_MS + random * (ceiling - BACKOFF_FLOOR_MS)
}
