/**
 * Takes screenshots of the built page in the states that people meet: `npm run build && npm run look`, then see test/look/shots.
 * CHROMIUM names the browser (/usr/bin/chromium). Fails where the page reports an error, a refused style or script included.
 */
import { mkdir } from "node:fs/promises"
import { chromium } from "playwright-core"
import { album, changed, naming, people, rooms, some, threaded } from "./content.mjs"
import { FakeServer } from "./fake.mjs"
import { register } from "./registering.mjs"

const SHOTS = new URL("./shots/", import.meta.url).pathname
const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }
const [, taras, maria] = people

const only = process.argv[2] ?? ""
const complaints = []

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] })
await mkdir(SHOTS, { recursive: true })

const scene = async (name, { viewport = DESKTOP, scheme = "light", locale = "uk-UA", room = "розробка", signedIn = true, beside = {} }, play) => {
  if (!name.includes(only)) return
  const context = await browser.newContext({ viewport, colorScheme: scheme, locale, timezoneId: "Europe/Kyiv", hasTouch: viewport === PHONE, isMobile: viewport === PHONE })
  const server = new FakeServer({ ...rooms, ...beside }) // `beside`: rooms of this scene alone
  await server.install(context)
  const page = await context.newPage()
  page.on("pageerror", (error) => complaints.push(`${name}: ${error}`))
  page.on("console", (message) => {
    if (message.type() === "error" && !/400|401|413|ERR_INTERNET_DISCONNECTED/.test(message.text())) complaints.push(`${name}: ${message.text()}`)
  })
  await page.goto(`${server.origin}/${room ? `#/${encodeURIComponent(room)}` : ""}`)
  if (signedIn) {
    await page.getByTestId("login-name").fill(server.user.name)
    await page.getByTestId("login-submit").click()
    await page.getByTestId("connection-state").waitFor({ state: "attached" })
  }
  const shoot = async (more = "") => {
    await page.evaluate(() => document.fonts.ready)
    await page.waitForTimeout(300)
    await page.screenshot({ path: `${SHOTS}${name}${more}.png` })
  }
  await play({ page, server, context, shoot })
  await context.close()
}

const chatting = async ({ page, server, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  server.tell({ type: "typing", room: "розробка", user: maria })
  await page.getByTestId("typing").getByText("Марія").waitFor()
  await shoot()
}

for (const scheme of ["light", "dark"]) {
  await scene(`desktop-${scheme}-chat`, { scheme }, chatting)
  await scene(`phone-${scheme}-chat`, { scheme, viewport: PHONE }, chatting)
  await scene(`login-${scheme}`, { scheme, signedIn: false }, ({ shoot }) => shoot())
  await scene(`offline-${scheme}`, { scheme, locale: "en-GB" }, async ({ page, server, context, shoot }) => {
    await page.getByTestId("message").first().waitFor()
    await page.getByTestId("composer").fill("On my way, back in ten minutes.")
    await page.getByTestId("send").click()
    server.onChat = "too_large"
    await page.getByTestId("composer").fill("Here is the whole log of last night, pasted by accident.")
    await page.getByTestId("send").click()
    await page.getByTestId("retry").waitFor()
    server.refuses = true
    await context.setOffline(true)
    await page.locator("[data-state=offline]").waitFor()
    await page.getByTestId("composer").fill("The tunnel is long: this one waits.")
    await page.getByTestId("send").click()
    await page.getByTestId("composer").fill("And a line that is being written\nwith a second line")
    await shoot()
  })
  // More is unread than comes with a room: it opens at the first of it.
  const unread = async ({ page, shoot }) => {
    await page.getByTestId("new-line").waitFor()
    await page.getByTestId("to-newest").waitFor()
    await shoot()
  }
  await scene(`desktop-${scheme}-unread`, { scheme, room: "ops.alerts", locale: "en-GB" }, unread)
  await scene(`phone-${scheme}-unread`, { scheme, room: "ops.alerts", viewport: PHONE }, unread)
  for (const [place, viewport] of [["", DESKTOP], ["phone-", PHONE]]) await scene(`${place}uploads-${scheme}`, { scheme, viewport }, async ({ page, server, shoot }) => {
    await page.getByTestId("message").first().waitFor()
    server.onUpload = (route) => {
      if (route.request().postData()?.includes("архів")) return route.fulfill({ status: 413, contentType: "application/problem+json", body: '{"code":"too_large"}' })
    }
    const { chart } = await import("./chart.mjs")
    await page.getByTestId("file-input").setInputFiles([
      { name: "архів.zip", mimeType: "application/zip", buffer: Buffer.alloc(1000) },
      { name: "схема шлюзу.png", mimeType: "image/png", buffer: chart() },
      { name: "протокол зустрічі.docx", mimeType: "application/msword", buffer: Buffer.alloc(90_000) },
    ])
    await page.getByTestId("composer").fill("Ось усе, про що говорили вранці")
    await shoot("-held")
    await page.getByTestId("send").click()
    await page.getByTestId("upload").first().getByRole("alert").waitFor()
    await shoot()
  })
}

for (const [scheme, locale] of [["light", "uk-UA"], ["dark", "en-GB"]]) {
  for (const [place, viewport] of [["desktop", DESKTOP], ["tablet", { width: 820, height: 1000 }], ["phone", PHONE]]) {
    await scene(`${place}-${scheme}-threads`, { scheme, locale, viewport, room: "threads", beside: { threads: threaded } }, async ({ page, server, shoot }) => {
      await page.getByTestId("message").first().waitFor()
      await shoot("-room")
      await page.locator("[data-seq='6']").getByTestId("replies").click()
      const thread = page.getByTestId("thread")
      await thread.locator("[data-seq='13']").waitFor()
      await thread.getByTestId("composer").fill("Дякую, дивлюся")
      await shoot()
      server.onChat = "too_large"
      await thread.getByTestId("send").click()
      await thread.getByTestId("retry").waitFor()
      await page.getByTestId("close-thread").click()
      await shoot("-failed")
      await page.locator("[data-seq='16']").click()
      if (viewport === PHONE) {
        await page.getByTestId("message-sheet").waitFor()
        await shoot("-sheet")
        await page.getByTestId("action-thread").click()
      } else {
        await page.locator("[data-seq='16']").hover()
        await page.getByTestId("action-thread").click()
      }
      await thread.getByTestId("composer").waitFor()
      await shoot("-empty")
    })
  }
}

await scene("phone-drawer", { viewport: PHONE }, async ({ page, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await page.getByTestId("open-rooms").click()
  await shoot()
})
await scene("phone-people", { viewport: PHONE, scheme: "dark" }, async ({ page, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await page.getByTestId("toggle-people").click()
  await shoot()
})
await scene("phone-first", { viewport: PHONE, room: null }, ({ shoot }) => shoot())
await scene("phone-login", { viewport: PHONE, signedIn: false }, ({ shoot }) => shoot())
await scene("login-password", { signedIn: false, locale: "en-GB" }, async ({ page, shoot }) => {
  await page.getByTestId("login-tab-password").click()
  await page.getByTestId("login-name").fill("olena")
  await page.getByTestId("login-password").fill("wrong")
  await page.getByTestId("login-submit").click()
  await page.getByTestId("login-problem").waitFor()
  await shoot()
})
for (const [name, options] of [["desktop-sign-out", {}], ["phone-sign-out", { viewport: PHONE, scheme: "dark" }]]) await scene(name, options, async ({ page, server, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await server.cut()
  for (const text of ["Одне", "Друге"]) {
    await page.getByTestId("composer").fill(text)
    await page.getByTestId("send").click()
  }
  await page.getByTestId("composer").fill("І ще трохи")
  await page.getByTestId("file-input").evaluate((picker) => {
    const given = new DataTransfer()
    for (const [file, size] of [["знімки.zip", 70_000_000], ["план.txt", 900]]) given.items.add(new File([new Uint8Array(size)], file))
    picker.files = given.files
    picker.dispatchEvent(new Event("change", { bubbles: true }))
  })
  await page.locator("[data-testid=upload].unkept").waitFor()
  await shoot("-unkept")
  if (options.viewport === PHONE) await page.getByTestId("open-rooms").click()
  await page.getByTestId("sign-out").click()
  await page.getByTestId("sign-out-question").waitFor()
  await shoot()
})
for (const [name, options] of [["desktop-password", { locale: "en-GB" }], ["phone-password", { viewport: PHONE, scheme: "dark" }]]) await scene(name, options, async ({ page, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await register(page)
  await shoot("-opener")
  await page.getByTestId("change-password").click()
  await page.getByTestId("password-dialog").waitFor()
  await shoot()
  await page.getByTestId("old-password").fill("kobzar 1840")
  await page.getByTestId("new-password").fill("password1")
  await page.getByTestId("password-submit").click()
  await page.getByTestId("password-problem").waitFor()
  await shoot("-refused")
  await page.getByTestId("new-password").fill("some new words")
  await page.getByTestId("password-submit").click()
  await page.getByTestId("password-changed").waitFor()
  await shoot("-changed")
})
for (const [name, options] of [["mistyped-room", { scheme: "dark" }], ["phone-mistyped-room", { viewport: PHONE }]]) await scene(name, options, async ({ page, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await page.evaluate(() => void (location.hash = "#/розрбка"))
  await page.getByTestId("come-in").waitFor()
  await shoot()
})
for (const scheme of ["light", "dark"]) for (const [place, viewport] of [["", DESKTOP], ["phone-", PHONE]]) await scene(`${place}shapes-${scheme}`, { scheme, viewport, room: "знімки", beside: { знімки: album } }, async ({ page, shoot }) => {
  await page.getByTestId("picture").last().waitFor()
  await shoot("-end")
  await page.getByRole("log").evaluate((log) => (log.scrollTop = 0))
  await shoot()
})
for (const [scheme, locale] of [["light", "uk-UA"], ["dark", "en-GB"]]) {
  const options = { scheme, locale, room: "зміни", beside: { зміни: changed } }
  const row = (page, seq) => page.locator(`[data-seq="${seq}"]`)
  await scene(`changes-${scheme}`, options, async ({ page, server, shoot }) => {
    await row(page, 12).waitFor()
    await shoot("-end")
    await page.getByRole("log").evaluate((log) => (log.scrollTop = 0))
    await row(page, 3).hover()
    await page.getByTestId("message-toolbar").waitFor()
    await shoot("-toolbar")
    await page.getByTestId("action-edit").click()
    await page.getByTestId("edit-field").fill("Я можу, з дев'ятої до обіду,\nа далі хай хтось інший.")
    await shoot("-edit")
    await page.getByTestId("edit-save").click()
    server.onChange = "too_large"
    await page.getByTestId("composer").press("ArrowUp")
    await page.getByTestId("edit-field").fill("Дивлюся, і бачу ось що")
    await page.getByTestId("edit-field").press("Enter")
    await page.getByTestId("retry").waitFor()
    server.onChange = "swallow"
    await row(page, 11).hover()
    await page.getByTestId("reaction").last().click()
    await page.getByTestId("action-react").click()
    await page.getByTestId("quick-emoji").nth(3).click()
    await row(page, 3).hover()
    await page.getByTestId("action-delete").click()
    await page.getByTestId("delete-question").waitFor()
    await shoot("-delete")
    await page.getByTestId("delete-anyway").click()
    await row(page, 10).hover()
    await page.getByTestId("action-reply").click()
    await page.getByTestId("reply-bar").waitFor()
    await shoot("-waiting")
    await row(page, 11).hover()
    await page.getByTestId("action-react").click()
    await page.getByTestId("emoji").first().waitFor()
    await shoot("-emoji")
    await page.getByTestId("emoji-search").fill(locale === "uk-UA" ? "кіт" : "cat")
    await shoot("-emoji-search")
  })
  await scene(`phone-changes-${scheme}`, { ...options, viewport: PHONE }, async ({ page, shoot }) => {
    await row(page, 12).waitFor()
    await shoot("-end")
    await page.getByRole("log").evaluate((log) => (log.scrollTop = 0))
    await shoot()
    await row(page, 3).getByTestId("message-text").tap()
    await page.getByTestId("message-sheet").waitFor()
    await shoot("-sheet")
    await page.getByTestId("action-edit").click()
    await page.getByTestId("edit-field").waitFor()
    await shoot("-edit")
    await page.getByTestId("edit-cancel").click()
    await row(page, 4).getByTestId("message-text").tap()
    await page.getByTestId("action-react").click()
    await page.getByTestId("emoji").first().waitFor()
    await shoot("-emoji")
    await page.keyboard.press("Escape")
    await row(page, 4).getByTestId("message-text").tap()
    await page.getByTestId("action-reply").click()
    await shoot("-reply")
  })
}
for (const [scheme, locale] of [["light", "uk-UA"], ["dark", "en-GB"]]) for (const [place, viewport] of [["", DESKTOP], ["phone-", PHONE]]) {
  await scene(`${place}mentions-${scheme}`, { scheme, locale, viewport, room: "зустріч", beside: { зустріч: naming, ...some } }, async ({ page, server, shoot }) => {
    await page.locator("[data-seq='7']").waitFor()
    for (let i = 0; i < 4; i++) server.say("дизайн", maria, "@Олена Кравець, ще одне", { mentions: ["u-olena"] })
    server.say("~d.taras", taras, "І ще одне, @Олена Кравець", { mentions: ["u-olena"] })
    server.happen("mention", taras, { room: "~budget", title: "Бюджет", of: 3, why: "reply" }, 30)
    server.happen("mention", maria, { room: "дизайн", of: 8, why: "mention" })
    server.tell({ type: "notify", room: "кухня", level: "none" })
    server.tell({ type: "notify", room: "ops.alerts", level: "none" })
    server.tell({ type: "notify", room: "support-night", level: "mentions" })
    server.say("support-night", people[5], "One more ticket.")
    server.say("кухня", taras, "Хто по каву?")
    await shoot()
    const phone = viewport === PHONE
    await page.getByTestId("composer").pressSequentially("Так, @")
    await page.getByTestId("name").first().waitFor()
    await shoot("-all")
    await page.getByTestId("composer").pressSequentially("ш")
    await shoot("-some")
    await page.getByTestId("name").first().click()
    await page.getByTestId("composer").pressSequentially("і @мар")
    await page.getByTestId("composer").press("Enter")
    await page.getByTestId("composer").press("Control+Enter")
    await page.locator("[data-seq='8']").waitFor()
    await shoot("-sent")
    await page.locator("[data-seq='7']").getByTestId("message-author").click()
    await page.keyboard.press("Escape")
    await page.locator("[data-seq='4']").getByTestId("mention").first().click()
    await shoot("-person")
    await page.keyboard.press("Escape")
    await page.getByTestId("open-level").click()
    await shoot("-level")
    await page.keyboard.press("Escape")
    if (phone) await page.getByTestId("open-rooms").click()
    await shoot("-rooms")
    await page.getByTestId("open-inbox").click()
    await shoot("-inbox")
  })
}
await scene("shapes-waiting", { viewport: PHONE, room: "знімки", beside: { знімки: album } }, async ({ page, context, shoot }) => {
  await page.getByTestId("picture").first().waitFor()
  await context.route("**/api/files/**", (route) => route.abort("internetdisconnected"))
  await page.reload()
  await page.getByTestId("picture-again").nth(1).waitFor()
  await page.getByRole("log").evaluate((log) => (log.scrollTop = 0))
  await page.getByTestId("picture-again").nth(3).waitFor()
  await shoot()
})
await scene("phone-picture-whole", { viewport: PHONE }, async ({ page, shoot }) => {
  await page.getByTestId("picture").click()
  await shoot()
})
await scene("signed-out", { locale: "uk-UA" }, async ({ page, server, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await server.cut(4503)
  await page.getByTestId("login-name").waitFor()
  await shoot()
})
await scene("empty-room", { room: "нова-кімната" }, ({ shoot }) => shoot())
await scene("scrolled", { room: "ops.alerts", locale: "en-GB" }, async ({ page, server, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  await page.getByRole("log").evaluate((log) => (log.scrollTop = 800))
  await page.waitForTimeout(200)
  server.say("ops.alerts", taras, "I am looking at gateway-2 now.")
  await page.getByTestId("to-newest").waitFor()
  await shoot()
})
await scene("restart", {}, async ({ page, server, shoot }) => {
  await page.getByTestId("message").first().waitFor()
  server.tell({ type: "reconnect", after_ms: 5000 })
  await server.cut(4001)
  await page.locator("[data-state=restart]").waitFor()
  await shoot()
})
await scene("pictures", { viewport: PHONE }, async ({ page, shoot }) => {
  await page.getByTestId("picture").scrollIntoViewIfNeeded()
  await shoot()
})
await scene("picture-whole", { scheme: "dark" }, async ({ page, shoot }) => {
  await page.getByTestId("picture").click()
  await shoot()
})
await scene("tablet", { viewport: { width: 820, height: 1180 } }, chatting)

await browser.close()
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length > 0 ? 1 : 0
