import { describe, expect, test } from "vitest"
import { type Account, type AccountCalls, AccountTokens, HttpProblem, SignInNeeded } from "../../src/client/index.ts"

const account = (id: string, token: string, left = 3_600_000): Account => ({ token, expiresAt: Date.now() + left, user: { id, name: id, guest: true } })

/** Calls of which only `refresh` is answered; `asked` are its arguments. */
const calls = (answer: (token?: string, userId?: string) => Account) => {
  const asked: (readonly [string | undefined, string | undefined])[] = []
  const never = () => Promise.reject(new Error("not asked for here"))
  const made: AccountCalls = {
    guest: never,
    register: never,
    login: never,
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
