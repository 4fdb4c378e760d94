import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { shows } from "../../src/client/index.ts"

// tests/unit/test_protocol_names.py reads the same.
const cases = JSON.parse(readFileSync(new URL("../../../tests/cases/characters.json", import.meta.url), "utf8")) as {
  shows: Record<"yes" | "no", string[]>
}

describe("a text", () => {
  test.each(cases.shows.yes)("that shows something can be sent: %j", (text) => expect(shows(text)).toBe(true))
  test.each(cases.shows.no)("of which nothing shows cannot: %j", (text) => expect(shows(text)).toBe(false))
})
