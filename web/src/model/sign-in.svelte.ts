/** Who is signed in here, and the way in and out. */
import { type Account, type AccountCalls, accountCalls, after, CloseCode, isUnheard, pauseAfter, untilAnswered, wipeRooms } from "../client/index.ts"
import { address } from "./address.svelte.ts"
import { Chat } from "./chat.svelte.ts"
import { guestCame, guestLeft } from "./guests.ts"
import { servedFrom } from "./served.ts"
import { SignOuts } from "./sign-outs.ts"
import { lasting, tabOnly } from "./storage.ts"

export type Way = "guest" | "login" | "register"

export class SignIn {
  /** Whether it is still being found out if somebody is signed in. */
  starting = $state(true)
  /** Somebody is signed in here, and the server that would say who does not answer. It is asked again by itself, and by `tryNow`. */
  unanswered = $state(false)
  chat = $state.raw<Chat | null>(null)
  /** Whose sign-in ended without their doing. */
  ended = $state.raw<Account["user"] | null>(null)
  readonly #calls: AccountCalls = accountCalls(servedFrom(location.href))
  readonly #signOuts = new SignOuts(this.#calls)
  #unhook: (() => void) | null = null
  #account: Account | null = null
  #renewedAfterEnd = false
  #hurry: (() => void) | null = null

  /** Goes on where this tab, or this browser, left off. */
  async resume(): Promise<void> {
    this.#signOuts.resume()
    const held = readAccount(tabOnly.get("account"))
    try {
      // An old token is renewed by the connection, which waits for a server that does not answer.
      if (held) this.#enter(held)
      else if (lasting.get("signed-in") !== null) this.#enter(goingOn(await this.#renewed(), readHeld(lasting.get("signed-in"))))
      else wipe(() => true) // whoever was here last may have closed the window before it was done
    } catch {
      this.#left() // the way in is the form
    } finally {
      this.starting = this.unanswered = false
    }
  }

  tryNow(): void {
    this.#hurry?.()
  }

  /** `waits`: the server asks for patience, and is asked again until `signal` ends that. Throws `HttpProblem`. */
  async by(way: Way, name: string, password: string, waits: () => void, signal: AbortSignal): Promise<void> {
    const calls = this.#calls
    const account = await untilAnswered(() => (way === "guest" ? calls.guest(name) : calls[way](name, password)), waits, signal)
    if (signal.aborted) return
    if (account.user.guest) await guestCame(account.user)
    this.ended = null
    wipe((user) => user !== account.user.id)
    this.#enter(account)
    this.chat?.show(address.room) // the form says that it leads there
  }

  signOut(): void {
    const account = this.#account
    this.#leave()
    if (account) this.#signOuts.begin(account.user.id, account.token)
  }

  /** Ends every other session of this user. Throws `HttpProblem`, or `SignInNeeded`. */
  async changePassword(old: string, wanted: string): Promise<void> {
    const { chat } = this
    if (!chat) return
    const { token } = await chat.token()
    const account = await this.#calls.changePassword(token, old, wanted)
    if (this.chat !== chat) return
    chat.use(account)
    this.#remember(account)
  }

  #enter(account: Account): void {
    this.#remember(account)
    const chat = new Chat(account, this.#calls, (renewed) => this.#remember(renewed))
    this.#unhook = chat.session.connection.states.on((state) => {
      if (state.phase === "open") this.#renewedAfterEnd = false
      if (state.phase === "ended") this.#connectionEnded(state.code)
    })
    this.chat = chat
  }

  /** Who is signed in, by the cookie. Throws what refuses it; that nobody answers, or cannot now, refuses nothing. */
  async #renewed(): Promise<Account> {
    for (let attempt = 0; ; attempt++) {
      let failure: unknown
      try {
        return await this.#calls.refresh()
      } catch (error) {
        failure = error
        if (!isUnheard(error)) throw error
      }
      this.unanswered = true
      await new Promise<void>((resolve) => {
        this.#hurry = resolve
        after(pauseAfter(failure, attempt, Math.random()), resolve)
      })
    }
  }

  /** A laptop that slept past the end of its token gets a new one, once; else the person has to sign in. */
  #connectionEnded(code: number): void {
    if (code === CloseCode.PROTOCOL_BROKEN || code < 4500) return
    const { chat } = this
    if (chat && this.#account && code !== CloseCode.SIGNED_OUT && !this.#renewedAfterEnd) {
      this.#renewedAfterEnd = true
      // Renewed by the connection: where nobody answers it waits and says so, instead of signing the person out.
      chat.use({ ...this.#account, expiresAt: 0 })
      queueMicrotask(() => this.chat === chat && chat.session.start()) // not before everybody has heard of the end
    } else {
      const user = this.#account?.user ?? null
      this.#leave()
      this.ended = user
    }
  }

  #leave(): void {
    this.#unhook?.()
    this.chat?.stop()
    this.chat = null
    this.#account = null
    this.#left()
  }

  #left(): void {
    const user = readUser(tabOnly.get("account")) ?? readUser(lasting.get("signed-in"))
    if (user?.guest) guestLeft(user)
    if (user) wipe((each) => each === user.id)
    tabOnly.remove("account")
    lasting.remove("signed-in")
  }

  // The token lives as long as the tab; the cookie that renews it is out of every script's reach.
  #remember(fresh: Account): void {
    const account = goingOn(fresh, this.#account)
    this.#account = account
    this.#signOuts.cancel(account.user.id)
    tabOnly.set("account", JSON.stringify(account))
    lasting.set("signed-in", JSON.stringify({ user: account.user, entry: account.entry }))
  }
}

/** What was said in somebody's rooms is nothing for who comes after them. Where the browser keeps nothing, nothing is there. */
const wipe = (isWiped: (userId: string) => boolean): void => void wipeRooms(isWiped).catch(() => {})

/** `account`, which goes on with the sign-in of `before` where that is the same user's. */
const goingOn = (account: Account, before: Pick<Account, "user" | "entry"> | null): Account =>
  before?.entry !== undefined && before.user.id === account.user.id ? { entry: before.entry, ...account } : account

const readAccount = (text: string | null): Account | null => {
  const user = readUser(text)
  if (user === null) return null
  const account = JSON.parse(text!) as Partial<Account>
  return typeof account.token === "string" ? (account as Account) : null
}

/** An account, or what is remembered of one. */
const readHeld = (text: string | null): Pick<Account, "user" | "entry"> | null => {
  try {
    const held = JSON.parse(text ?? "null") as Account | null
    return typeof held?.user?.id === "string" && typeof held.user.name === "string" ? held : null
  } catch {
    return null
  }
}

const readUser = (text: string | null): Account["user"] | null => readHeld(text)?.user ?? null
