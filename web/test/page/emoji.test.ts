import { describe, expect, test } from "vitest"
import { canonical } from "../../src/client/index.ts"
import { COMMON, shownEmoji } from "../../src/model/emoji.ts"
import { type EmojiData, findEmoji, grouped } from "../../src/model/emoji-list.ts"

describe("an emoji", () => {
  test.each(["❤️", "☝🏽", "👩‍❤️‍👨", "🤷🏽‍♂️", "1️⃣", "🇺🇦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍", "🏳️‍🌈"])("%s is shown in colour after it was on the wire", (emoji) => {
    expect(shownEmoji(canonical(emoji))).toBe(emoji)
  })

  test("is the same with and without the marks of how it is drawn", () => {
    expect(["❤", "❤️", "❤\ufe0e"].map(canonical)).toEqual(["❤", "❤", "❤"])
    expect(COMMON.map(canonical)).toEqual(COMMON)
  })
})

const data: EmojiData[] = [
  { emoji: "😀", annotation: "grinning face", tags: ["cat-like smile"], group: 0, version: 1 },
  { emoji: "🐱", annotation: "cat face", tags: ["pet"], group: 3, version: 1 },
  { emoji: "❤️", annotation: "м’яке серце", group: 8, version: 1 },
  { emoji: "🏻", annotation: "light skin tone", group: 2, version: 1 },
  { emoji: "🫩", annotation: "face with bags under eyes", group: 0, version: 16 },
]
const groups = grouped(data)
const found = (typed: string) => findEmoji(groups, typed)?.map(({ emoji }) => emoji)

describe("the list of emoji", () => {
  test("has them as the wire has them, without skins and without those that few can draw", () => {
    expect(groups.flatMap(({ emoji }) => emoji.map((each) => each.emoji))).toEqual(["😀", "🐱", "❤"])
    expect(groups.map(({ name }) => name)).toContain("flags")
  })

  test("is searched by the beginnings of words, and what is named so comes first", () => {
    expect(found("CAT")).toEqual(["🐱", "😀"])
    expect(found("fa gri")).toEqual(["😀"])
    expect(found("at")).toEqual([])
  })

  test("takes any apostrophe", () => {
    for (const typed of ["м'яке", "м’яке", "мʼяке"]) expect(found(typed)).toEqual(["❤"])
  })

  test("is shown whole where nothing is typed", () => expect(found("  ")).toBeUndefined())
})
