/** The HTTP calls of docs/protocol.md under `/api/accounts`. */
import { HttpProblem, problemOf } from "./http.ts"
import { SignInNeeded, type Token, type TokenSource } from "./tokens.ts"
import type { ErrorCode, User } from "./wire.ts"

export interface Account extends Token {
  readonly user: User & { readonly guest: boolean }
  /** The `id` of the entry in the user's own log that tells of this sign-in, where one does. */
  readonly entry?: string
}

/** The codes that say that a sign-in is over. Whatever else goes wrong, a refused page or what a proxy answers, may be mended. */
const OVER: ReadonlySet<ErrorCode | null> = new Set<ErrorCode>(["unauthorized", "expired", "forbidden", "sign_in_elsewhere"])

export interface AccountCalls {
  guest(name: string): Promise<Account>
  register(name: string, password: string): Promise<Account>
  login(name: string, password: string): Promise<Account>
  /** With the token given, else with a refresh cookie that the browser holds: this user's own, or without one that of whoever signed in last. */
  refresh(token?: string, userId?: string): Promise<Account>
  /** Another password. The session of `token` goes on with what this gives; every other one of the user is over. */
  changePassword(token: string, old: string, wanted: string): Promise<Account>
  /** With the token, where that is good, else with the refresh cookie of this user that the browser holds. */
  logout(token: string | undefined, userId: string): Promise<void>
}

interface SignedIn {
  token: string
  expires_in: number
  user: Account["user"]
  entry?: string
}

/** A page of a network that wants a sign-in of its own, say, is no answer of the server's. */
const signedIn = (answer: string): SignedIn => {
  try {
    return JSON.parse(answer) as SignedIn
  } catch {
    throw new HttpProblem(200, null, "")
  }
}

const TIMEOUT_MS = 15_000

const own = (userId: string): string => `as/${encodeURIComponent(userId)}/`

/** `base`: what stands before `/api` in the server's addresses, `https://host` or `https://host/chat`; nothing, for the origin of the page. */
export const accountCalls = (base = ""): AccountCalls => {
  const prefix = base.replace(/^\w+:\/\/[^/]*/, "")
  /** The answer's body. */
  const call = async (path: string, body?: object, token?: string): Promise<string> => {
    const headers: Record<string, string> = {}
    if (body) headers["Content-Type"] = "application/json"
    if (token) headers["Authorization"] = `Bearer ${token}`
    // Cookies have paths. What a proxy has taken off them the server cannot know otherwise.
    if (prefix !== "") headers["X-Forwarded-Prefix"] = prefix
    let response: Response
    let answer: string
    try {
      response = await fetch(`${base}/api/accounts/${path}`, {
        method: "POST",
        credentials: "same-origin",
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body && { body: JSON.stringify(body) }),
      })
      answer = await response.text()
    } catch {
      throw new HttpProblem(0, null, "no answer")
    }
    if (!response.ok) throw problemOf(response.status, answer, response.headers.get("Retry-After"))
    return answer
  }
  const signIn = async (path: string, body?: object, token?: string): Promise<Account> => {
    const { token: fresh, expires_in, user, entry } = signedIn(await call(path, body, token))
    return { token: fresh, expiresAt: Date.now() + expires_in * 1000, user, ...(entry !== undefined && { entry }) }
  }
  return {
    guest: (name) => signIn("guest", { name }),
    register: (name, password) => signIn("register", { name, password }),
    login: (name, password) => signIn("login", { name, password }),
    // By the user in the address the browser knows whose cookie to send: its tabs may be signed in as several people.
    refresh: (token, userId) => signIn(`${userId === undefined ? "" : own(userId)}refresh`, undefined, token),
    changePassword: (token, old, wanted) => signIn("password", { password: old, new: wanted }, token),
    logout: async (token, userId) => void (await call(`${own(userId)}logout`, undefined, token)),
  }
}

const GOOD_FOR_MS = 30_000

/** Gives the account's token, renews it in time, and tells of each renewal. Two who ask for a renewal at once share one. */
export class AccountTokens implements TokenSource {
  readonly #calls: AccountCalls
  readonly #renewed: (account: Account) => void
  #account: Account
  #under: Promise<Account> | null = null

  constructor(account: Account, calls: AccountCalls, renewed: (account: Account) => void) {
    this.#account = account
    this.#calls = calls
    this.#renewed = renewed
  }

  /** Takes an account that was renewed elsewhere. */
  use(account: Account): void {
    this.#account = account
  }

  current(): Promise<Token> {
    return this.#account.expiresAt - Date.now() > GOOD_FOR_MS ? Promise.resolve(this.#account) : this.renew()
  }

  renew(): Promise<Token> {
    this.#under ??= this.#renew().finally(() => (this.#under = null))
    return this.#under
  }

  async #refresh(token: string | undefined): Promise<Account> {
    try {
      const account = await this.#calls.refresh(token)
      if (account.user.id === this.#account.user.id) return account
    } catch (error) {
      if (!(error instanceof HttpProblem) || error.status !== 401) throw error
    }
    // The cookie that all tabs share is gone, or somebody else's who has signed in since in another tab: each account has one of its own.
    return await this.#calls.refresh(token, this.#account.user.id)
  }

  async #renew(): Promise<Account> {
    const stillGood = this.#account.expiresAt > Date.now()
    try {
      const account = await this.#refresh(stillGood ? this.#account.token : undefined)
      if (account.user.id !== this.#account.user.id) throw new SignInNeeded("somebody else has signed in here")
      this.#account = account
    } catch (error) {
      if (error instanceof HttpProblem && OVER.has(error.code)) throw new SignInNeeded(error.message)
      throw error
    }
    this.#renewed(this.#account)
    return this.#account
  }
}
