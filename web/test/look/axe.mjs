/**
 * What axe finds in the states that people meet: WCAG 2.2 A and AA, and its best practices. `npm run build && node test/look/axe.mjs [state]`;
 * ends with an error where there is anything.
 */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { changed, people, rooms, some, threaded } from "./content.mjs"
import { FakeServer } from "./fake.mjs"
import { register } from "./registering.mjs"
import { browser, PHONE } from "./stage.mjs"

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
const DESKTOP = { viewport: { width: 1440, height: 900 } }
const [, taras, maria] = people

const line = `SELECT ${"column_of_a_long_name, ".repeat(20)} 1`
rooms.code = { readUpTo: 2, talk: [[4, taras, `\`\`\`sql\n${line}\n\`\`\``], [3, maria, "https://a.example/x @Олена Кравець, @Тарас `code`", { mentions: ["u-olena", "u-taras"] }], [2, taras, "one more"], [1, maria, "and one that is new"]] }
rooms.changed = changed
rooms.threads = threaded
Object.assign(rooms, some)
for (let i = 0; i < 20; i++) rooms[`room-${i}`] = { readUpTo: 0, talk: [[1000 + i, taras, "said here"]] }

const found = []

const look = async (page, name, options) => {
  const { violations } = await page.evaluate((given) => window.axe.run(given), options)
  for (const { id, help, nodes } of violations) found.push(`${name}: ${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `    ${html.slice(0, 160)}\n      ${failureSummary.split("\n").at(-1)}`).join("\n")}`)
}

/** What can be pressed and is smaller than 24 by 24 pixels (WCAG 2.5.8, without its exception for what stands apart); links within a text are as high as its line. */
const tooSmall = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button, a[href], input, textarea, [role=button]")].flatMap((target) => {
      const { width, height } = target.getBoundingClientRect()
      const inText = target.closest("[data-testid=message-text]") !== null
      const shown = target.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && target.closest("[inert]") === null
      return shown && !inText && (width < 24 || height < 24) ? [`${target.outerHTML.slice(0, 120)} is ${width} by ${height}`] : []
    }),
  )

