/**
 * What only a real browser shows of threads: how one is opened and left, by mouse, by keys alone, on a touch screen, and what stands in the room.
 * `npm run build && node test/look/threads.mjs [scene]`; ends with an error at the first thing that is not so.
 */
import assert from "node:assert/strict"
import { people, threaded } from "./content.mjs"
import { browser, PHONE, scenario } from "./stage.mjs"

const [me, taras, maria, andrii] = people
const far = {
  readUpTo: 500,
  talk: Array.from({ length: 500 }, (_, i) => [2000 - i, i % 3 ? taras : me, `line ${i + 1}`, i === 3 ? { thread: 2 } : i > 4 && i < 160 && i % 2 ? { thread: 1 } : {}]),
}
const beside = { beside: { threads: threaded, far } }

const focusedOn = (page) => page.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.role ?? document.activeElement.localName)
const until = (page, condition, given) => page.waitForFunction(condition, given, { timeout: 5000 })
const untilFocused = (page, testId) => until(page, (wanted) => document.activeElement.dataset.testid === wanted, testId)
const hidden = (locator) => locator.waitFor({ state: "detached" })
const heard = (server, type) => server.heard.filter((frame) => frame.type === type)
const textsIn = (panel) => panel.getByTestId("message-text").allTextContents()
/** A message in the room, a message in the thread. */
const inRoom = (page, seq) => page.locator(`main [data-seq="${seq}"]`)
const inThread = (page, seq) => page.getByTestId("thread").locator(`[data-seq="${seq}"]`)

await scenario("in the room what is said in a thread is one line, and its message says how many there are", "threads", async ({ page, log, server }) => {
  const line = inRoom(page, 7)
  assert.equal(await line.getAttribute("data-testid"), "threaded-line")
  assert.match(await line.textContent(), /Андрій\s+answered in a thread:\s+Можу я, але без звітів/)
  assert.match(await inRoom(page, 12).textContent(), /Андрій\s+answered in a thread:\s+message deleted/)
  assert.match(await inRoom(page, 6).getByTestId("replies").textContent(), /5 replies/)
  assert.match(await inRoom(page, 10).getByTestId("replies").textContent(), /2 replies/)
  assert.equal(await log.getByTestId("message").filter({ hasText: "Показ готовий" }).count(), 0)
  server.say("threads", taras, "Ще одне", { thread: 10 })
  await inRoom(page, 10).getByText("3 replies").waitFor()
  await page.getByText("Тарас in a thread: Ще одне").waitFor({ state: "attached" }) // for screen readers
  server.say("threads", taras, "Перша", { thread: 16 })
  await inRoom(page, 16).getByText("1 reply").waitFor()
}, beside)

