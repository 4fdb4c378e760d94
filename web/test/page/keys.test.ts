/** Keys belong to what is open on top. */
import { beforeEach, expect, test } from "vitest"
import { Keys } from "../../src/model/keys.ts"

let target: EventTarget
let keys: Keys
let told: string[]

beforeEach(() => {
  target = new EventTarget()
  keys = new Keys(target)
  told = []
})

const tell = (name: string) => () => void told.push(name)

/** Presses a key; whether the browser is left to do with it what it does. */
const press = (key: string, more: object = {}): boolean =>
  target.dispatchEvent(Object.assign(new Event("keydown", { cancelable: true }), { key, keyCode: 27, isComposing: false, ...more }))

test("Escape closes the topmost and nothing else", () => {
  keys.onShortcut(tell("page"))
  keys.over(tell("drawer"))
  const closed = keys.over(tell("picture"))
  expect(press("Escape")).toBe(false)
  expect(told).toEqual(["picture"])
  closed()
  press("Escape")
  expect(told).toEqual(["picture", "drawer"])
})

test("a layer may close that is not the topmost", () => {
  const drawerClosed = keys.over(tell("drawer"))
  keys.over(tell("picture"))
  drawerClosed()
  drawerClosed()
  press("Escape")
  expect(told).toEqual(["picture"])
})

test("two layers that close in the same way are two", () => {
  const close = tell("closed")
  const first = keys.over(close)
  keys.over(close)
  first()
  press("Escape")
  expect(told).toEqual(["closed"])
})

test("no element hears of an Escape that closed something", () => {
  target.addEventListener("keydown", tell("log"))
  keys.over(tell("picture"))
  press("Escape")
  expect(told).toEqual(["picture"])
})

test("the page has its shortcuts while nothing lies over it", () => {
  const stop = keys.onShortcut(({ key }) => told.push(key))
  press("ArrowUp")
  const closed = keys.over(tell("picture"))
  press("ArrowDown")
  closed()
  press("Escape")
  stop()
  press("ArrowUp")
  expect(told).toEqual(["ArrowUp", "Escape"])
})

test("a key that an element took is no shortcut", () => {
  const above = new EventTarget()
  above.addEventListener("keydown", (event) => event.preventDefault())
  new Keys(above).onShortcut(tell("page"))
  above.dispatchEvent(Object.assign(new Event("keydown", { cancelable: true }), { key: "ArrowUp" }))
  expect(told).toEqual([])
})

test("Escape that drops a word of an input method closes nothing", () => {
  keys.over(tell("dialog"))
  expect(press("Escape", { isComposing: true })).toBe(true)
  expect(press("Escape", { keyCode: 229 })).toBe(true)
  expect(told).toEqual([])
})
