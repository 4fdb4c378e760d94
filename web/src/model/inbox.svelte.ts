/** What happened to this user, as the page sees it: their own log, the newest first. */
import type { Message, Room, Session } from "../client/index.ts"

export type Happening = Extract<Message, { about: unknown }>

export class Inbox {
  happenings = $state.raw<readonly Happening[]>([])
  unread = $state(0)
  hasOlder = $state(false)
  /** Whether the server keeps such a log. */
  isThere = $state(false)
  readonly #session: Session
  #messages: readonly Message[] | null = null

  constructor(session: Session) {
    this.#session = session
  }

  draw(): void {
    const { own } = this.#session
    this.isThere = own !== null
    if (!own) return
    this.unread = own.unread
    this.hasOlder = own.log.hasOlder
    const { messages } = own.log
    if (messages === this.#messages) return
    this.#messages = messages
    this.happenings = messages.filter(isHappening).reverse()
  }

  /** Somebody looks at it. */
  seen(): void {
    const own = this.#own
    if (own) this.#session.read(own.name, own.seq)
  }

  async loadOlder(): Promise<void> {
    if (this.#own) await this.#session.history.older(this.#own).catch(() => {}) // the button stays where it is
  }

  get #own(): Room | null {
    return this.#session.own
  }
}

const isHappening = (message: Message): message is Happening => message.kind === "invited" || message.kind === "removed"
