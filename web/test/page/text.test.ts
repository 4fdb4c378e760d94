import { describe, expect, test } from "vitest"
import { en } from "../../src/i18n/en.ts"
import { preferredLanguage } from "../../src/i18n/language.ts"
import { uk } from "../../src/i18n/uk.ts"
import { beginningSo, begunAt } from "../../src/model/mentioning.ts"
import { initialsOf } from "../../src/model/faces.ts"
import { fileAddress, ownAddress } from "../../src/model/files.ts"
import { namedIn, type Piece, piecesOf, plainly } from "../../src/model/pieces.ts"
import { servedFrom } from "../../src/model/served.ts"
import { sizeText } from "../../src/model/sizes.ts"

const OLENA = [{ id: "u1", name: "Olena" }]
const kinds = (text: string, mentioned = [] as typeof OLENA) => piecesOf(text, mentioned).map(({ kind, text: part }) => `${kind}:${part}`)
const whole = (pieces: Piece[]) => pieces.map(({ text }) => text).join("")

test("no text is lost or added, whatever it holds", () => {
  for (const text of ["", "plain", "https://a.b. @Olena, https://c.d/(e", "@@Olena@Olena", "<b>x</b> https://a.b/<i>", "a`b", "``` "])
    expect(whole(piecesOf(text, OLENA))).toBe(text)
})

test("a long text of ticks or at signs is read in a moment", () => {
  const begun = performance.now()
  piecesOf("`".repeat(8000), OLENA)
  piecesOf("@Olen".repeat(1600), OLENA)
  expect(performance.now() - begun).toBeLessThan(1000)
})

describe("code in a text", () => {
  test("stands between ticks, and nothing within is a link or a mention", () => {
    expect(kinds("run `curl https://a.b @Olena` now", OLENA)).toEqual(["text:run ", "code:curl https://a.b @Olena", "text: now"])
  })

  test("in a block keeps its lines, without the language's name", () => {
    expect(kinds("so:\n```sql\nSELECT 1;\nSELECT 2;\n```")).toEqual(["text:so:\n", "block:SELECT 1;\nSELECT 2;"])
  })
})

test.each([
  ["run `make test` now", "run make test now"],
  ["so:\n```sql\nSELECT 1;\n```", "so:\nSELECT 1;"],
  ["```\nlet a = `b`\n```", "let a = `b`"],
  ["a`b", "a`b"],
])("in a list of rooms and aloud %j is %j", (text, said) => expect(plainly(text)).toBe(said))

describe("mentions", () => {
  const person = (name: string, id = name) => ({ id, name })
  const named = (text: string, names: string[], more: Partial<Parameters<typeof namedIn>[1]> = {}) => namedIn(text, { known: names.map((name) => person(name)), ...more })

  test.each(["@Олена", "привіт, @олена!", "(@Олена)", "@Олена,@Тарас", "рядок\n@Олена"])("%j names Олена", (text) => expect(named(text, ["Олена"])).toEqual(["Олена"]))
  test.each(["Олена", "@Оленам", "пошта@Олена", "@Оле", "@@Олена", "`@Олена`", "```\n@Олена\n```", "https://a.b/@Олена"])("%j does not", (text) =>
    expect(named(text, ["Олена"])).toEqual([]))

  test("of names that begin alike the longest is meant", () => {
    const names = ["Марія", "Марія Гнатюк", "Марія Г"]
    expect(named("@Марія Гнатюк, глянь", names)).toEqual(["Марія Гнатюк"])
    expect(named("@Марія Гнат", names)).toEqual(["Марія"])
    expect(named("@Марія Г. і @Марія", names)).toEqual(["Марія Г", "Марія"])
  })

  test("of a name with signs that mean something in a pattern are found as they are", () => {
    expect(named("@a.b(c)+", ["a.b(c)+"])).toEqual(["a.b(c)+"])
    expect(named("@aXb(c)+", ["a.b(c)+"])).toEqual([])
  })

  test("of people who are called alike mean the one who was chosen, else all", () => {
    const known = [person("Sam", "1"), person("sam", "2"), person("Sam", "3")]
    expect(namedIn("@Sam", { known })).toEqual(["1", "2", "3"])
    expect(namedIn("@Sam", { known, chosen: [person("Sam", "3")] })).toEqual(["3"])
    expect(namedIn("@Sam", { known, chosen: [person("Vira", "9")] })).toEqual(["1", "2", "3"])
  })

  test("of an edited text hold whom nobody here knows, while somebody unknown is named", () => {
    const before = ["Тарас", "u-far"]
    expect(named("@Тарас і @Далекий", ["Тарас"], { before })).toEqual(["Тарас", "u-far"])
    expect(named("@Далекий", ["Тарас"], { before })).toEqual(["u-far"])
    expect(named("@Тарас", ["Тарас"], { before })).toEqual(["Тарас"])
    expect(named("a@b.c і @ самі", ["Тарас"], { before })).toEqual([])
  })

  test("are fifty at most", () => {
    const names = Array.from({ length: 60 }, (_, i) => `n${i}`)
    expect(named(names.map((name) => `@${name}`).join(" "), names)).toHaveLength(50)
  })

  test("are shown as they were written, with whom they mean", () => {
    expect(piecesOf("ask @olena.", OLENA)).toEqual([{ kind: "text", text: "ask " }, { kind: "mention", text: "@olena", users: OLENA }, { kind: "text", text: "." }])
    expect(kinds("<b>@Olena</b>", OLENA)).toEqual(["text:<b>", "mention:@Olena", "text:</b>"])
  })
})

