/** The loading of one picture: what did not come is asked for again, and what is no picture is told from what is only not there yet. */
import { backoff } from "../client/index.ts"

/** `loading`: asked for, or there. `waiting`: it did not come, and is asked for again by itself. `gone`: there is nothing that could be shown. */
export type PictureState = "loading" | "waiting" | "gone"

/** Answers to the question why it did not come that mean that it never will: it is gone, or may not be seen. */
const FINAL: readonly number[] = [403, 404, 410]
/** So many times the whole file may come and not be shown; a transfer that broke in the middle looks the same. */
const WHOLE_TRIES = 3

export interface PictureOptions {
  /** The HTTP status with which the server answers for the file; 0 where nobody answers. An `<img>` does not tell. */
  probe(): Promise<number>
  random?: () => number
}

export class Picture {
  state = $state<PictureState>("loading")
  /** Counts the requests: an `<img>` that failed asks again only as another element. */
  attempt = $state(0)
  readonly #options: PictureOptions
  #timer: ReturnType<typeof setTimeout> | undefined
  #failures = 0
  #whole = 0
  #stopped = false

  constructor(options: PictureOptions) {
    this.#options = options
  }

  came(): void {
    this.#failures = this.#whole = 0
  }

  async failed(): Promise<void> {
    if (this.#stopped || this.state !== "loading") return
    this.state = "waiting"
    const { attempt } = this
    const status = await this.#options.probe()
    if (this.#stopped || this.attempt !== attempt) return // pressed meanwhile: the answer is to an older question
    if (status >= 200 && status < 400) this.#whole++
    if (FINAL.includes(status) || this.#whole >= WHOLE_TRIES) this.state = "gone"
    else this.#timer = setTimeout(() => this.again(), backoff(this.#failures++, (this.#options.random ?? Math.random)()))
  }

  /** Asks at once: somebody pressed, or there is a network again. */
  again(): void {
    if (this.state !== "waiting" || this.#stopped) return
    clearTimeout(this.#timer)
    this.state = "loading"
    this.attempt++
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }
}

const TIMEOUT_MS = 15_000

/** Asks the server for the file's head. */
export const probe = async (address: string): Promise<number> => {
  try {
    return (await fetch(address, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) })).status
  } catch {
    return 0
  }
}
