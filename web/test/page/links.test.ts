/** What becomes a link in a text, and what does not: links.json is the table, each line with a text and what is shown as links in it. */
import { describe, expect, test } from "vitest"
import { linksIn } from "../../src/model/links.ts"
import { piecesOf } from "../../src/model/pieces.ts"
import table from "./links.json"

/** `opens`: where each leads, written out where there is more to see than a scheme that is added. */
interface Case {
  text: string
  links: string[]
  opens?: string[]
}
type Line = { about: string } | Case

const groups: { about: string; cases: Case[] }[] = []
for (const line of table as Line[]) {
  if ("about" in line) groups.push({ about: line.about, cases: [] })
  else groups.at(-1)!.cases.push(line)
}

const withScheme = (link: string): string => (/^(https?|mailto):/i.test(link) ? link : link.includes("@") ? `mailto:${link}` : `https://${link}`)
const normal = (href: string): string => new URL(href).href

describe.each(groups)("$about", ({ cases }) => {
  test.each(cases)("$text", ({ text, links, opens }) => {
    expect(linksIn(text).map((link) => link.text)).toEqual(links)
    expect(linksIn(text).map((link) => normal(link.href))).toEqual((opens ?? links.map(withScheme)).map(normal))
  })
})

test("a link says where in the text it stands", () => {
  const text = "так: **https://a.example/x**, і example.com."
  for (const { at, text: shown } of linksIn(text)) expect(text.slice(at, at + shown.length)).toBe(shown)
  expect(linksIn(text)).toHaveLength(2)
})

test("a link leads to the web or to mail, whatever the text", () => {
  for (const { text } of groups.flatMap(({ cases }) => cases))
    for (const { href } of linksIn(text)) expect(["http:", "https:", "mailto:"]).toContain(new URL(href).protocol)
})

test("no text is lost or added by its links", () => {
  for (const { text } of groups.flatMap(({ cases }) => cases))
    expect(piecesOf(text, [{ id: "u1", name: "olena" }]).map((piece) => piece.text).join("")).toBe(text)
})

// 8,000 characters are what a deployment's setting allows by default; the page keeps up with twice as many.
test.each([
  ["brackets", "https://a.example/" + "(".repeat(16_000)],
  ["closing brackets", "https://a.example/" + ")".repeat(16_000)],
  ["pairs of brackets", "https://a.example/" + "([{".repeat(2_700) + "}])".repeat(2_700)],
  ["pairs of quotation marks", "https://a.example/" + "«(".repeat(8_000)],
  ["quotation marks", "https://a.example/" + `"'`.repeat(8_000)],
  ["stars", "**".repeat(4_000) + "https://a.example/x" + "*_~|".repeat(2_000)],
  ["stars, line by line", "*https://a.example/x*\n".repeat(800)],
  ["stars and stops", "*_https://a.example/x" + ".*_".repeat(5_000)],
  ["stars after a long line", "a*".repeat(4_000) + " *https://a.example/x" + "*".repeat(8_000)],
  ["stars around many links", "a*".repeat(2_000) + " *https://a.example/x*".repeat(500)],
  ["apostrophes", "https://a.example/x" + "'".repeat(16_000)],
  ["quoted letters", "https://a.example/x" + "/'a'".repeat(4_000)],
  ["punctuation", "https://a.example/" + ".:!?,;".repeat(2_700)],
  ["names", "a.".repeat(8_000) + "com"],
  ["names with hyphens", "a-".repeat(8_000) + ".com"],
  ["long names", ("a".repeat(62) + ".").repeat(254)],
  ["mail", "a@".repeat(8_000)],
  ["mail and names", "a@b.".repeat(4_000)],
  ["schemes", "https://".repeat(2_000)],
  ["slashes", "https:" + "/".repeat(16_000)],
  ["digits", "http://1.1.1.".repeat(1_200)],
  ["IPv6", "http://[" + "1:".repeat(8_000)],
  ["links", "https://a.example/x ".repeat(800)],
  ["at signs", "https://" + "a:".repeat(8_000) + "@"],
])("a long text of %s is read in a moment", (_, text) => {
  const begun = performance.now()
  piecesOf(text, [{ id: "u1", name: "olena" }])
  expect(performance.now() - begun).toBeLessThan(500)
})
