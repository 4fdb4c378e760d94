import { afterEach, describe, expect, test, vi } from "vitest"
import { type Account, type AccountCalls, accountCalls, AccountTokens, HttpProblem, SignInNeeded } from "../../src/client/index.ts"

const account = (id: string, token: string, left = 3_600_000): Account => ({ token, expiresAt: Date.now() + left, user: { id, name: id, guest: true } })

/** Calls of which only `refresh` is answered; `asked` are its arguments. */
const calls = (answer: (token?: string, userId?: string) => Account) => {
  const asked: (readonly [string | undefined, string | undefined])[] = []
  const never = () => Promise.reject(new Error("not asked for here"))
  const made: AccountCalls = {
    guest: never,
    register: never,
    login: never,
    changePassword: never,
    logout: never,
    refresh: async (token, userId) => {
      asked.push([token, userId])
      return answer(token, userId)
    },
  }
  return { made, asked }
}

const refused = () => {
  throw new HttpProblem(401, "unauthorized", "This sign-in is over.")
}

describe("a tab's token", () => {
  test("is renewed with itself while it is good, else by the cookie that all tabs share", async () => {
    for (const [left, sent] of [[3_600_000, "old"], [-1, undefined]] as const) {
      const { made, asked } = calls(() => account("u1", "new"))
      const tokens = new AccountTokens(account("u1", "old", left), made, () => {})
      expect((await tokens.renew()).token).toBe("new")
      expect(asked).toEqual([[sent, undefined]])
    }
  })

  test.each([["is somebody else's", () => account("u2", "theirs")], ["is gone", refused]])("is renewed by the account's own cookie where the shared one %s", async (_, shared) => {
    const { made, asked } = calls((_token, userId) => (userId === "u1" ? account("u1", "new") : shared()))
    expect((await new AccountTokens(account("u1", "old", -1), made, () => {}).renew()).token).toBe("new")
    expect(asked).toEqual([[undefined, undefined], [undefined, "u1"]])
  })

  test("is never taken from somebody else: without a cookie of one's own one has to sign in", async () => {
    const { made } = calls((_, userId) => (userId === undefined ? account("u2", "theirs") : refused()))
    await expect(new AccountTokens(account("u1", "old", -1), made, () => {}).renew()).rejects.toBeInstanceOf(SignInNeeded)
  })

  test("is not asked for elsewhere while the server cannot answer", async () => {
    const { made, asked } = calls(() => {
      throw new HttpProblem(503, "unavailable", "")
    })
    await expect(new AccountTokens(account("u1", "old", -1), made, () => {}).renew()).rejects.toBeInstanceOf(HttpProblem)
    expect(asked).toHaveLength(1)
  })
})

test("another password is asked for with the token, and gives a newer one", async () => {
  const asked: [string, RequestInit][] = []
  vi.stubGlobal("fetch", async (address: string, request: RequestInit) => {
    asked.push([address, request])
    return new Response(JSON.stringify({ token: "newer", expires_in: 60, user: { id: "u1", name: "u1", guest: false } }))
  })
  expect((await accountCalls("/chat").changePassword("mine", "old one", "new one")).token).toBe("newer")
  vi.unstubAllGlobals()
  const [[address, { headers, body }]] = asked as [[string, RequestInit]]
  expect(address).toBe("/chat/api/accounts/password")
  expect(headers).toMatchObject({ Authorization: "Bearer mine" })
  expect(JSON.parse(body as string)).toEqual({ password: "old one", new: "new one" })
})

describe("a call that does not end well is", () => {
  afterEach(() => void vi.unstubAllGlobals())
  const guest = async (answer: () => Response | Promise<Response>) => {
    vi.stubGlobal("fetch", async () => answer())
    return accountCalls().guest("Olena").catch((error: unknown) => error)
  }
  const cutOff = () => new ReadableStream({ start: (body) => body.error(new TypeError("network error")) })

  test.each([200, 503])("no answer where the connection broke in the middle of a %i", async (status) => {
    expect(await guest(() => new Response(cutOff(), { status }))).toMatchObject({ status: 0, code: null })
  })

  test("somebody else's answer where it is no JSON", async () => {
    expect(await guest(() => new Response("<html>Welcome to our hotel</html>"))).toMatchObject({ status: 200, code: null })
  })

  test("a refusal, with the time to wait", async () => {
    const answer = new Response('{"code":"rate_limited","detail":""}', { status: 429, headers: { "Retry-After": "4" } })
    expect(await guest(() => answer)).toMatchObject({ code: "rate_limited", retryAfterMs: 4000 })
  })
})
