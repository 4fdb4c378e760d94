/**
 * Sign-outs that the server has not heard of. Each is told until it answers, by a later page if need be: until then the cookie that
 * renews a sign-in is in the browser, for whoever comes next.
 */
import { type AccountCalls, after, isUnheard, pauseAfter } from "../client/index.ts"
import { lasting } from "./storage.ts"

const KEY = "signing-out"

export class SignOuts {
  readonly #calls: AccountCalls

  constructor(calls: AccountCalls) {
    this.#calls = calls
  }

  /** Goes on with what an earlier page could not tell. */
  resume(): void {
    for (const userId of waiting()) void this.#tell(userId)
  }

  /** Signs the user out, now or as soon as the server answers. */
  begin(userId: string, token: string): void {
    keep([...new Set([...waiting(), userId])])
    void this.#tell(userId, token)
  }

  /** The user has signed in again: that replaced the cookie. */
  cancel(userId: string): void {
    if (waiting().includes(userId)) keep(waiting().filter((each) => each !== userId))
  }

  async #tell(userId: string, token?: string): Promise<void> {
    for (let attempt = 0; attempt === 0 || waiting().includes(userId); attempt++) {
      try {
        await this.#calls.logout(token, userId)
        return this.cancel(userId)
      } catch (error) {
        if (!isUnheard(error)) return this.cancel(userId) // it knows of no sign-in that could be ended
        await new Promise<void>((resolve) => after(pauseAfter(error, attempt, Math.random()), resolve))
      }
    }
  }
}

const keep = (userIds: readonly string[]): void => {
  if (userIds.length > 0) lasting.set(KEY, JSON.stringify(userIds))
  else lasting.remove(KEY)
}

const waiting = (): readonly string[] => {
  try {
    const held: unknown = JSON.parse(lasting.get(KEY) ?? "[]")
    return Array.isArray(held) ? held.filter((each) => typeof each === "string") : []
  } catch {
    return []
  }
}