/** Plays a state, and asks axe what is wrong with it in light, and what with its colours in dark. */
const state = async (name, play, { device = DESKTOP, room = "code", signedIn = true } = {}) => {
  if (!name.includes(process.argv[2] ?? "")) return
  const context = await browser.newContext({ ...device, colorScheme: "light", locale: "en-GB", timezoneId: "Europe/Kyiv", reducedMotion: "reduce" })
  const server = new FakeServer()
  await server.install(context)
  const page = await context.newPage()
  await page.goto(`${server.origin}/${room ? `#/${encodeURIComponent(room)}` : ""}`)
  await page.getByTestId("login-name").waitFor()
  if (signedIn) {
    await page.getByTestId("login-name").fill("Olena")
    await page.getByTestId("login-submit").click()
    await page.getByTestId("connection-state").waitFor({ state: "attached" })
  }
  await play({ page, server, context })
  await page.evaluate(AXE)
  await look(page, name, { runOnly: { type: "tag", values: TAGS } })
  await page.emulateMedia({ colorScheme: "dark" })
  await look(page, `${name}, dark`, { runOnly: { type: "rule", values: ["color-contrast"] } })
  found.push(...(await tooSmall(page)).map((target) => `${name}: ${target}`))
  await context.close()
  console.log(`looked at: ${name}`)
}

const chatting = ({ page }) => page.getByTestId("message").nth(3).waitFor()

await state("sign-in", async () => {}, { signedIn: false })
await state("sign-in, refused", async ({ page }) => {
  await page.getByTestId("login-tab-password").click()
  await page.getByTestId("login-name").fill("olena")
  await page.getByTestId("login-password").fill("wrong-password")
  await page.getByTestId("login-submit").click()
  await page.getByTestId("login-problem").waitFor()
}, { signedIn: false })
await state("a room", chatting)
await state("a room on a phone", chatting, { device: PHONE })
await state("a room with files", ({ page }) => page.getByTestId("picture").waitFor(), { room: "розробка" })
await state("an empty room", ({ page }) => page.getByText("Write the first message").waitFor(), { room: "empty" })
await state("the list on a phone", ({ page }) => page.getByTestId("room-code").waitFor(), { device: PHONE, room: null })
await state("the drawer", async ({ page }) => {
  await page.getByTestId("open-rooms").click()
  await page.getByTestId("room-code").waitFor()
}, { device: PHONE })
await state("the people on a phone", async ({ page }) => {
  await page.getByTestId("toggle-people").click()
  await page.getByTestId("people").waitFor()
}, { device: PHONE })
await state("a picture", async ({ page }) => {
  await page.getByTestId("picture").click()
  await page.getByRole("dialog").waitFor()
}, { room: "розробка" })
await state("scrolled up, with something new", async ({ page, server }) => {
  await page.getByTestId("message").first().waitFor()
  await page.getByRole("log").evaluate((log) => (log.scrollTop = 0))
  server.say("ops.alerts", taras, "here")
  await page.getByTestId("to-newest").waitFor()
}, { room: "ops.alerts" })
await state("offline, with a message that waits and a file that was refused", async ({ page, server, context }) => {
  await chatting({ page })
  server.onUpload = (route) => route.fulfill({ status: 413, contentType: "application/problem+json", body: '{"code":"too_large"}' })
  await page.getByTestId("file-input").setInputFiles({ name: "big.zip", mimeType: "application/zip", buffer: Buffer.alloc(1000) })
  await page.getByTestId("send").click()
  await page.getByTestId("upload").getByRole("alert").waitFor()
  server.refuses = true
  await context.setOffline(true)
  await page.locator("[data-state=offline]").waitFor()
  await page.getByTestId("composer").fill("from the tunnel")
  await page.getByTestId("send").click()
  await page.getByTestId("pending-message").waitFor()
})
await state("asked before signing out with something unsent", async ({ page }) => {
  await chatting({ page })
  await page.getByTestId("file-input").setInputFiles({ name: "held.txt", mimeType: "text/plain", buffer: Buffer.alloc(1000) })
  await page.getByTestId("composer").fill("half")
  await page.getByTestId("sign-out").click()
  await page.getByTestId("sign-out-question").waitFor()
})
await state("asked for another password, and a common one refused", async ({ page }) => {
  await chatting({ page })
  await register(page)
  await page.getByTestId("change-password").click()
  await page.getByTestId("old-password").fill("kobzar 1840")
  await page.getByTestId("new-password").fill("password1")
  await page.getByTestId("password-submit").click()
  await page.getByTestId("password-problem").waitFor()
})
await state("another password, on a phone", async ({ page }) => {
  await chatting({ page })
  await register(page)
  await page.getByTestId("change-password").click()
  await page.getByTestId("password-dialog").waitFor()
}, { device: PHONE })
await state("a room in which one is not", async ({ page }) => {
  await page.evaluate(() => void (location.hash = "#/generl"))
  await page.getByTestId("come-in").waitFor()
})

const row = (page, seq) => page.locator(`[data-seq="${seq}"]`)
const inChanged = { room: "changed" }
const onPhone = { ...inChanged, device: PHONE }
await state("messages that were changed, with what may be done with one", async ({ page }) => {
  await row(page, 11).hover()
  await page.getByTestId("message-toolbar").waitFor()
}, inChanged)
await state("messages that were changed, on a phone", ({ page }) => row(page, 12).waitFor(), onPhone)
await state("an edit, an answer and a refused edit", async ({ page, server }) => {
  server.onChange = "too_large"
  await row(page, 12).waitFor()
  await page.getByTestId("composer").press("ArrowUp")
  await page.getByTestId("edit-field").fill("another text")
  await page.getByTestId("edit-field").press("Enter")
  await page.getByTestId("failure").waitFor()
  await row(page, 10).hover()
  await page.getByTestId("action-reply").click()
  await page.getByTestId("composer").press("Escape")
  await row(page, 10).hover()
  await page.getByTestId("action-reply").click()
  await row(page, 4).hover()
  await page.getByTestId("action-edit").click()
  await page.getByTestId("edit-field").waitFor()
}, inChanged)
for (const [where, options] of [["", inChanged], [" on a phone", onPhone]]) await state(`an emoji is chosen${where}`, async ({ page }) => {
  await row(page, 11).getByTestId("add-reaction").click()
  await page.getByTestId("emoji").first().waitFor()
}, options)
await state("asked before a message is deleted", async ({ page }) => {
  await row(page, 12).hover()
  await page.getByTestId("action-delete").click()
  await page.getByTestId("delete-question").waitFor()
}, inChanged)
await state("what may be done with a message, on a phone", async ({ page }) => {
  await row(page, 12).getByTestId("message-text").tap()
  await page.getByTestId("message-sheet").waitFor()
}, onPhone)

const inBudget = { room: "~budget" }
const inSome = [["", inBudget], [", on a phone", { ...inBudget, device: PHONE }]]
for (const [where, options] of inSome) {
  await state(`a private room${where}`, async ({ page, server }) => {
    await page.getByTestId("composer").waitFor()
    server.govern("~budget", taras, { kind: "member", user: people[3], role: "member" })
    await page.getByTestId("room-line").waitFor()
  }, options)
  await state(`the settings of a room${where}`, async ({ page }) => {
    await page.getByTestId("open-settings").click()
    await page.getByTestId("room-settings").waitFor()
  }, options)
  await state(`what may be done with a person${where}`, async ({ page }) => {
    if (where) await page.getByTestId("toggle-people").click()
    await page.getByTestId("person").first().click()
    await page.getByTestId("person-menu").waitFor()
  }, options)
  await state(`a name is completed${where}`, async ({ page }) => {
    await page.getByTestId("message").first().waitFor()
    await page.getByTestId("composer").pressSequentially("@")
    await page.getByTestId("names").waitFor()
  }, options)
  await state(`of what one is alerted${where}`, async ({ page }) => {
    await page.getByTestId("open-level").click()
    await page.getByTestId("level-menu").waitFor()
  }, options)
  await state(`a room is made${where}`, async ({ page }) => {
    await page.getByTestId("composer").waitFor()
    if (where) await page.getByTestId("open-rooms").click()
    await page.getByTestId("open-new-room").click()
    await page.getByTestId("people-field").fill("т")
    await page.getByTestId("found-person").click()
    await page.getByTestId("people-field").fill("м")
    await page.getByTestId("found-person").waitFor()
  }, options)
  await state(`somebody is written to${where}`, async ({ page }) => {
    await page.getByTestId("composer").waitFor()
    if (where) await page.getByTestId("open-rooms").click()
    await page.getByTestId("open-new-message").click()
    await page.getByTestId("new-message").waitFor()
  }, options)
  await state(`what happened to one${where}`, async ({ page, server }) => {
    await page.getByTestId("composer").waitFor()
    server.happen("invited", taras, { room: "~budget", title: "Бюджет" }, 90)
    server.happen("removed", maria, { room: "~gone", title: "Свято" })
    if (where) await page.getByTestId("open-rooms").click()
    await page.getByTestId("open-inbox").click()
    await page.getByTestId("happening").nth(1).waitFor()
  }, options)
}
await state("people are mentioned", async ({ page, server }) => {
  await row(page, 11).waitFor()
  server.tell({ type: "notify", room: "ops.alerts", level: "none" })
  await page.getByTestId("muted").waitFor()
  server.say("дизайн", maria, "@Олена Кравець", { mentions: ["u-olena"] })
  await page.getByTestId("mentions-дизайн").waitFor()
}, inChanged)
for (const [where, options] of [["", {}], [" on a phone", { device: PHONE }]]) await state(`a thread${where}`, async ({ page }) => {
  await row(page, 6).getByTestId("replies").click()
  await page.getByTestId("thread").locator("[data-seq='13']").waitFor()
}, { ...options, room: "threads" })
await state("an archived room", ({ page }) => page.getByTestId("closed").waitFor(), { room: "~old" })
await state("asked before somebody is removed", async ({ page }) => {
  await page.getByTestId("person").filter({ hasText: "Марія" }).click()
  await page.getByTestId("person-remove").click()
  await page.getByTestId("remove-question").waitFor()
}, inBudget)
await state("a conversation of two", ({ page }) => page.getByTestId("composer").waitFor(), { room: "~d.taras" })

await browser.close()
assert.equal(found.length, 0, `axe found:\n${found.join("\n")}`)
