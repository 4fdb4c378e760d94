import { expect, test } from "vitest"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { daysIn, keptInWords } from "../../src/model/keeping.ts"

test.each([
  [0, false, null, null],
  [0, true, "Earlier messages are not kept any more.", "Попередні повідомлення вже не зберігаються."],
  [1, false, "Messages older than 1 day are removed.", "Повідомлення, старші за 1 день, вилучаються."],
  [33, true, "Messages older than 33 days are removed.", "Повідомлення, старші за 33 дні, вилучаються."],
  [365, true, "Messages older than 365 days are removed.", "Повідомлення, старші за 365 днів, вилучаються."],
])("where a log begins stands what is kept: %i days, something is gone: %s", (days, beginsLater, english, ukrainian) => {
  expect(keptInWords(days, beginsLater, en)).toBe(english)
  expect(keptInWords(days, beginsLater, uk)).toBe(ukrainian)
})

test.each([
  ["30", 30],
  [" 7 ", 7],
  ["36500", 36_500],
  ["36501", null],
  ["0", null],
  ["", null],
  ["-1", null],
  ["1.5", null],
  ["a week", null],
])("%j is so many days, or none", (typed, days) => expect(daysIn(typed)).toBe(days))
