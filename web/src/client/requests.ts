/**
 * Questions that the server answers: `join`, `resume`, `history`, `rooms`, `invite` and so on. Each carries a `ref`, and its answer comes back with it; that
 * to `resume` in parts.
 * A retryable error is waited out; a connection that goes away ends them all, and who asked asks again on the next one.
 */
import { backoff } from "./backoff.ts"
import { after, afterSilence } from "./timers.ts"
import type { ClientFrame, ErrorCode, Incoming, JoinedRoom, Outgoing, RefusedRoom, RoomAfter, ServerFrame } from "./wire.ts"

interface Answers {
  join: "joined"
  leave: "left"
  history: "history"
  rooms: "rooms"
  people: "people"
  create: "joined"
  direct: "joined"
  invite: "change"
  remove: "change"
  role: "change"
  settings: "change"
  notify: "notify"
}

type Question = keyof Answers
export type Ask<Type extends Question> = Type extends Question ? Omit<Outgoing<Type>, "ref"> : never

/** The server refused. `code` is from the protocol's table, and trying the same again cannot help. */
export class Refused extends Error {
  override name = "Refused"
  readonly code: ErrorCode

  constructor({ code, text }: { code: ErrorCode; text: string }) {
    super(text)
    this.code = code
  }
}

/** There is no connection, or it went away before the answer came. */
export class Disconnected extends Error {
  override name = "Disconnected"
}

/** No answer came in time, as often as it was asked. */
export class Unanswered extends Error {
  override name = "Unanswered"
}

interface Pending {
  settle(frame: ServerFrame): void
  fail(error: Error): void
}

const ANSWER_WITHIN_MS = 10_000

export class Requests {
  readonly #send: (frame: ClientFrame) => boolean
  readonly #random: () => number
  readonly #pending = new Map<string, Pending>()
  #count = 0

  constructor(send: (frame: ClientFrame) => boolean, random: () => number) {
    this.#send = send
    this.#random = random
  }

  /** Asks until there is an answer, where silence is concerned at most `askAtMost` times. Throws `Refused`, `Disconnected` or `Unanswered`. */
  async ask<Type extends Question>(
    question: Ask<Type> & { type: Type },
    askAtMost = Infinity,
  ): Promise<Incoming<Answers[Type]>> {
    let unanswered = 0
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#once(question as ClientFrame)
      if (answer === null) {
        unanswered += 1
        if (unanswered >= askAtMost) throw new Unanswered(`no answer to ${question.type}`)
      } else if (answer.type !== "error") return answer as Incoming<Answers[Type]>
      else await this.#waitOut(answer, attempt)
    }
  }

  /** Asks until each of `rooms` is answered, and gives the answers to `take` as they come. Throws `Refused` or `Disconnected`. */
  async resume(rooms: readonly RoomAfter[], take: (answer: JoinedRoom | RefusedRoom) => void): Promise<void> {
    const open = new Map(rooms.map((each) => [each.room, each]))
    const isLast = (frame: ServerFrame): boolean => {
      if (frame.type !== "resumed") return true
      for (const answer of frame.rooms) if (open.delete(answer.room)) take(answer)
      return open.size === 0
    }
    for (let attempt = 0; open.size > 0; attempt++) {
      const answer = await this.#once({ type: "resume", rooms: [...open.values()] }, isLast)
      if (answer?.type === "error") await this.#waitOut(answer, attempt)
    }
  }

  /** Gives an arriving frame to whoever asked for it. True where somebody did. */
  receive(frame: ServerFrame): boolean {
    const pending = frame.ref === undefined ? undefined : this.#pending.get(frame.ref)
    pending?.settle(frame)
    return pending !== undefined
  }

  /** The connection is gone: nothing that was asked will be answered. */
  disconnected(): void {
    for (const pending of Array.from(this.#pending.values())) pending.fail(new Disconnected("the connection went away"))
  }

  /** Sends once; null where no answer came in time. `isLast`: whether nothing follows this one. */
  #once(question: ClientFrame, isLast: (answer: ServerFrame) => boolean = () => true): Promise<ServerFrame | null> {
    const begin = (ref: string) => {
      if (!this.#send({ ...question, ref })) throw new Disconnected("there is no connection")
    }
    return this.#hold(afterSilence, ANSWER_WITHIN_MS, begin, isLast)
  }

  async #waitOut(error: Incoming<"error">, attempt: number): Promise<void> {
    if (!error.retryable) throw new Refused(error)
    await this.#hold(after, error.retry_after_ms ?? backoff(attempt, this.#random()), () => {}, () => true)
  }

  /** Waits `ms`, as `wait` counts them, for the last frame with a new `ref`; null where it did not come. */
  #hold(wait: typeof after, ms: number, begin: (ref: string) => void, isLast: (frame: ServerFrame) => boolean): Promise<ServerFrame | null> {
    const ref = `q${++this.#count}`
    return new Promise((resolve, reject) => {
      const done = () => {
        cancel()
        this.#pending.delete(ref)
      }
      const cancel = wait(ms, () => {
        done()
        resolve(null)
      })
      this.#pending.set(ref, {
        settle(frame) {
          if (!isLast(frame)) return
          done()
          resolve(frame)
        },
        fail(error) {
          done()
          reject(error)
        },
      })
      try {
        begin(ref)
      } catch (error) {
        done()
        reject(error as Error)
      }
    })
  }
}
