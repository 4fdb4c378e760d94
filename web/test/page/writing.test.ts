/** When Enter sends, and what of a draft is sent. */
import { describe, expect, test } from "vitest"
import { charactersLeft, goesUp, type KeyPress, leaves, sends, sentOf } from "../../src/model/writing.ts"

const press = (keydown: Partial<KeyPress>): KeyPress => ({
  key: "Enter", keyCode: 13, isComposing: false, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...keydown,
})

/**
 * The events of a press of Enter, in the order of each engine, and whether the message is sent by one of them: UI Events ("key events during
 * composition") for Blink and Gecko, bug 165004 for WebKit.
 */
const ORDERS: { engine: string; what: string; events: ("compositionend" | Partial<KeyPress>)[]; sent: boolean }[] = [
  { engine: "all", what: "Enter without an input method", events: [{}], sent: true },
  { engine: "Blink", what: "Enter that confirms a word", events: [{ isComposing: true, keyCode: 229 }, "compositionend"], sent: false },
  { engine: "Blink", what: "the same, where the key is the input method's (Windows)", events: [{ key: "Process", isComposing: true, keyCode: 229 }, "compositionend"], sent: false },
  { engine: "Gecko", what: "Enter that confirms a word", events: [{ isComposing: true, keyCode: 229 }, "compositionend"], sent: false },
  { engine: "Gecko", what: "the same, before version 65, which told of no key", events: ["compositionend"], sent: false },
  { engine: "WebKit", what: "Enter that confirms a word", events: ["compositionend", { isComposing: false, keyCode: 229 }], sent: false },
  { engine: "WebKit", what: "Enter after a word was confirmed", events: ["compositionend", { keyCode: 229 }, {}], sent: true },
  { engine: "Blink", what: "Enter that ends a syllable of Hangul and is told a second time", events: [{ isComposing: true, keyCode: 229 }, "compositionend", {}], sent: true },
]

test.each(ORDERS)("$engine, $what: sent is $sent", ({ events, sent }) => {
  expect(events.some((event) => event !== "compositionend" && sends(press(event), false))).toBe(sent)
})

describe("keys", () => {
  test.each([
    ["Enter", {}, true, false],
    ["Shift+Enter", { shiftKey: true }, false, false],
    ["Ctrl+Enter", { ctrlKey: true }, true, true],
    ["⌘+Enter", { metaKey: true }, true, true],
    ["Ctrl+Shift+Enter", { ctrlKey: true, shiftKey: true }, false, false],
    ["another key", { key: "a", keyCode: 65 }, false, false],
    ["a key of Android's keyboard", { key: "Unidentified", keyCode: 229 }, false, false],
  ] as [string, Partial<KeyPress>, boolean, boolean][])("%s", (_, keydown, keyboard, touch) => {
    expect(sends(press(keydown), false)).toBe(keyboard)
    expect(sends(press(keydown), true)).toBe(touch)
  })
})

test.each([
  [{ key: "Escape", keyCode: 27 }, true],
  [{ key: "Escape", keyCode: 229, isComposing: true }, false],
  [{ key: "Escape", keyCode: 229 }, false],
])("Escape that drops a word of an input method leaves nothing else: %j", (keydown, left) => {
  expect(leaves(press(keydown))).toBe(left)
})

test.each([
  ["    return 1", "    return 1"],
  ["\tif x:\n\t\tpass\n", "\tif x:\n\t\tpass"],
  ["\n  \n  first\n  second  \n\n", "  first\n  second"],
  ["  a word ", "  a word"],
  ["words", "words"],
  [" \n ", ""],
])("of %j is sent %j", (draft, text) => {
  expect(sentOf(draft)).toBe(text)
})

test("Up alone goes to what was written last", () => {
  expect(goesUp(press({ key: "ArrowUp", keyCode: 38 }))).toBe(true)
  for (const other of [{ shiftKey: true }, { altKey: true }, { ctrlKey: true }, { metaKey: true }, { isComposing: true }, { key: "ArrowDown" }])
    expect(goesUp(press({ key: "ArrowUp", keyCode: 38, ...other }))).toBe(false)
})

test("characters are counted as the protocol does", () => {
  expect(charactersLeft("abc", 8)).toBe(5)
  expect(charactersLeft("👍👍👍👍👍", 8)).toBe(3)
  expect(charactersLeft("x".repeat(9), 8)).toBe(-1)
})
