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
  test("is renewed as the one who is signed in there, with a token that is good and without one that is not", async () => {
    for (const [left, sent] of [[3_600_000, "old"], [-1, undefined]] as const) {
      const { made, asked } = calls(() => account("u1", "new"))
      const tokens = new AccountTokens(account("u1", "old", left), made, () => {})
      expect((await tokens.renew()).token).toBe("new")
      expect(asked).toEqual([[sent, "u1"]])
    }
  })

  test("of a sign-in that is older than accounts' own cookies is renewed by the shared one", async () => {
    const { made, asked } = calls((_, userId) => (userId === undefined ? account("u1", "new") : refused()))
    expect((await new AccountTokens(account("u1", "old", -1), made, () => {}).renew()).token).toBe("new")
    expect(asked).toEqual([[undefined, "u1"], [undefined, undefined]])
  })

  test("is not taken from somebody else who has signed in since", async () => {
    const { made } = calls((_, userId) => (userId === undefined ? account("u2", "new") : refused()))
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
