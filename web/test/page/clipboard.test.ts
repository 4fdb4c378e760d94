import { describe, expect, test } from "vitest"
import { isOfFiles } from "../../src/model/clipboard.ts"

describe("a paste is", () => {
  test.each([
    ["cells of a spreadsheet, which come as text and as a picture of it", "Name\tSum\nOlena\t7\n", ["image.png"]],
    ["one cell", "7", ["image.png"]],
    ["words and a picture out of a text processor", "The chart\nshows it", ["image.png"]],
    ["words that name a file among others", "see a.png", ["a.png"]],
    ["nothing but words", "hello", []],
    ["nothing", "", []],
  ])("the words: %s", (_, text, names) => {
    expect(isOfFiles(text, names.map((name) => ({ name })))).toBe(false)
  })

  test.each([
    ["a picture that was copied in a browser, or a screenshot", "", ["image.png"]],
    ["blanks beside a picture", " \n", ["image.png"]],
    ["a file copied in the Finder, which adds its name", "звіт.pdf", ["звіт.pdf"]],
    ["the same, where the Finder takes the letter apart", "\u0438\u0306.pdf", ["\u0439.pdf"]],
    ["several files", "a.png\rb.png", ["a.png", "b.png"]],
    ["files by their paths", "/home/olena/a.png\nC:\\Users\\b.png", ["a.png", "b.png"]],
    ["files by their addresses", "file:///home/a%20b.png\r\n", ["a b.png"]],
  ])("the files: %s", (_, text, names) => {
    expect(isOfFiles(text, names.map((name) => ({ name })))).toBe(true)
  })
})
