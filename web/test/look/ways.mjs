/**
 * What only a real browser shows of the ways about the page: keys and who takes them, places and the way back, and doing without a mouse.
 * `npm run build && node test/look/ways.mjs [scene]`; ends with an error at the first thing that is not so.
 */
import assert from "node:assert/strict"
import { people, rooms } from "./content.mjs"
import { register } from "./registering.mjs"
import { browser, PHONE, scenario } from "./stage.mjs"

const [me, taras] = people
rooms.long = { readUpTo: 1500, talk: Array.from({ length: 1500 }, (_, i) => [3000 - i, i % 3 ? taras : me, `line ${i + 1}`]) }
const code = { readUpTo: 2, talk: [[2, taras, `\`\`\`\nSELECT ${"a_long_column, ".repeat(12)} 1\n\`\`\``], [1, taras, "```\nshort\n```"]] }

const scrollTop = (log) => log.evaluate((element) => element.scrollTop)
const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor()
const hash = (page) => decodeURIComponent(new URL(page.url()).hash)
/** Goes to an address as somebody does who types it, or follows a link. */
const typeAddress = (page, to) => page.evaluate((place) => void (location.hash = place), to)
const focusedOn = (page) => page.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.role ?? document.activeElement.localName)

await scenario("Enter that ends a word of an input method in Safari sends nothing", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  const composer = page.getByTestId("composer")
  await composer.fill("日本")
  const press = (keyCode) => composer.evaluate((field, code) => field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: code, bubbles: true, cancelable: true })), keyCode)
  assert.equal(await press(229), true, "the input method has it")
  assert.equal(await composer.inputValue(), "日本")
  assert.equal(await press(13), false)
  await message(1501).getByText("日本").waitFor()
})

await scenario("pasted code keeps its indent", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  await page.getByTestId("composer").fill("\n    if ready:\n        start()\n")
  await page.getByTestId("composer").press("Enter")
  await message(1501).getByTestId("message-text").waitFor()
  assert.equal(await message(1501).getByTestId("message-text").textContent(), "    if ready:\n        start()")
})

await scenario("on a touch screen Enter breaks the line, and the button sends", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  const composer = page.getByTestId("composer")
  await composer.pressSequentially("one")
  await composer.press("Enter")
  await composer.pressSequentially("two")
  assert.equal(await composer.inputValue(), "one\ntwo")
  assert.equal(await composer.getAttribute("enterkeyhint"), "enter")
  await page.getByTestId("send").click()
  await message(1501).getByTestId("message-text").waitFor()
  assert.equal(await message(1501).getByTestId("message-text").textContent(), "one\ntwo")
}, { device: PHONE })

await scenario("Escape closes the picture and scrolls nothing", "розробка", async ({ page, log }) => {
  const picture = page.getByTestId("picture")
  await picture.scrollIntoViewIfNeeded()
  await log.evaluate((element) => (element.scrollTop = Math.min(element.scrollTop, element.scrollHeight - element.clientHeight - 120)))
  await page.getByTestId("to-newest").waitFor()
  const before = await scrollTop(log)
  await picture.click()
  await page.getByRole("dialog").waitFor()
  const room = await page.title()
  await page.keyboard.press("Alt+ArrowDown")
  assert.equal(await page.title(), room, "the page's keys rest")
  await page.keyboard.press("Escape")
  await page.getByRole("dialog").waitFor({ state: "hidden" })
  assert.equal(await scrollTop(log), before)
  assert.equal(await page.evaluate(() => document.activeElement.querySelector("img")?.dataset.testid), "picture", "the focus is back")
})

await scenario("Escape closes the drawer, and the focus goes back to its button", "розробка", async ({ page }) => {
  await page.getByTestId("open-rooms").click()
  await page.getByTestId("room-дизайн").waitFor({ state: "visible" })
  await page.keyboard.press("Escape")
  await page.getByTestId("room-дизайн").waitFor({ state: "hidden" })
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "open-rooms")
}, { device: PHONE })

await scenario("on a phone Back from a room leads to the list, also from the room with which the page was opened", "розробка", async ({ page }) => {
  const listed = page.getByTestId("room-дизайн")
  await heading(page, "розробка")
  await page.goBack()
  await listed.waitFor({ state: "visible" })
  assert.equal(hash(page), "")
  await listed.click()
  await heading(page, "дизайн")
  await listed.waitFor({ state: "hidden" })
  await page.goBack()
  await listed.waitFor({ state: "visible" })
  await page.goForward()
  await heading(page, "дизайн")
}, { device: PHONE })

