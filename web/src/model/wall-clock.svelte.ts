/**
 * The day and the time zone where the reader is. What is drawn from them is drawn anew when they change: at midnight, after the
 * computer slept, on arrival elsewhere.
 *
 * A timer only makes the clock be looked at; it is never counted on. Timers stand still while a computer sleeps, and Chromium (156)
 * wakes those of a hidden page once a minute. So the clock is looked at also when the page is turned to, and whenever the chat is drawn.
 */
import { createSubscriber } from "svelte/reactivity"
import { dayOf } from "./times.ts"

const LOOK_EVERY_MS = 60_000
const TURNED_TO = ["focus", "pageshow", "visibilitychange"] as const

class WallClock {
  #zone = zoneHere()
  #day = dayOf(Date.now(), this.#zone)
  #changed = (): void => {}
  readonly #follow = createSubscriber((changed) => {
    this.#changed = changed
    let timer: ReturnType<typeof setTimeout>
    const tick = (): void => {
      this.look()
      timer = setTimeout(tick, Math.min(LOOK_EVERY_MS, msToMidnight()))
    }
    const look = (): void => this.look()
    tick()
    for (const event of TURNED_TO) addEventListener(event, look, { capture: true })
    return () => {
      this.#changed = () => {}
      clearTimeout(timer)
      for (const event of TURNED_TO) removeEventListener(event, look, { capture: true })
    }
  })

  /** Unix milliseconds. Who reads it in an effect reads it anew on another day or in another zone, not with every tick. */
  get now(): number {
    this.#follow()
    return Date.now()
  }

  /** The time zone's IANA name. */
  get zone(): string {
    this.#follow()
    return this.#zone
  }

  /** Compares what was drawn with the clock on the wall. */
  look(): void {
    const zone = zoneHere()
    const day = dayOf(Date.now(), zone)
    if (zone === this.#zone && day === this.#day) return
    this.#zone = zone
    this.#day = day
    this.#changed()
  }
}

// A formatter keeps the zone in which it was made: only a new one knows where the reader is now.
function zoneHere(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone
}

const msToMidnight = (): number => {
  const now = Date.now()
  return new Date(now).setHours(24, 0, 0, 0) - now
}

export const wallClock = new WallClock()
