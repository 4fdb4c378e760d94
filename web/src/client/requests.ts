/**
 * Questions that the server answers: `join`, `history`, `rooms`, `invite` and so on. Each carries a `ref`, and its answer comes back with it.
 * A retryable error is waited out; a connection that goes away ends them all, and who asked asks again on the next one.
 */
import { backoff } from "./backoff.ts"
import { after, afterSilence } from "./timers.ts"
import type { ClientFrame, ErrorCode, Incoming, Outgoing, ServerFrame } from "./wire.ts"

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
      else if (!answer.retryable) throw new Refused(answer)
      else await this.#pause(answer.retry_after_ms ?? backoff(attempt, this.#random()))
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

  /** Sends once; null where no answer came in time. */
  #once(question: ClientFrame): Promise<ServerFrame | null> {
    return this.#hold(afterSilence, ANSWER_WITHIN_MS, (ref) => {
      if (!this.#send({ ...question, ref })) throw new Disconnected("there is no connection")
    })
  }

  async #pause(ms: number): Promise<void> {
    await this.#hold(after, ms, () => {})
  }

  /** Waits `ms`, as `wait` counts them, for a frame with a new `ref`; null where none came. */
  #hold(wait: typeof after, ms: number, begin: (ref: string) => void): Promise<ServerFrame | null> {
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
