import { describe, expect, test } from "vitest"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { clock, dayName, dayOf, shortTime } from "../../src/model/times.ts"

const KYIV = "Europe/Kyiv"
const name = (at: string, now: string, zone = KYIV, words = uk) => dayName(Date.parse(at), Date.parse(now), zone, words)

describe("days are named from the reader's side", () => {
  test.each([
    ["today, from its first moment", "2026-11-20T00:00+02:00", "2026-11-20T00:00+02:00", "Сьогодні"],
    ["today, to its last", "2026-11-20T00:00+02:00", "2026-11-20T23:59:59.999+02:00", "Сьогодні"],
    ["yesterday, from midnight on", "2026-11-19T23:59:59.999+02:00", "2026-11-20T00:00+02:00", "Учора"],
    ["yesterday, to its last moment", "2026-11-19T00:00+02:00", "2026-11-20T23:59:59.999+02:00", "Учора"],
    ["the 23 hours when clocks go forward", "2026-03-29T00:00+02:00", "2026-03-29T23:59+03:00", "Сьогодні"],
    ["the day after those", "2026-03-29T00:00+02:00", "2026-03-30T23:59+03:00", "Учора"],
    ["the 25 hours when clocks go back", "2026-10-25T00:00+03:00", "2026-10-25T23:59+02:00", "Сьогодні"],
    ["the day after those", "2026-10-25T00:00+03:00", "2026-10-26T23:59+02:00", "Учора"],
    ["two days on, across it", "2026-10-24T23:59+03:00", "2026-10-26T00:00+02:00", "Субота, 24 жовтня"],
    ["New Year's Eve from New Year", "2025-12-31T23:59+02:00", "2026-01-01T00:00+02:00", "Учора"],
    ["another year with its number", "2025-12-30T12:00+02:00", "2026-01-01T00:00+02:00", "Вівторок, 30 грудня 2025 р."],
    ["tomorrow, where a server's clock is ahead", "2026-11-21T00:00+02:00", "2026-11-20T23:59+02:00", "Субота, 21 листопада"],
  ])("%s: %s seen at %s is %s", (_, at, now, named) => expect(name(at, now).replaceAll("\u00a0", " ")).toBe(named))

  test("one moment has another day elsewhere", () => {
    const [at, now] = ["2026-11-20T09:30Z", "2026-11-20T10:30Z"]
    expect(name(at, now, KYIV, en)).toBe("Today")
    expect(name(at, now, "Pacific/Kiritimati", en)).toBe("Yesterday")
  })

  test("a day without a midnight is a day", () => {
    // In São Paulo 4 November 2018 began at one o'clock.
    expect(name("2018-11-03T23:59-03:00", "2018-11-04T01:00-02:00", "America/Sao_Paulo", en)).toBe("Yesterday")
    expect(name("2018-11-04T01:00-02:00", "2018-11-04T23:59-02:00", "America/Sao_Paulo", en)).toBe("Today")
  })
})

test("in a list today has a time and every other day a date", () => {
  const at = Date.parse("2026-11-20T23:30+02:00")
  expect(shortTime(at, at, KYIV, "en-GB")).toBe("23:30")
  expect(shortTime(at, at + 3_600_000, KYIV, "en-GB")).toBe("20 Nov")
  expect(clock(at, "UTC", "en-GB")).toBe("21:30")
})

test("days are counted one by one through years of changing clocks", () => {
  for (const zone of [KYIV, "America/New_York", "Australia/Lord_Howe", "Asia/Tehran", "UTC"]) {
    const noons = Array.from({ length: 2_000 }, (_, i) => dayOf(Date.UTC(2022, 0, 1 + i, 12), zone))
    expect(noons).toEqual(Array.from({ length: 2_000 }, (_, i) => noons[0]! + i))
  }
})