await scenario("a thread is read and written beside the room, with its own draft; Escape closes it, and the focus goes back", "threads", async ({ page, server }) => {
  await page.getByTestId("composer").fill("for the room")
  await inRoom(page, 6).getByTestId("replies").click()
  const panel = page.getByTestId("thread")
  await untilFocused(page, "composer")
  assert.ok(await panel.evaluate((element) => element.contains(document.activeElement)))
  assert.match(page.url(), /#\/threads\/thread\/6$/)
  assert.equal((await textsIn(panel))[0], threaded.talk[5][2], "the message under which they stand is on top")
  await page.keyboard.type("under it")
  await page.keyboard.press("Enter")
  await inThread(page, 17).getByText("under it").waitFor()
  assert.deepEqual(heard(server, "chat").map(({ text, thread }) => [text, thread]), [["under it", 6]])
  await inRoom(page, 17).getByText("answered in a thread:").waitFor()
  assert.equal(await page.locator("main").getByTestId("composer").inputValue(), "for the room")
  await page.keyboard.type("half of a")
  await page.keyboard.press("Escape")
  await hidden(panel)
  await untilFocused(page, "replies")
  assert.match(page.url(), /#\/threads$/)
  await page.keyboard.press("Enter")
  assert.equal(await panel.getByTestId("composer").inputValue(), "half of a")
  await panel.getByTestId("close-thread").click()
  await inRoom(page, 10).getByTestId("replies").click()
  assert.equal(await panel.getByTestId("composer").inputValue(), "")
}, beside)

await scenario("by keys alone: the actions of a row lead into a thread, a line does, and Escape takes the nearest thing first", "threads", async ({ page }) => {
  await page.getByRole("log").focus()
  for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.dataset.seq)) !== "16"; i++) await page.keyboard.press("Tab")
  await page.keyboard.press("ArrowUp")
  assert.equal(await focusedOn(page), "threaded-line")
  await page.keyboard.press("Enter")
  await until(page, () => document.activeElement.dataset.seq === "15" && document.activeElement.closest("[data-testid=thread]"))
  await page.keyboard.press("Enter")
  await untilFocused(page, "action-react")
  assert.equal(await page.getByTestId("thread").getByTestId("action-thread").count(), 0, "a thread is one level deep")
  await page.keyboard.press("ArrowRight")
  await page.keyboard.press("Enter")
  await page.getByTestId("reply-bar").waitFor()
  await untilFocused(page, "composer")
  await page.keyboard.press("Escape")
  await hidden(page.getByTestId("reply-bar"))
  assert.ok(await page.getByTestId("thread").isVisible(), "the answer is dropped, and the thread stays")
  await page.keyboard.press("Escape")
  await hidden(page.getByTestId("thread"))
  await until(page, () => document.activeElement.dataset.seq === "15")
  await page.keyboard.press("ArrowDown")
  await page.keyboard.press("Enter")
  await untilFocused(page, "action-react")
  await page.keyboard.press("ArrowRight")
  await page.keyboard.press("ArrowRight")
  assert.equal(await focusedOn(page), "action-thread")
  await page.keyboard.press("Enter")
  await page.getByText("No replies yet.").waitFor()
  await untilFocused(page, "composer")
  await page.keyboard.press("Escape")
  await hidden(page.getByTestId("thread"))
  await until(page, () => document.activeElement.closest("[data-seq='16']"))
}, beside)

await scenario("in a thread one edits, deletes, reacts and quotes as in a room", "threads", async ({ page, server }) => {
  await inRoom(page, 1).getByTestId("replies").click()
  const composer = page.getByTestId("thread").getByTestId("composer")
  await inThread(page, 4).waitFor()
  await composer.press("ArrowUp")
  const field = page.getByTestId("edit-field")
  assert.equal(await page.locator("main [data-testid=edit-field]").count(), 0)
  await field.fill("Перевірила: вміщається.")
  await field.press("Enter")
  await inThread(page, 4).getByText("Перевірила: вміщається.").waitFor()
  await inRoom(page, 4).getByText("Перевірила: вміщається.").waitFor()
  await inThread(page, 3).hover()
  await inThread(page, 3).getByTestId("action-reply").click()
  await composer.fill("Дякую")
  await composer.press("Enter")
  const { text, reply_to, thread } = heard(server, "chat").at(-1)
  assert.deepEqual([text, reply_to, thread], ["Дякую", 3, 1])
  await page.getByTestId("thread").getByTestId("quote").filter({ hasText: "Fifteen minutes" }).click()
  await until(page, () => document.activeElement.dataset.seq === "3")
  await inThread(page, 1).hover()
  await inThread(page, 1).getByTestId("action-pin").click()
  await inThread(page, 1).getByTestId("pinned").waitFor()
  await inThread(page, 4).hover()
  await inThread(page, 4).getByTestId("action-delete").click()
  await page.getByTestId("delete-anyway").click()
  await inThread(page, 4).getByText("message deleted").waitFor()
  assert.match(await inRoom(page, 1).getByTestId("replies").textContent(), /4 replies/, "what was deleted stays counted")
}, beside)

