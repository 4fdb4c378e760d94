/** Leads to a message of a room or a thread, which may stand further back than what is here. */
import type { Chat } from "./chat.svelte.ts"
import type { Talk } from "./talk.ts"

const PAGES_AT_MOST = 10
const MARKED_MS = 1_800

export class Leap {
  /** The message that is to be shown as soon as it is drawn. */
  wanted = $state<number | null>(null)
  /** The message to which somebody has just been led. */
  marked = $state<number | null>(null)
  readonly #chat: Chat
  readonly #view: Talk
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(chat: Chat, view: Talk) {
    this.#chat = chat
    this.#view = view
  }

  /** Wants the message; says so where it is too far back. */
  async to(seq: number): Promise<void> {
    this.#chat.notice.clear()
    this.wanted = seq
    if (await this.#reach(seq)) return
    if (this.wanted === seq) this.wanted = null
    this.#chat.notice.tell("too_far_back")
  }

  /** It is in sight. */
  arrived(seq: number): void {
    this.wanted = null
    this.marked = seq
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => (this.marked = null), MARKED_MS)
  }

  async #reach(seq: number): Promise<boolean> {
    const { log } = this.#view
    const { reader } = log
    for (let pages = 0; log.at(seq) === null; pages++) {
      const oldest = log.messages[0]?.seq ?? 0
      const isFurther = pages < PAGES_AT_MOST && log.hasOlder && oldest > seq
      if (isFurther) {
        log.reader = oldest // what is fetched now is what is read
        await this.#chat.loadOlder(this.#view)
      }
      if (!isFurther || (log.messages[0]?.seq ?? 0) >= oldest) {
        log.reader = reader
        return false
      }
    }
    return true
  }
}
