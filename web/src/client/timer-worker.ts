/** Counts for a page whose own timers the browser slows down while nobody sees it. See timers.ts. */
import type { Wanted } from "./timers.ts"

const running = new Map<number, ReturnType<typeof setTimeout>>()

self.onmessage = ({ data: { id, ms } }: MessageEvent<Wanted>) => {
  clearTimeout(running.get(id))
  running.delete(id)
  if (ms !== undefined) {
    const fire = (): void => {
      running.delete(id)
      self.postMessage(id)
    }
    running.set(id, setTimeout(fire, ms))
  }
}
