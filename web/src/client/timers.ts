/**
 * Timers that fire when they are due, also in a tab that nobody sees.
 *
 * Chromium wakes the timers of a page that has been hidden for a while only once a minute, open WebSocket or not (seen in 156); it
 * leaves those of a dedicated worker alone. So a page lets a worker count. Where there is none, the ordinary timers do.
 * Whoever concludes anything from a timer asks all the same how late it fired: a machine that slept fires every timer late.
 */
export interface Timers {
  after(ms: number, fire: () => void): () => void
}

/** What counts the time when nothing else was chosen. */
const ordinary: Timers = {
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

let chosen = ordinary

export const useTimers = (timers: Timers): void => void (chosen = timers)

/** Calls `fire` once, `ms` milliseconds from now; gives what cancels it. */
export const after = (ms: number, fire: () => void): (() => void) => chosen.after(ms, fire)

/** A timer that fires so much later than it is due says that we were away: the machine slept, or the tab was slowed down. */
const LATE_MS = 2_000

/**
 * Calls `ended` when `ms` have passed in which we were there. Where the timer fires late, what came meanwhile may lie unread behind it:
 * then the whole time is waited once more, after `again`. For whatever is concluded from somebody else's silence.
 */
export const afterSilence = (ms: number, ended: () => void, again?: () => void): (() => void) => {
  let due = Date.now() + ms
  let cancel = after(ms, () => {
    if (Date.now() - due <= LATE_MS) return ended()
    due = Date.now() + ms
    cancel = after(ms, ended)
    again?.()
  })
  return () => cancel()
}

/** What a page asks of the worker: to say `id` in `ms` milliseconds, or, without `ms`, no more. */
export interface Wanted {
  id: number
  ms?: number
}

/** Lets `worker` (timer-worker.ts) count. Should it fail, what waits goes on with ordinary timers, and so does all that comes after. */
export const workerTimers = (worker: Worker): Timers => {
  const waiting = new Map<number, { fire: () => void; due: number }>()
  let count = 0
  let failed = false
  const fire = (id: number): void => {
    const timer = waiting.get(id)
    waiting.delete(id)
    timer?.fire()
  }
  const byOrdinary = (id: number, ms: number): void => void setTimeout(() => fire(id), Math.max(0, ms))
  worker.onmessage = ({ data }: MessageEvent<number>) => fire(data)
  worker.onerror = () => {
    failed = true
    worker.terminate()
    for (const [id, { due }] of waiting) byOrdinary(id, due - Date.now())
  }
  return {
    after(ms, callback) {
      const id = ++count
      waiting.set(id, { fire: callback, due: Date.now() + ms })
      if (failed) byOrdinary(id, ms)
      else worker.postMessage({ id, ms } satisfies Wanted)
      return () => {
        if (waiting.delete(id) && !failed) worker.postMessage({ id } satisfies Wanted)
      }
    },
  }
}
