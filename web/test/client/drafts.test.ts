import { describe, expect, test } from "vitest"
import type { DraftStore } from "../../src/client/draft-store.ts"
import { draftOf, Drafts } from "../../src/client/drafts.ts"

/** The browser's database and its pages, of one person. */
class FakeBrowser {
  readonly kept = new Map<string, string>()
  readonly #pages = new Set<(room: string, text: string) => void>()

  page(): DraftStore {
    let listen: (room: string, text: string) => void = () => {}
    return {
      load: async () => new Map(this.kept),
      put: (room, text) => {
        if (text === "") this.kept.delete(room)
        else this.kept.set(room, text)
        for (const page of this.#pages) if (page !== listen) page(room, text)
      },
      watch: (listener) => {
        this.#pages.add((listen = listener))
        return () => this.#pages.delete(listener)
      },
    }
  }
}

describe("a half-written text", () => {
  test("is there on the next page, in its room", async () => {
    const browser = new FakeBrowser()
    new Drafts(browser.page()).write("den", "half")
    const next = new Drafts(browser.page())
    const came: string[] = []
    next.changes.on((room) => came.push(room))
    await Promise.resolve()
    await Promise.resolve()
    expect([next.of("den"), next.of("hall"), came]).toEqual(["half", "", ["den"]])
  })

  test("is the same on all pages of a person, and gone on all when it is sent", () => {
    const browser = new FakeBrowser()
    const [one, other] = [new Drafts(browser.page()), new Drafts(browser.page())]
    one.write("den", "half")
    expect(other.of("den")).toBe("half")
    other.write("den", "")
    expect(one.of("den")).toBe("")
    expect(one.rooms).toEqual([])
    expect(browser.kept.size).toBe(0)
  })

  test("that was begun before the store has answered is not overwritten by an older one", async () => {
    const browser = new FakeBrowser()
    browser.kept.set("den", "old").set("hall", "old")
    const drafts = new Drafts(browser.page())
    drafts.write("den", "new")
    drafts.write("hall", "n")
    drafts.write("hall", "")
    await Promise.resolve()
    await Promise.resolve()
    expect([drafts.of("den"), drafts.of("hall")]).toEqual(["new", ""])
  })
})

test("a thread has one of its own, which goes with its room", () => {
  const drafts = new Drafts(new FakeBrowser().page())
  drafts.write(draftOf("den", null), "in the room")
  drafts.write(draftOf("den", 12), "in a thread")
  drafts.write(draftOf("other", 12), "elsewhere")
  expect([drafts.of("den"), drafts.of(draftOf("den", 12)), drafts.of(draftOf("den", 1))]).toEqual(["in the room", "in a thread", ""])
  expect([drafts.rooms, drafts.size]).toEqual([["den", "other"], 3])
  expect(drafts.within("den")).toEqual(["in the room", "in a thread"])
  drafts.forget("den")
  expect([drafts.rooms, drafts.within("den")]).toEqual([["other"], []])
})
