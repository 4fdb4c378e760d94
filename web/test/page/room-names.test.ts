import { describe, expect, test } from "vitest"
import { coined, meant, roomName } from "../../src/model/room-names.ts"
import cases from "../../../tests/cases/room_names.json"

test("what is typed becomes a name where it can", () => {
  expect(roomName("  #Нова кімната ")).toBe("Нова-кімната")
  expect(roomName("＃ｇｅｎｅｒａｌ")).toBe("ｇｅｎｅｒａｌ")
  expect(roomName("и\u0306")).toBe("й")
  for (const typed of ["", "a/b", "a!", "x".repeat(65), "\u202eabc", "\u3164"]) expect(roomName(typed)).toBeNull()
})

/** The server's suite reads the same table: tests/unit/test_protocol_room_names.py. */
describe("a room comes into being in small letters", () => {
  test.each(cases)("$asked as $coined", ({ asked, coined: name }) => {
    expect(coined(asked)).toBe(name)
    expect(coined(name)).toBe(name)
    expect(roomName(name)).toBe(name || null)
  })
})

describe("the room that is meant", () => {
  test("is the one of that very name, where it is known", () => {
    expect(meant("General", ["general", "General"])).toBe("General")
    expect(meant("general", ["General", "general"])).toBe("general")
  })

  test("else the one that differs in capitals alone", () => {
    expect(meant("Загальна", ["den", "загальна"])).toBe("загальна")
    expect(meant("general", ["GENERAL"])).toBe("GENERAL")
  })

  test("else what was asked for: there may be a room of this name that is not known here", () => {
    expect(meant("General", ["den"])).toBe("General")
  })
})
