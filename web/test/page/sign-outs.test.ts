import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { type AccountCalls, HttpProblem } from "../../src/client/index.ts"
import { SignOuts } from "../../src/model/sign-outs.ts"
import { pass } from "../client/beginning.ts"

const A_MINUTE_MS = 60_000

let told: (readonly [string, string | undefined])[]
let answers: () => void
const calls = { logout: async (token: string | undefined, userId: string) => (told.push([userId, token]), answers()) } as unknown as AccountCalls

const nobodyAnswers = () => {
  throw new HttpProblem(0, null, "")
}

beforeEach(() => {
  vi.useFakeTimers()
  const held = new Map<string, string>()
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => held.set(key, value),
    removeItem: (key: string) => held.delete(key),
  })
  told = []
  answers = () => {}
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test("a sign-out is told once", async () => {
  new SignOuts(calls).begin("u1", "token")
  await pass(A_MINUTE_MS)
  new SignOuts(calls).resume()
  await pass(A_MINUTE_MS)
  expect(told).toEqual([["u1", "token"]])
})

test("that nobody hears is told until somebody does", async () => {
  answers = nobodyAnswers
  new SignOuts(calls).begin("u1", "token")
  await pass(A_MINUTE_MS)
  expect(told.length).toBeGreaterThan(1)
  answers = () => {}
  const before = told.length
  await pass(10 * A_MINUTE_MS)
  expect(told).toHaveLength(before + 1)
})

test("that nobody hears is told by the next page, by the cookie", async () => {
  answers = nobodyAnswers
  new SignOuts(calls).begin("u1", "token")
  await pass(0)
  told = []
  answers = () => {}
  new SignOuts(calls).resume()
  await pass(0)
  expect(told).toEqual([["u1", undefined]])
})

test.each([503, 502])("that is answered with %d is told again", async (status) => {
  answers = () => {
    throw new HttpProblem(status, status === 503 ? "unavailable" : null, "")
  }
  new SignOuts(calls).begin("u1", "token")
  await pass(A_MINUTE_MS)
  expect(told.length).toBeGreaterThan(1)
})

test("of a sign-in that is over already is done with", async () => {
  answers = () => {
    throw new HttpProblem(401, "unauthorized", "")
  }
  new SignOuts(calls).begin("u1", "token")
  await pass(A_MINUTE_MS)
  expect(told).toHaveLength(1)
})

test("is not told any more where the same person has signed in again", async () => {
  answers = nobodyAnswers
  const signOuts = new SignOuts(calls)
  signOuts.begin("u1", "token")
  signOuts.begin("u2", "another")
  await pass(0)
  signOuts.cancel("u1")
  told = []
  await pass(A_MINUTE_MS)
  expect(new Set(told.map(([userId]) => userId))).toEqual(new Set(["u2"]))
})

test("is told at once where the browser keeps nothing", async () => {
  vi.stubGlobal("localStorage", undefined)
  new SignOuts(calls).begin("u1", "token")
  await pass(0)
  expect(told).toEqual([["u1", "token"]])
})
