/** What happened to this user, as the page sees it: their own log, the newest first. */
import type { Message, Room, RoomName, Session } from "../client/index.ts"

export type Happening = Extract<Message, { about: unknown } | { device: unknown }>
/** What was said to the user. */
export type Mention = Extract<Message, { kind: "mention" }>

export class Inbox {
  happenings = $state.raw<readonly Happening[]>([])
  unread = $state(0)
  hasOlder = $state(false)
  /** Whether the server keeps such a log. */
  isThere = $state(false)
  readonly #session: Session
  readonly #signIn: string | null
  #messages: readonly Message[] | null = null
  // Not state: what is drawn is not to be drawn anew because it was looked at.
  #happened: readonly Happening[] = []
  #hasReplies = false
  /** Of each room how many unread messages answer in threads that the user is in. */
  #replies: ReadonlyMap<RoomName, number> = $state.raw(new Map())

  /** `signIn`: the id of the entry that tells of the sign-in here. */
  constructor(session: Session, signIn: string | null) {
    this.#session = session
    this.#signIn = signIn
  }

  /** Whether it is the sign-in here. */
  isHere(happening: Happening): boolean {
    return happening.kind === "signed_in" && happening.id === this.#signIn
  }

  draw(): void {
    const { own } = this.#session
    this.isThere = own !== null
    if (!own) return
    this.hasOlder = own.log.hasOlder
    const { messages } = own.log
    if (messages !== this.#messages) {
      this.#messages = messages
      this.#happened = messages.filter(isHappening)
      this.happenings = this.#happened.toReversed()
    }
    // Not what was read where it was said.
    const news = this.#happened.filter((happening) => own.isUnread(happening))
    this.unread = news.filter((each) => each.kind === "signed_in" || this.#session.rooms.get(each.about.room)?.level !== "none").length
    const replies = new Map<RoomName, number>()
    for (const each of news) if (each.kind === "mention" && each.about.why === "reply") replies.set(each.about.room, (replies.get(each.about.room) ?? 0) + 1)
    if (replies.size > 0 || this.#hasReplies) this.#replies = replies
    this.#hasReplies = replies.size > 0
  }

  /** How many unread messages of the room answer in threads that the user is in. */
  repliesIn(room: RoomName): number {
    return this.#replies.get(room) ?? 0
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

// What is said in direct rooms stands in the list of rooms.
const isHappening = (message: Message): message is Happening =>
  message.kind === "mention" ? message.about.why !== "direct" : message.kind === "invited" || message.kind === "removed" || message.kind === "signed_in"
