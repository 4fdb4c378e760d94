import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { HttpProblem, problemOf, untilAnswered } from "../../src/client/http.ts"
import { pass } from "./beginning.ts"

beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-11-28T12:00:00Z") }))
afterEach(() => void vi.useRealTimers())

describe("the time that a refusal names", () => {
  test.each([
    ["2", 2000],
    [" 30 ", 30_000],
    ["Sat, 28 Nov 2026 12:00:05 GMT", 5000],
    ["Sat, 28 Nov 2026 11:00:00 GMT", 0],
    ["", null],
    ["soon", null],
    [null, null],
  ])("Retry-After: %s", (header, ms) => {
    expect(problemOf(429, "{}", header).retryAfterMs).toBe(ms)
    expect(problemOf(429, '{"code":"rate_limited"}', header).retryAfterMs).toBe(ms)
  })
})

describe("asking until there is an answer", () => {
  const asking = (answers: (HttpProblem | string)[]) => {
    const [stop, waits] = [new AbortController(), vi.fn()]
    const ask = vi.fn(async () => {
      const answer = answers.shift()
      if (typeof answer === "string") return answer
      throw answer as Error
    })
    const outcome = untilAnswered(ask, waits, stop.signal).catch((error: unknown) => error)
    return { stop, waits, ask, outcome }
  }

  test("waits as long as it was told, as often as it must", async () => {
    const { ask, waits, outcome } = asking([problemOf(429, '{"code":"rate_limited"}', "3"), problemOf(503, '{"code":"overloaded"}', "3"), "in"])
    await pass(2_999)
    expect(ask).toHaveBeenCalledTimes(1)
    expect(waits).toHaveBeenCalledTimes(1)
    await pass(3_001)
    expect(await outcome).toBe("in")
  })

  test.each([problemOf(401, '{"code":"bad_credentials"}'), new HttpProblem(0, null, "no answer")])("ends with %s at once", async (problem) => {
    const { ask, outcome } = asking([problem, "in"])
    expect(await outcome).toBe(problem)
    expect(ask).toHaveBeenCalledTimes(1)
  })

  test("ends when nobody wants it any more", async () => {
    const problem = problemOf(429, '{"code":"rate_limited"}', "3")
    const { ask, stop, outcome } = asking([problem, "in"])
    await pass(1_000)
    stop.abort()
    expect(await outcome).toBe(problem)
    await pass(10_000)
    expect(ask).toHaveBeenCalledTimes(1)
  })
})
