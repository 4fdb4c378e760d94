/** A browser, and a page in it with a fake server behind, for scenes that are played. */
import assert from "node:assert/strict"
import { chromium } from "playwright-core"
import { rooms } from "./content.mjs"
import { FakeServer } from "./fake.mjs"

// A program, or the address of a Playwright server.
const place = process.env.CHROMIUM ?? "/usr/bin/chromium"
export const browser = await (/^wss?:/.test(place) ? chromium.connect(place) : chromium.launch({ executablePath: place, args: ["--no-sandbox"] }))

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** Plays a scene in a room of somebody who has just come in. The command line may name the scenes to be played by a part of their names. */
export const scenario = async (name, room, play, { prepare = async () => {}, timezoneId = "Europe/Kyiv", beside = {}, device = {}, waitFor = "composer" } = {}) => {
  if (!name.includes(process.argv[2] ?? "")) return
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB", ...(timezoneId && { timezoneId }), ...device })
  const server = new FakeServer({ ...rooms, ...beside }) // `beside`: rooms of this scenario alone
  await server.install(context)
  const page = await context.newPage()
  const errors = []
  page.on("pageerror", (error) => errors.push(error))
  await prepare(page)
  await page.goto(`${server.origin}/#/${room}`)
  await page.getByTestId("login-name").fill("Olena")
  await page.getByTestId("login-submit").click()
  await page.getByTestId(waitFor).waitFor()
  const log = page.getByRole("log")
  await play({ page, server, log, context, message: (seq) => page.locator(`[data-seq="${seq}"]`) })
  assert.deepEqual(errors, [])
  console.log(`ok: ${name}`)
  await context.close()
}