await scenario("on a phone the list, the people and a picture are places: Back closes them, and so does another address", "розробка", async ({ page }) => {
  const listed = page.getByTestId("room-дизайн")
  await page.getByTestId("open-rooms").click()
  await listed.waitFor({ state: "visible" })
  await page.goBack()
  await listed.waitFor({ state: "hidden" })
  await page.getByTestId("toggle-people").click()
  await page.getByTestId("people").waitFor()
  await page.goBack()
  await page.getByTestId("people").waitFor({ state: "detached" })
  await page.getByTestId("picture").click()
  await page.getByRole("dialog").waitFor()
  await page.goBack()
  await page.getByRole("dialog").waitFor({ state: "hidden" })
  await heading(page, "розробка")

  await page.getByTestId("open-rooms").click()
  await listed.waitFor({ state: "visible" })
  await typeAddress(page, "#/long")
  await listed.waitFor({ state: "hidden" })
  await heading(page, "long")
  await page.getByTestId("open-rooms").click()
  await listed.click()
  await heading(page, "дизайн")
  await page.goBack()
  await heading(page, "long")
  await page.getByTestId("people").waitFor({ state: "detached" })
}, { device: PHONE })

await scenario("what was opened and closed again is not on the way back", "розробка", async ({ page }) => {
  await page.getByTestId("room-дизайн").click()
  await heading(page, "дизайн")
  await page.goBack()
  await heading(page, "розробка")
  await page.getByTestId("picture").click()
  await page.keyboard.press("Escape")
  await page.getByRole("dialog").waitFor({ state: "hidden" })
  await page.keyboard.press("Alt+ArrowDown")
  await page.getByRole("heading", { level: 1, name: "розробка", exact: true }).waitFor({ state: "detached" })
  await page.goBack()
  await heading(page, "розробка")
  assert.equal(hash(page), "#/розробка")
})

await scenario("without a room in the address the page is no trap: Back leads away from it", "розробка", async ({ page, server }) => {
  await page.goto("about:blank")
  await page.goto(`${server.origin}/`)
  await heading(page, "розробка")
  await page.goBack()
  assert.equal(page.url(), "about:blank")
})

await scenario("the address of a room in which one is not makes none: it asks", "дизайн", async ({ page, server }) => {
  const joins = () => server.heard.filter(({ type }) => type === "join").map(({ room }) => room)
  await typeAddress(page, "#/дизаин")
  await page.getByText("You are not in #дизаин.").waitFor()
  await page.reload()
  await page.getByText("You are not in #дизаин.").waitFor()
  assert.ok(!joins().includes("дизаин"), "nobody has joined it")
  await page.getByTestId("not-there").click()
  await page.getByRole("heading", { level: 1 }).waitFor()
  await page.getByText("You are not in").waitFor({ state: "detached" })
  assert.notEqual(hash(page), "#/дизаин")
  await typeAddress(page, "#/новини")
  await page.getByTestId("come-in").click()
  await heading(page, "новини")
  assert.ok(joins().includes("новини"))
  await typeAddress(page, "#/ДИЗАЙН")
  await heading(page, "дизайн")
  assert.equal(hash(page), "#/дизайн", "of a room in which one is the capitals do not matter")
  await page.reload()
  await heading(page, "дизайн")
})

await scenario("the address that is copied is the room's", "дизайн", async ({ page }) => {
  await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => void (window.written = text) } }))
  await page.getByTestId("toggle-people").click()
  await page.getByTestId("copy-link").click()
  await page.waitForFunction(() => window.written !== undefined)
  assert.equal(decodeURIComponent(await page.evaluate(() => window.written)), "http://homin.test/#/дизайн")
}, { device: PHONE })

await scenario("the field that is at fault is marked, and no other", "дизайн", async ({ page, context }) => {
  const marked = () => page.locator("[aria-invalid=true]").evaluateAll((fields) => fields.map(({ dataset }) => dataset.testid))
  await page.getByTestId("sign-out").click()
  await page.getByTestId("login-tab-password").click()
  await page.getByTestId("login-name").fill("olena")
  await page.getByTestId("login-password").fill("wrong-password")
  await page.getByTestId("login-submit").click()
  await page.getByTestId("login-problem").waitFor()
  assert.deepEqual(await marked(), ["login-name", "login-password"])
  const refuse = (code) => context.route("**/api/accounts/*", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ code }) }))
  for (const [code, fields] of [["invalid_password", ["login-password"]], ["no_guests", []]]) {
    await refuse(code)
    await page.getByTestId("login-submit").click()
    await page.waitForFunction((wanted) => [...document.querySelectorAll("[aria-invalid=true]")].map(({ dataset }) => dataset.testid).join() === wanted, fields.join(), { timeout: 5000 })
  }
})

