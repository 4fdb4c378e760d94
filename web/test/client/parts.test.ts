import { describe, expect, test } from "vitest"
import { BACKOFF_CEILING_MS, BACKOFF_FLOOR_MS, backoff } from "../../src/client/backoff.ts"
import { Emitter } from "../../src/client/emitter.ts"
import { newId } from "../../src/client/ids.ts"
import { type Interval, Intervals } from "../../src/client/intervals.ts"

describe("back-off", () => {
  test("never leaves half a second to thirty seconds, however many attempts", () => {
    for (const attempt of [0, 1, 5, 20, 1000])
      for (const random of [0, 0.5, 0.999]) {
        const wait = backoff(attempt, random)
        expect(wait).toBeGreaterThanOrEqual(BACKOFF_FLOOR_MS)
        expect(wait).toBeLessThanOrEqual(BACKOFF_CEILING_MS)
      }
  })

  test("the jitter covers the whole range, so that clients of one lost server come back apart", () => {
    expect(backoff(10, 0)).toBe(BACKOFF_FLOOR_MS)
    expect(backoff(10, 1)).toBe(BACKOFF_CEILING_MS)
  })
})

describe("identifiers", () => {
  test("are unique and sort by the time at which they were made, within a millisecond too", () => {
    const ids = Array.from({ length: 5000 }, (_, i) => newId(1_800_000_000_000 + Math.floor(i / 1000)))
    expect(new Set(ids).size).toBe(5000)
    expect(ids.toSorted()).toEqual(ids)
  })

  test("do not go back when the clock does", () => {
    const later = newId(1_900_000_000_000)
    expect(newId(1_850_000_000_000) > later).toBe(true)
  })

  test("have the form that the protocol takes", () => {
    expect(newId()).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
  })
})

describe("intervals", () => {
  test("behave as the set of their numbers", () => {
    for (let round = 0; round < 300; round++) {
      const intervals = new Intervals()
      const numbers = new Set<number>()
      for (let i = 0; i < 12; i++) {
        const from = Math.floor(Math.random() * 30)
        const to = from + Math.floor(Math.random() * 6) - 1
        intervals.add(from, to)
        for (let n = from; n <= to; n++) numbers.add(n)
      }
      if (round % 3 === 0) {
        intervals.dropBelow(10)
        for (const n of numbers) if (n < 10) numbers.delete(n)
      }
      const among = (list: readonly Interval[]) => list.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
      expect(among(intervals.above(15))).toEqual([...numbers].filter((n) => n > 15).sort((a, b) => a - b))
      expect(intervals.isEmpty).toBe(numbers.size === 0)
      const absent = Array.from({ length: 40 }, (_, n) => n).filter((n) => !numbers.has(n))
      for (let n = 0; n < 40; n++) expect(intervals.has(n)).toBe(numbers.has(n))
      for (const from of [0, 7, 20]) {
        const missing = absent.filter((n) => n >= from && n <= 35)
        expect(intervals.missing(from, 35)).toBe(missing.length)
        const hole = intervals.firstHole(from, 35)
        expect(hole?.from ?? null).toBe(missing[0] ?? null)
        if (hole) for (let n = hole.from; n <= hole.to; n++) expect(numbers.has(n)).toBe(false)
        if (hole && hole.to < 35) expect(numbers.has(hole.to + 1)).toBe(true)
      }
    }
  })
})

describe("an emitter", () => {
  test("a listener that leaves while it is called does not keep the next from hearing", () => {
    const emitter = new Emitter<number>()
    const heard: string[] = []
    const stop = emitter.on(() => {
      heard.push("first")
      stop()
    })
    emitter.on(() => heard.push("second"))
    emitter.emit(1)
    emitter.emit(2)
    expect(heard).toEqual(["first", "second", "second"])
  })
})
