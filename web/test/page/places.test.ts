/** What is in the page's address. */
import { expect, test } from "vitest"
import { hashOf, type Over, placeOf } from "../../src/model/places.ts"

test("a room whose name the server made has an address as well, one's own log has none", () => {
  for (const room of ["~0123456789abcdef", "~d.0123456789abcdef"]) expect(placeOf(hashOf(room))).toEqual({ room, thread: null, over: null })
  for (const room of ["~me.0123456789abcdef", "~", "~a b", `~${"a".repeat(64)}`]) expect(placeOf(hashOf(room)).room).toBeNull()
})

test("any room, the thread that is open in it, and what lies over it, survives the way there and back", () => {
  for (const room of ["кімната", "a.b-c_1", "日本語", "General", "rooms", "people"])
    for (const over of [null, "rooms", "people", "file/0123456789abcdef0123456789abcdef"] as (Over | null)[])
      for (const thread of [null, 1, 4_503_599_627_370]) expect(placeOf(hashOf(room, over, thread))).toEqual({ room, thread, over })
})

test.each(["", "#", "#/", "#room", "#/%", "#/a%2Fb", "#//people"])("%s names no room", (hash) => {
  expect(placeOf(hash)).toEqual({ room: null, thread: null, over: null })
})

test.each(["#/den/", "#/den/nothing", "#/den/file/", "#/den/file/x", "#/den/people/more", "#/den/thread/", "#/den/thread/0", "#/den/thread/x", "#/den/thread/1234567890123456"])("over the room in %s lies nothing", (hash) => {
  expect(placeOf(hash)).toEqual({ room: "den", thread: null, over: null })
})
