/** What is told once, in the line of the connection's state, and is gone after a while. */
import type { Removal } from "../client/index.ts"
import type { Trouble } from "./troubles.ts"

const TOLD_MS = 6_000

/** A refusal of something that nobody wrote, a room that this user is not in any more, or a message that is too far back to be led to. */
export type Told = Trouble | { readonly removal: Removal } | "too_far_back"

export class Notice {
  now = $state.raw<Told | null>(null)
  #timer: ReturnType<typeof setTimeout> | undefined

  tell(told: Told): void {
    this.now = told
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.clear(), TOLD_MS)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.now = null
  }
}