await scenario("a password is changed in a dialog that keys alone can use, and a guest has none", "long", async ({ page, message, server }) => {
  await message(1500).waitFor()
  assert.equal(await page.getByTestId("change-password").count(), 0)
  await register(page)
  const opener = page.getByTestId("change-password")
  const dialog = page.getByTestId("password-dialog")
  const marked = () => page.locator("[aria-invalid=true]").evaluateAll((fields) => fields.map(({ dataset }) => dataset.testid))
  const typed = async (old, wanted) => {
    await page.getByTestId("old-password").fill(old)
    await page.getByTestId("new-password").fill(wanted)
    await page.keyboard.press("Enter")
  }
  await opener.focus()
  await page.keyboard.press("Enter")
  assert.equal(await focusedOn(page), "old-password")
  assert.deepEqual(await dialog.locator("input").evaluateAll((fields) => fields.map(({ autocomplete, value }) => [autocomplete, value])), [["username", me.name], ["current-password", ""], ["new-password", ""]])
  await page.keyboard.type("half")
  await page.keyboard.press("Escape")
  await dialog.waitFor({ state: "detached" })
  await page.waitForFunction(() => document.activeElement.dataset.testid === "change-password")

  await page.keyboard.press("Enter")
  assert.equal(await page.getByTestId("old-password").inputValue(), "", "what was typed is not kept")
  for (const [old, wanted, field, word] of [["wrong", "some new words", "old-password", "not your current"], ["kobzar 1840", "password1", "new-password", "first that others"]]) {
    await typed(old, wanted)
    await page.getByTestId("password-problem").getByText(word).waitFor()
    assert.deepEqual(await marked(), [field])
    assert.equal(await focusedOn(page), field)
    await page.keyboard.type("x")
    assert.deepEqual(await marked(), [], "what is written is not what was refused any more")
  }
  await typed("kobzar 1840", "some new words")
  await page.getByTestId("password-changed").waitFor()
  assert.equal(server.password, "some new words")
  assert.equal(await focusedOn(page), "password-done")
  await page.keyboard.press("Enter")
  await dialog.waitFor({ state: "detached" })
  await page.waitForFunction(() => document.activeElement.dataset.testid === "change-password")
})

await scenario("over the list of rooms on a phone, Escape closes the dialog and not the list", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  await register(page)
  await page.getByTestId("change-password").click()
  await page.keyboard.press("Escape")
  await page.getByTestId("password-dialog").waitFor({ state: "detached" })
  assert.ok(await page.getByTestId("change-password").isVisible())
}, { device: PHONE })

await scenario("the list of rooms is one stop of the Tab key, and arrows walk in it", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  assert.equal(await page.locator("nav a[tabindex='0']").count(), 1)
  await page.getByTestId("open-new-room").focus()
  await page.keyboard.press("Tab")
  assert.equal(await focusedOn(page), "room-long", "at the room that is shown")
  await page.keyboard.press("ArrowDown")
  const next = await focusedOn(page)
  assert.ok(next.startsWith("room-") && next !== "room-long", next)
  await page.keyboard.press("Tab")
  assert.equal(await focusedOn(page), "open-new-message", "past all other rooms")
  await page.keyboard.press("Shift+Tab")
  assert.equal(await focusedOn(page), "room-long")
})

await scenario("the first stop leads past the rooms, to the messages", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  await page.getByTestId("open-inbox").focus()
  await page.keyboard.press("Shift+Tab")
  assert.equal(await focusedOn(page), "skip")
  await page.keyboard.press("Enter")
  assert.equal(await focusedOn(page), "log")
  assert.equal(hash(page), "#/long")
})

await scenario("code that is wider than its place is scrolled by key, and only that is a stop", "code", async ({ page, message }) => {
  await message(2).waitFor()
  const wide = message(1).locator("pre")
  await wide.and(page.locator("[tabindex='0']")).waitFor()
  assert.equal(await message(2).locator("pre").getAttribute("tabindex"), null)
  await wide.focus()
  await page.keyboard.press("ArrowRight")
  await page.waitForFunction(() => document.activeElement.scrollLeft > 0)
}, { beside: { code } })

await scenario("where the system forces its colours, the room that is shown and who is here are still seen", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  await page.emulateMedia({ forcedColors: "active" })
  const style = (place, name) => page.locator(place).first().evaluate((element, key) => getComputedStyle(element)[key], name)
  assert.equal(await style("nav a[aria-current]", "outlineStyle"), "solid")
  assert.equal(await style("nav a:not([aria-current])", "outlineStyle"), "none")
  const [dot, ground] = [await style(".face .dot", "backgroundColor"), await style("body", "backgroundColor")]
  assert.notEqual(dot, ground)
  assert.equal(await style(".icon-button", "borderTopStyle"), "solid")
})

await browser.close()
