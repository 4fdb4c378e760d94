import { describe, expect, test } from "vitest"
import type { Message } from "../../src/client/index.ts"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { actionsOn } from "../../src/model/actions.ts"
import { reactorsText } from "../../src/model/reactors.ts"
import { summaryOf } from "../../src/model/summary.ts"

const OLENA = { id: "u1", name: "Olena" }
const TARAS = { id: "u2", name: "Taras" }
const base = { room: "den", seq: 1, id: "m1", from: OLENA, at: "2026-11-20T10:00:00Z" }
const chat: Message = { ...base, kind: "chat", text: "see\n`code`" }
const file: Message = { ...base, kind: "file", file: { id: "f", name: "plan.txt", size: 1, mime: "text/plain", url: "/api/files/f" } }
const deleted: Message = { ...base, kind: "deleted" }

describe("what may be done with a message", () => {
  test("its author may edit and delete it, others may not", () => {
    expect(actionsOn(chat, OLENA)).toEqual(["react", "reply", "thread", "edit", "copy", "pin", "delete"])
    expect(actionsOn(chat, TARAS)).toEqual(["react", "reply", "thread", "copy", "pin"])
  })

  test("a file has no text to edit or to copy", () => expect(actionsOn(file, OLENA)).toEqual(["react", "reply", "thread", "pin", "delete"]))
  test("who moderates may delete what others wrote", () => {
    expect(actionsOn(chat, TARAS, { change: true, write: true, moderate: true, thread: true })).toEqual(["react", "reply", "thread", "copy", "pin", "delete"])
  })
  test("who may not write may still react, and copy", () => expect(actionsOn(chat, TARAS, { change: true, write: false, moderate: false, thread: true })).toEqual(["react", "copy", "pin"]))
  test("in an archived room one copies, and no more", () => expect(actionsOn(chat, OLENA, { change: false, write: false, moderate: true, thread: true })).toEqual(["copy"]))
  test("a thread is one level deep: under what is said in one there is none, nor within one", () => {
    expect(actionsOn({ ...chat, thread: 9 }, TARAS)).toEqual(["react", "reply", "copy", "pin"])
    expect(actionsOn(chat, TARAS, { change: true, write: true, moderate: false, thread: false })).toEqual(["react", "reply", "copy", "pin"])
  })
  test("with a deleted one nothing", () => expect(actionsOn(deleted, OLENA)).toEqual([]))
})

test("in one line a message is its text, its file's name, or that it is deleted", () => {
  expect([chat, file, deleted].map((message) => summaryOf(message, en))).toEqual(["see\ncode", "plan.txt", "message deleted"])
  expect(summaryOf(deleted, uk)).toBe("повідомлення вилучено")
})

describe("who has reacted", () => {
  const names = new Map([[OLENA.id, OLENA.name], [TARAS.id, TARAS.name]])
  const told = (users: string[], words = en) => reactorsText(users, OLENA.id, names, words)

  test("oneself first, the others by their names", () => {
    expect(told(["u2", "u1"])).toBe("You and Taras")
    expect(told(["u1", "u2"], uk)).toMatch(/^Ви \S+ Taras$/u)
  })

  test("those who are not known here are counted", () => {
    expect(told(["x", "u1", "y"])).toBe("You and 2 more")
    expect(told(["x", "y", "z"], uk)).toBe("3 людини")
  })

  test("of a crowd only some are named", () => {
    const crowd = Array.from({ length: 300 }, (_, i) => `c${i}`)
    const text = reactorsText(crowd, OLENA.id, new Map(crowd.map((id) => [id, id])), en)
    expect(text.endsWith("c19 and 280 more")).toBe(true)
  })
})
