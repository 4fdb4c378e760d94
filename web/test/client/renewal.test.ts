import { describe, expect, test } from "vitest"
import { type Account, type AccountCalls, AccountTokens, HttpProblem, problemOf, SignInNeeded } from "../../src/client/index.ts"

const account: Account = { token: "t", expiresAt: 0, user: { id: "u", name: "Olena", guest: true } }

const renewed = async (refusal: HttpProblem): Promise<unknown> => {
  const calls = { refresh: () => Promise.reject(refusal) } as unknown as AccountCalls
  return await new AccountTokens(account, calls, () => {}).current().catch((error: unknown) => error)
}
const answer = (status: number, code: string) => problemOf(status, JSON.stringify({ code, detail: "x" }))

describe("a sign-in that cannot be renewed", () => {
  test.each(["unauthorized", "expired", "forbidden", "sign_in_elsewhere"])("is over where the server says %s", async (code) => {
    expect(await renewed(answer(code === "unauthorized" || code === "expired" ? 401 : 403, code))).toBeInstanceOf(SignInNeeded)
  })

  test("is not over because a proxy hides from the server whose page asks", async () => {
    expect(await renewed(answer(403, "forbidden_origin"))).not.toBeInstanceOf(SignInNeeded)
  })

  test.each([401, 403, 404, 407, 502])("is not over because something in between answers %i", async (status) => {
    expect(await renewed(problemOf(status, "<html>"))).not.toBeInstanceOf(SignInNeeded)
  })
})
