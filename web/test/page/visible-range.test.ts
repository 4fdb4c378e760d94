import { describe, expect, test } from "vitest"
import type { Message } from "../../src/client/index.ts"
import { earlier, following, later, NEWEST, openedAt, pinned, shownIn, SHOWN_AT_MOST, type VisibleRange } from "../../src/model/visible-range.ts"

const message = (seq: number): Message => ({ kind: "chat", room: "den", seq, id: `m${seq}`, from: { id: "u1", name: "Olena" }, at: "2026-11-20T12:00:00.000Z", text: `text ${seq}` })
const upTo = (seq: number) => Array.from({ length: seq }, (_, i) => message(i + 1))

describe("the visible range of a long room", () => {
  const messages = upTo(1000)
  const span = (range: VisibleRange, held = messages) => [shownIn(held, range)[0]!.seq, shownIn(held, range).at(-1)!.seq]

  test("opens with the newest, and follows them", () => {
    expect(span(NEWEST)).toEqual([881, 1000])
    expect(span(NEWEST, upTo(1001))).toEqual([882, 1001])
  })

  test("pinned, does not lose its first message when more come, and shows them", () => {
    expect(span(pinned(messages, NEWEST), upTo(1001))).toEqual([881, 1001])
  })

  test("opens at a message with some before it, and takes in what comes while there is room", () => {
    expect(span(openedAt(messages, 500))).toEqual([470, 589])
    expect(span(openedAt(messages, 10))).toEqual([1, 120])
    expect(span(openedAt(messages, 990), upTo(1001))).toEqual([960, 1001])
  })

  test("walks to the beginning and back, overlapping at each step and never larger than its bound", () => {
    const walk = (step: (range: VisibleRange) => VisibleRange | null, from: VisibleRange) => {
      let range = from
      for (let next = step(range); next; next = step(range)) {
        const [before, after] = [span(range), span(next)]
        expect(after[0]! <= before[1]! && before[0]! <= after[1]!).toBe(true)
        expect(shownIn(messages, next).length).toBeLessThanOrEqual(SHOWN_AT_MOST)
        range = next
      }
      return range
    }
    const top = walk((range) => earlier(messages, range), NEWEST)
    expect(span(top)[0]).toBe(1)
    const bottom = walk((range) => later(messages, range), top)
    expect(span(bottom)[1]).toBe(1000)
    expect(later(messages, bottom)).toBeNull()
  })

  test("20,000 messages that come make no range larger than its bound", () => {
    const many = upTo(21_000)
    const states = [NEWEST, pinned(messages, NEWEST), openedAt(messages, 500), earlier(messages, pinned(messages, NEWEST))!]
    for (const state of states)
      for (const range of [state, following(many, state), pinned(many, state), earlier(many, state)!, later(many, state) ?? state])
        expect(shownIn(many, range).length).toBeLessThanOrEqual(SHOWN_AT_MOST)
  })

  test("follows again with what is shown, and lets that slide", () => {
    const read = pinned(messages, NEWEST)
    const again = following(messages, earlier(messages, read)!)
    expect(span(again)).toEqual([841, 1000])
    expect(span(again, upTo(1100))).toEqual([941, 1100])
    expect(following(messages, NEWEST)).toBe(NEWEST)
  })

  test("of nothing shows nothing, and has nothing earlier or later", () => {
    expect(shownIn([], NEWEST)).toEqual([])
    expect(earlier([], NEWEST)).toBeNull()
    expect(later([], NEWEST)).toBeNull()
    expect(shownIn(messages, pinned([], NEWEST))).toHaveLength(SHOWN_AT_MOST)
  })
})