describe("a name that is being typed", () => {
  const typed = (text: string) => begunAt(text, text.length)
  test.each([["@", 0, ""], ["до @Та", 3, "Та"], ["(@o", 1, "o"], ["@Марія Гн", 0, "Марія Гн"], ["@a @b", 3, "b"]])("%j", (text, at, name) => expect(typed(text)).toEqual({ at, typed: name }))
  test.each(["", "Та", "a@b", "@ Та", "@@", "@Та\n", "`@Та", "```\n@Та", `@${"a".repeat(33)}`])("not %j", (text) => expect(typed(text)).toBeNull())
  test("is what stands before the caret", () => expect(begunAt("@Тарас", 3)).toEqual({ at: 0, typed: "Та" }))

  test("may be that of people of whose names a word begins so; first of those who are called so", () => {
    const people = ["Олена Кравець", "Ірина Шевчук-Олійник", "Шевченко", "Олег"].map((name) => ({ id: name, name }))
    const found = (beginning: string) => beginningSo(beginning, people).map(({ name }) => name.split(" ")[0])
    expect(found("")).toEqual(["Олена", "Ірина", "Шевченко", "Олег"])
    expect(found("ол")).toEqual(["Олена", "Олег", "Ірина"])
    expect(found("шевч")).toEqual(["Шевченко", "Ірина"])
    expect(found("олена к")).toEqual(["Олена"])
    expect(found("лена")).toEqual([])
    expect(beginningSo("dev", [{ id: "s", name: "Sam O'Neil (dev)" }])).toHaveLength(1)
    expect(beginningSo("neil", [{ id: "s", name: "Sam O'Neil (dev)" }])).toEqual([])
  })
})

describe("words", () => {
  test.each([
    [1, "1 нове повідомлення"],
    [3, "3 нові повідомлення"],
    [11, "11 нових повідомлень"],
    [21, "21 нове повідомлення"],
    [24, "24 нові повідомлення"],
    [25, "25 нових повідомлень"],
  ])("in Ukrainian %i has its own form", (count, text) => expect(uk.newBelow(count)).toBe(text))

  test("in English one is one and the rest are many", () => {
    expect([0, 1, 2, 1200].map(en.newBelow)).toEqual(["0 new messages", "1 new message", "2 new messages", "1,200 new messages"])
  })

  test("every word of one language has another in the other, names aside", () => {
    const same = (Object.keys(en) as (keyof typeof en)[]).filter((key) => typeof en[key] === "string" && en[key] === uk[key])
    expect(same).toEqual([])
  })

  test("the language is the first of the browser's that is known", () => {
    expect(preferredLanguage(["pl-PL", "uk-UA", "en-US"])).toBe("uk")
    expect(preferredLanguage(["en-US", "uk"])).toBe("en")
    expect(preferredLanguage(["fr"])).toBe("en")
  })

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_284_000, "1.3 MB"],
    [999_950, "1 MB"],
    [512_000_000, "512 MB"],
    [5e12, "5,000 GB"],
  ])("%i bytes are %s", (bytes, text) => expect(sizeText(bytes, "en", en.bytes)).toBe(text))

  test("initials are of the first two words, whole characters", () => {
    expect(["Олена Кравець", "sam", "a.b.c", "😀x", "  "].map(initialsOf)).toEqual(["ОК", "S", "AB", "😀", "?"])
  })
})

test("a tab asks for a file as the one who is signed in there", () => {
  const at = (url: string) => fileAddress(url, "u/1", "https://chat.example")
  const id = "0123456789abcdef".repeat(2)
  expect(at(`/api/files/${id}`)).toBe(`/api/files/as/u%2F1/${id}`)
  expect(at(`/api/files/${id}/preview`)).toBe(`/api/files/as/u%2F1/${id}/preview`)
  for (const other of ["/api/files/x", `/api/files/${id}/more`, `/else/api/files/${id}`]) expect(at(other)).toBe(other)
  expect(at(`https://evil.example/api/files/${id}`)).toBe("#")
})

test("under a path a file's address begins with it", () => {
  const id = "0123456789abcdef".repeat(2)
  expect(fileAddress(`/api/files/${id}/preview`, "u1", "https://chat.example/chat")).toBe(`/chat/api/files/as/u1/${id}/preview`)
  expect(fileAddress(`https://evil.example/api/files/${id}`, "u1", "https://chat.example/chat")).toBe("#")
  expect(["https://a.example/", "https://a.example/#/room", "https://a.example/chat/?x#/room", "https://a.example/chat/index.html"].map(servedFrom)).toEqual(
    ["https://a.example", "https://a.example", "https://a.example/chat", "https://a.example/chat"],
  )
})

test("a file's address leads nowhere but to this origin", () => {
  const at = (url: string) => ownAddress(url, "https://chat.example")
  expect(at("/api/files/x")).toBe("/api/files/x")
  expect(at("https://chat.example/api/files/x?a=1")).toBe("/api/files/x?a=1")
  for (const url of ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)", "data:text/html,x", "http://"]) expect(at(url)).toBe("#")
})