await scenario("what is read in the thread is read in the room", "threads", async ({ page, server }) => {
  await inRoom(page, 6).getByTestId("replies").click()
  await inThread(page, 13).waitFor()
  server.say("threads", andrii, "свіже", { thread: 6 })
  await inThread(page, 17).getByText("свіже").waitFor()
  const marks = () => heard(server, "read").filter(({ room }) => room === "threads").map(({ seq }) => seq)
  for (const end = Date.now() + 5000; marks().at(-1) !== 17 && Date.now() < end; ) await page.waitForTimeout(50)
  assert.equal(marks().at(-1), 17)
}, beside)

await scenario("a thread far above what is here opens by its address, page by page, and Back leads out of it", "far", async ({ page }) => {
  await page.evaluate(() => (location.hash = "#/far/thread/1"))
  const panel = page.getByTestId("thread")
  await panel.getByText("line 160", { exact: true }).waitFor()
  assert.equal(await inRoom(page, 1).count(), 0)
  await panel.getByTestId("thread-count").getByText("78 replies").waitFor()
  const log = panel.getByRole("log")
  for (let i = 0; i < 20 && (await inThread(page, 6).count()) === 0; i++) {
    await log.evaluate((element) => (element.scrollTop = 0))
    await page.waitForTimeout(100)
  }
  assert.equal(await inThread(page, 6).count(), 1)
  assert.equal(await inThread(page, 4).count(), 0, "another thread's")
  assert.equal(await inThread(page, 1).getByTestId("message-text").textContent(), "line 1")
  await page.goBack()
  await hidden(panel)
  assert.match(page.url(), /#\/far$/)
}, beside)

await scenario("what is no thread says so, and closes", "threads", async ({ page, server }) => {
  server.say("threads", maria, "звичайне")
  await page.evaluate(() => (location.hash = "#/threads/thread/400"))
  await page.getByTestId("thread").getByText("no longer kept").waitFor()
  await page.getByTestId("close-thread").click()
  await hidden(page.getByTestId("thread"))
  assert.match(page.url(), /#\/threads$/)
}, beside)

await scenario("the people come back when the thread goes, and take its place when they are asked for", "threads", async ({ page }) => {
  await page.getByTestId("people").waitFor()
  await inRoom(page, 6).getByTestId("replies").click()
  await hidden(page.getByTestId("people"))
  await page.getByTestId("toggle-people").click()
  await page.getByTestId("people").waitFor()
  await hidden(page.getByTestId("thread"))
}, beside)

await scenario("on a phone a thread covers the room, and Back leads there; its row is where it was", "threads", async ({ page, server, message }) => {
  await message(10).tap()
  await page.getByTestId("action-thread").tap()
  const panel = page.getByTestId("thread")
  await inThread(page, 15).waitFor()
  const box = await panel.boundingBox()
  assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 390, 844])
  assert.equal(await page.locator("main").getAttribute("inert"), "")
  await panel.getByTestId("composer").fill("з телефона")
  await panel.getByTestId("send").tap()
  await inThread(page, 17).getByText("з телефона").waitFor()
  assert.equal(heard(server, "chat").at(-1).thread, 10)
  await page.goBack()
  await hidden(panel)
  assert.equal(await page.locator("main").getAttribute("inert"), null)
  await inRoom(page, 17).tap()
  await inThread(page, 17).waitFor()
  await page.getByTestId("close-thread").tap()
  await hidden(panel)
}, { ...beside, device: PHONE })

await scenario("what a thread did not send stays in sight when it is closed, and is sent from there", "threads", async ({ page, server }) => {
  await inRoom(page, 6).getByTestId("replies").click()
  server.onChat = "no_such_message"
  await page.getByTestId("thread").getByTestId("composer").fill("не піде")
  await page.keyboard.press("Enter")
  await page.getByTestId("thread").getByTestId("retry").waitFor()
  await page.getByTestId("close-thread").click()
  await page.getByTestId("threaded-line").filter({ hasText: "не піде" }).waitFor()
  server.onChat = "store"
  await page.getByTestId("retry").click()
  await inRoom(page, 17).getByText("не піде").waitFor()
}, beside)

await browser.close()
