import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { HttpProblem, problemOf, SignInNeeded, Unreadable } from "../../src/client/index.ts"
import { RETRYABLE } from "../../src/client/protocol.gen.ts"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { fieldOfChange, fieldsOf, sentenceOf, troubleOf } from "../../src/model/troubles.ts"

const schema = new URL("../../../shared/protocol/generated/homin.schema.json", import.meta.url)
const codes = (JSON.parse(readFileSync(schema, "utf8")) as { $defs: { ErrorCode: { enum: string[] } } }).$defs.ErrorCode.enum
const answered = (status: number, code: string, detail: string) =>
  troubleOf(problemOf(status, JSON.stringify({ type: "about:blank", status, code, detail })))

describe("what a person is told of a refusal", () => {
  test.each([en, uk])("each code of the table has a sentence of its own", ({ errors }) => {
    const sentences = codes.map((code) => sentenceOf(answered(400, code, "the server's"), errors))
    expect(sentences).not.toContain("the server's")
    expect(new Set(sentences).size).toBe(codes.length)
  })

  test("it is the code that says why, never the way or the status", () => {
    expect(sentenceOf(answered(403, "forbidden_origin", ""), en.errors)).toContain("address")
    expect(sentenceOf(answered(403, "forbidden_origin", ""), en.errors)).not.toContain("password")
    expect(sentenceOf(answered(403, "no_guests", ""), en.errors)).toContain("password")
    expect(sentenceOf(answered(400, "invalid_request", ""), en.errors)).not.toBe(en.errors.invalid_password)
  })

  test("a code that this page does not know yet is told in the server's words", () => {
    expect(sentenceOf(answered(409, "too_new", "Come back tomorrow."), uk.errors)).toBe("Come back tomorrow.")
    expect(sentenceOf(answered(409, "too_new", ""), uk.errors)).toBe(uk.errors.other)
    expect(sentenceOf(answered(409, "toString", "The server's."), en.errors)).toBe("The server's.")
  })

  test("what something between the page and the server answers is not taken for the server's word", () => {
    const between = (status: number) => troubleOf(problemOf(status, "<html>nginx</html>"))
    expect(between(403).code).toBe("other")
    expect(between(413).code).toBe("too_large")
    expect(between(502).code).toBe("unavailable")
    expect(troubleOf(problemOf(400, '{"code":7,"detail":{}}'))).toEqual({ code: "other", text: "" })
    expect(troubleOf(problemOf(400, "null"))).toEqual({ code: "other", text: "" })
  })

  test("no answer, a sign-in that is over and anything else are told as such", () => {
    expect(troubleOf(new HttpProblem(0, null, "no answer")).code).toBe("no_answer")
    expect(troubleOf(new SignInNeeded("over")).code).toBe("unauthorized")
    expect(troubleOf(new Unreadable("folder")).code).toBe("folder")
    expect(troubleOf(new Unreadable("file")).code).toBe("unreadable")
    expect(troubleOf(new TypeError("x")).code).toBe("other")
  })

  test("the table says which may be asked again", () => {
    expect(RETRYABLE.every((code) => codes.includes(code))).toBe(true)
  })
})

test.each([
  ["invalid_name", ["name"]],
  ["name_taken", ["name"]],
  ["invalid_password", ["password"]],
  ["weak_password", ["password"]],
  ["bad_credentials", ["name", "password"]],
  ["rate_limited", []],
  ["no_guests", []],
  ["forbidden_origin", []],
])("the fields at fault for %s are %j", (code, fields) => {
  expect(fieldsOf(answered(400, code, ""))).toEqual(fields)
})

test.each([
  ["bad_credentials", "old"],
  ["invalid_password", "new"],
  ["weak_password", "new"],
  ["rate_limited", null],
  ["unauthorized", null],
  ["forbidden", null],
])("where a password is changed, the field at fault for %s is %j", (code, field) => {
  expect(fieldOfChange(answered(400, code, ""))).toBe(field)
})

test("no field is at fault where nobody answers", () => {
  expect(fieldsOf(troubleOf(new HttpProblem(0, null, "")))).toEqual([])
})
