/** What is in the page's address. */
import { expect, test } from "vitest"
import { hashOf, type Over, placeOf } from "../../src/model/places.ts"

test("any room, and what lies over it, survives the way there and back", () => {
  for (const room of ["кімната", "a.b-c_1", "日本語", "General", "rooms", "people"])
    for (const over of [null, "rooms", "people", "file/0123456789abcdef0123456789abcdef"] as (Over | null)[])
      expect(placeOf(hashOf(room, over))).toEqual({ room, over })
})

test.each(["", "#", "#/", "#room", "#/%", "#/a%2Fb", "#//people"])("%s names no room", (hash) => {
  expect(placeOf(hash)).toEqual({ room: null, over: null })
})

test.each(["#/den/", "#/den/nothing", "#/den/file/", "#/den/file/x", "#/den/people/more"])("over the room in %s lies nothing", (hash) => {
  expect(placeOf(hash)).toEqual({ room: "den", over: null })
})
