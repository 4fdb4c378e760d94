/**
 * What only a real browser shows: that reading upwards does not jump, that the end is followed, that drafts, keys and files do what they should.
 * `npm run build && node test/look/behave.mjs`; ends with an error at the first thing that is not so.
 */
import assert from "node:assert/strict"
import { people, picture, rooms } from "./content.mjs"
import { browser, PHONE, scenario } from "./stage.mjs"

const [me, taras] = people
rooms.long = { readUpTo: 1500, talk: Array.from({ length: 1500 }, (_, i) => [3000 - i, i % 3 ? taras : me, `line ${i + 1}${i % 7 === 0 ? "\nand a second one\nand a third" : ""}`]) }

const midnightAfter = (at) => {
  const { hour, minute, second } = Object.fromEntries(new Intl.DateTimeFormat("en", { timeZone: "Europe/Kyiv", hourCycle: "h23", hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  return Math.floor(at / 1000) * 1000 + (86_400 - hour * 3600 - minute * 60 - second) * 1000
}
const noon = (Date.now() - midnightAfter(Date.now())) / 60_000 + 36 * 60 // of yesterday, as minutes ago

const legacy = { readUpTo: 1, talk: [[60, taras, "a room of the days when capitals were taken"]] }
const copy = {
  readUpTo: 14,
  talk: [
    [noon + 30, taras, "one"], [noon + 30, taras, "two"], [noon + 29, taras, "with a second line"],
    [noon + 28, me, "three `not code"],
    [noon + 20, taras, "```sql\nSELECT 1;\nSELECT 2;\n```"], [noon + 20, taras, "`code` and https://a.example/x"],
    [noon + 12, people[2], { file: { name: "notes.pdf", size: 1000, mime: "application/pdf" } }], [noon + 11, people[2], "@Олена Кравець <b>no markup</b>"],
    ...["4", "5", "6", "7", "8", "9"].map((text) => [noon + 5, me, text]),
  ],
}
const days = { readUpTo: 1, talk: [[0, taras, "said just before midnight"]] }
rooms.missed = { readUpTo: 901, talk: rooms.long.talk }
rooms.endless = { readUpTo: 100, talk: rooms.long.talk }
rooms.few = { readUpTo: 1498, talk: rooms.long.talk }

const top = (locator) => locator.evaluate((element) => element.getBoundingClientRect().top)
const scrollTop = (log) => log.evaluate((element) => element.scrollTop)
const fromEnd = (log) => log.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight)

await scenario("reading upwards to the beginning, nothing jumps and the page stays small", "long", async ({ page, log, message }) => {
  await message(1500).waitFor()
  assert.ok((await fromEnd(log)) < 2, "it opens at the end")
  let seen = 1500
  for (let i = 0; i < 400 && (await message(1).count()) === 0; i++) {
    const before = await log.evaluate((element) => {
      const frame = element.getBoundingClientRect().top
      const row = [...element.querySelectorAll("[data-seq]")].find((each) => each.getBoundingClientRect().bottom > frame + 40)
      return { seq: Number(row.dataset.seq), top: row.getBoundingClientRect().top }
    })
    assert.ok(before.seq <= seen, `it only goes up: ${before.seq} after ${seen}`)
    seen = before.seq
    const moved = await log.evaluate(async (element) => {
      const from = element.scrollTop
      const by = Math.min(300, from)
      element.scrollTop -= by
      await new Promise((resolve) => setTimeout(resolve, 60))
      return by
    })
    const rows = await page.locator("[data-seq]").count()
    assert.ok(rows <= 330, `${rows} rows are on the page`)
    if ((await message(before.seq).count()) > 0) {
      const after = await top(message(before.seq))
      assert.ok(Math.abs(after - before.top - moved) < 2, `message ${before.seq} moved by ${after - before.top}, not by ${moved}`)
    }
  }
  await message(1).waitFor()
  await page.getByText("This is where #long begins.").waitFor()
  for (let i = 0; i < 60; i++) await log.evaluate(async (element) => {
    element.scrollTop += 3000
    await new Promise((resolve) => setTimeout(resolve, 40))
  })
  await message(1500).waitFor()
  assert.ok((await fromEnd(log)) < 2, "and back down to the end")
})

await scenario("a room opens at the first message that is new, and only what was seen is read", "missed", async ({ page, log, message }) => {
  const inSight = (seq) => message(seq).evaluate((row) => {
    const [{ top, bottom }, frame] = [row.getBoundingClientRect(), row.closest("[role=log]").getBoundingClientRect()]
    return top >= frame.top && bottom <= frame.bottom
  })
  await message(902).waitFor()
  await page.getByTestId("to-newest").filter({ hasText: /\b[34]\d\d new messages/ }).waitFor()
  const line = await top(page.getByTestId("new-line"))
  assert.ok(line < (await top(message(902))) && line > (await top(message(901))), "the line stands before it")
  assert.ok((await inSight(901)) && (await inSight(902)), "with what was said before")
  assert.equal(await page.getByTestId("unread-missed").textContent(), "99+")
  const seen = await log.evaluate(async (element) => {
    const seqs = new Set()
    const isAtEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 2
    for (let i = 0; i < 400 && !(seqs.has(1500) && isAtEnd()); i++) {
      for (const row of element.querySelectorAll("[data-seq]")) seqs.add(Number(row.dataset.seq))
      element.scrollTop += 300
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    return [...seqs].filter((seq) => seq > 901).sort((one, other) => one - other)
  })
  assert.deepEqual(seen, Array.from({ length: 599 }, (_, i) => 902 + i), "reading on from there misses nothing")
  await page.getByTestId("to-newest").waitFor({ state: "detached" })
  await page.getByTestId("unread-missed").waitFor({ state: "detached" })
  assert.equal(await page.getByTestId("mark-read").count(), 0)
})

await scenario("the way to the newest is one press, from wherever a room opens", "missed", async ({ page, log, message }) => {
  await page.getByTestId("to-newest").filter({ hasText: /\b[34]\d\d new messages/ }).click()
  await message(1500).waitFor()
  assert.ok((await fromEnd(log)) < 2)
  assert.equal(await page.getByTestId("unread-missed").textContent(), "99+", "what was passed by is not read")
  await page.getByTestId("mark-read").filter({ hasText: /\b[34]\d\d unread/ }).click()
  await page.getByTestId("unread-missed").waitFor({ state: "detached" })
  await page.getByTestId("mark-read").waitFor({ state: "detached" })
  await page.getByTestId("room-few").click()
  await page.getByTestId("new-line").waitFor()
  assert.ok((await fromEnd(log)) < 2, "two new messages are in sight with the end")
  await page.getByTestId("unread-few").waitFor({ state: "detached" })
})

await scenario("where more is new than anybody reads a room opens at its newest message", "endless", async ({ page, log, message }) => {
  await message(1500).waitFor()
  await page.waitForTimeout(300)
  assert.ok((await fromEnd(log)) < 2)
  assert.equal(await page.getByTestId("new-line").count(), 0)
  assert.equal(await page.getByTestId("unread-endless").textContent(), "99+", "the newest are seen, those before them are not")
  await page.getByTestId("mark-read").waitFor()
})

await scenario("the end is followed, and only there", "long", async ({ page, server, log, message }) => {
  await message(1500).waitFor()
  server.say("long", taras, "followed")
  await message(1501).waitFor()
  await page.waitForTimeout(100)
  assert.ok((await fromEnd(log)) < 2, "a new message is in sight at the end")
  await log.evaluate((element) => (element.scrollTop -= 700))
  await page.waitForTimeout(200)
  const before = await scrollTop(log)
  for (let i = 0; i < 5; i++) server.say("long", taras, `not followed ${i}`)
  await page.getByText("5 new messages").waitFor()
  assert.equal(await scrollTop(log), before, "nothing moves while the reader is elsewhere")
  assert.match(await page.title(), /^\(\d+\) #long/)
  await page.getByTestId("to-newest").click()
  await page.getByTestId("to-newest").waitFor({ state: "detached" })
  assert.ok((await fromEnd(log)) < 2)
  await page.getByTestId("new-line").waitFor()
  assert.equal(await page.getByTestId("unread-long").count(), 0, "what was seen is read")
})

/** Four hundred messages a second, in a room of that name. */
const flood = async (server, room, count) => {
  const began = Date.now()
  for (let i = 0; i < count; i++) {
    server.say(room, taras, `flood ${i}${i % 5 === 0 ? "\nand a second line" : ""}`)
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + i * 2.5 - Date.now())))
  }
}
const rowsOn = (page) => page.locator(".rows > *").count()

await scenario("a flood is followed to its end whatever grows meanwhile, and the page stays small", "long", async ({ page, server, log, message }) => {
  await message(1500).waitFor()
  const composer = page.getByTestId("composer")
  const done = flood(server, "long", 2000)
  for (let i = 0; i < 12; i++) {
    await composer.fill(i % 2 ? "" : "one\ntwo\nthree\nfour\nfive") // the frame of the log shrinks and grows
    server.tell({ type: "typing", room: "long", user: taras })
    assert.ok((await rowsOn(page)) < 300)
    await page.waitForTimeout(80)
  }
  await done
  await message(3500).waitFor()
  assert.ok((await fromEnd(log)) < 2, "the newest is in sight")
  assert.equal(await page.getByTestId("to-newest").count(), 0)
  assert.ok((await rowsOn(page)) < 300)
})

await scenario("who reads above a flood keeps their place on a small page, and reads on or goes to the newest", "long", async ({ page, server, log, message }) => {
  await message(1500).waitFor()
  await log.evaluate((element) => (element.scrollTop -= 700))
  await page.getByTestId("to-newest").waitFor()
  const before = await scrollTop(log)
  await flood(server, "long", 3000)
  await page.getByText("3,000 new messages").waitFor()
  assert.equal(await scrollTop(log), before, "nothing has moved")
  assert.ok((await rowsOn(page)) < 300, `${await rowsOn(page)} rows`)
  const seen = await log.evaluate(async (element) => {
    const seqs = new Set()
    for (let i = 0; i < 900 && !seqs.has(3100); i++) {
      for (const row of element.querySelectorAll("[data-seq]")) seqs.add(Number(row.dataset.seq))
      element.scrollTop += 1500
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    return { seqs: [...seqs].sort((one, other) => one - other), rows: element.querySelectorAll(".rows > *").length }
  })
  assert.ok(seen.rows < 300)
  assert.ok(seen.seqs.at(-1) >= 3100, `reading on brings what was let go: ${seen.seqs.at(-1)}`)
  assert.deepEqual(seen.seqs, Array.from({ length: seen.seqs.length }, (_, i) => seen.seqs[0] + i), "and misses nothing")
  await log.evaluate((element) => (element.scrollTop = 0))
  await page.getByTestId("to-newest").click()
  await message(4500).waitFor()
  await page.waitForTimeout(300)
  assert.ok((await fromEnd(log)) < 2)
  server.say("long", taras, "after all that")
  await page.getByTestId("message-text").getByText("after all that").waitFor()
  assert.ok((await fromEnd(log)) < 2, "and follows again")
})

await scenario("a flood in a room that is not looked at, or in a hidden tab, leaves a small page", "long", async ({ page, server, message }) => {
  await message(1500).waitFor()
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" })
    document.dispatchEvent(new Event("visibilitychange"))
  })
  await flood(server, "long", 1500)
  await flood(server, "дизайн", 1500)
  await message(3000).waitFor()
  assert.ok((await rowsOn(page)) < 300)
  await page.getByTestId("room-дизайн").click()
  await page.getByTestId("message-text").getByText("flood 1499").waitFor()
  assert.ok((await rowsOn(page)) < 300)
})

await scenario("keys: Enter sends, Shift+Enter breaks the line, a draft stays with its room", "long", async ({ page, message }) => {
  await message(1500).waitFor()
  const composer = page.getByTestId("composer")
  await composer.pressSequentially("one")
  await composer.press("Shift+Enter")
  await composer.pressSequentially("two")
  const height = await composer.evaluate((element) => element.clientHeight)
  assert.ok(height > 50, `the field grows: ${height}`)
  await composer.press("Enter")
  await message(1501).getByTestId("message-text").waitFor()
  assert.equal(await message(1501).getByTestId("message-text").textContent(), "one\ntwo")
  assert.equal(await message(1501).getAttribute("data-state"), "stored")
  await composer.fill("a draft")
  await page.getByTestId("room-дизайн").click()
  await page.getByText("О, зовсім інша річ", { exact: true }).waitFor()
  assert.equal(await page.getByTestId("composer").inputValue(), "")
  await page.keyboard.press("Alt+ArrowUp")
  await page.keyboard.press("Alt+ArrowUp")
  await message(1501).waitFor()
  assert.equal(await page.getByTestId("composer").inputValue(), "a draft")
  await page.getByTestId("room-long").focus()
  await page.keyboard.press("ArrowDown")
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "room-розробка")
})

await scenario("a text is only ever text", "дизайн", async ({ page, server }) => {
  const attack = `<img src=x onerror="document.title='broken'"> <script>1</script> javascript:alert(1)`
  server.say("дизайн", { id: "x", name: "<b>Bold</b>" }, attack)
  await page.getByTestId("message-text").getByText(attack).waitFor()
  await page.getByTestId("message-author").getByText("<b>Bold</b>").waitFor()
  assert.equal(await page.locator("[data-testid=message] img, [data-testid=message] script, [data-testid=message] b").count(), 0)
})

await scenario("a direction mark turns no address round, and what is shown of a link is what it opens", "дизайн", async ({ page, server }) => {
  server.say("дизайн", taras, "\u202ehttps://a.example/gnp.exe та **https://b.example/Hobson’s_choice**")
  const link = page.getByRole("link", { name: "https://a.example/gnp.exe", exact: true })
  await link.waitFor()
  const [first, last] = await link.evaluate(({ firstChild: text }) =>
    [0, text.length - 1].map((at) => {
      const range = new Range()
      range.setStart(text, at)
      range.setEnd(text, at + 1)
      return range.getBoundingClientRect().left
    }),
  )
  assert.ok(first < last, `the address runs from left to right: ${first} … ${last}`)
  const other = page.getByRole("link", { name: "https://b.example/Hobson’s_choice", exact: true })
  assert.equal(await other.getAttribute("href"), "https://b.example/Hobson%E2%80%99s_choice")
  assert.equal(await other.getAttribute("rel"), "noopener noreferrer nofollow")
})

/** Selects from one place to another, copies with the keyboard and pastes with it: what was on the clipboard, as text and as HTML. */
const copied = async (page, from, to) => {
  await page.evaluate(([[fromPlace, fromAt], [toPlace, toAt]]) => {
    const inText = (place, at) => {
      const element = document.querySelector(place)
      const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
      for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (at <= node.length) return [node, at]
        at -= node.length
      }
      return [element, element.childNodes.length]
    }
    getSelection().setBaseAndExtent(...inText(fromPlace, fromAt), ...inText(toPlace, toAt))
  }, [from, to])
  await page.keyboard.press("Control+C")
  await page.evaluate(() => {
    window.pasted = new Promise((resolve) =>
      addEventListener("paste", ({ clipboardData: data }) => resolve({ text: data.getData("text/plain"), html: data.getData("text/html") }), { once: true, capture: true }))
  })
  await page.getByTestId("composer").focus()
  await page.keyboard.press("Control+V")
  return page.evaluate(() => window.pasted)
}
const said = (seq) => `[data-seq="${seq}"] [data-testid=message-text]`
const END = 1e6

await scenario("copied rows are names, times and texts, each once", "copy", async ({ page, message }) => {
  await message(14).waitFor()
  const time = (seq) => message(seq).locator("time[datetime]").textContent()
  const head = async (name, seq) => `${name}, ${await time(seq)}`
  const { text, html } = await copied(page, ['[data-seq="1"] [data-testid=message-author]', 0], [said(14), END])
  assert.deepEqual(text.split("\n"), [
    await head("Тарас", 1), "one", "two", "with a second line", "",
    await head(me.name, 4), "three `not code", "",
    await head("Тарас", 5), "SELECT 1;", "SELECT 2;", "code and https://a.example/x", "",
    await head("Марія Гнатюк", 7), "notes.pdf", "@Олена Кравець <b>no markup</b>", "",
    await head(me.name, 9), "4", "5", "6", "7", "8", "9",
  ])
  const shown = await page.evaluate((markup) => {
    const { body } = new DOMParser().parseFromString(markup, "text/html")
    return { names: [...body.querySelectorAll("strong")].map((name) => name.textContent), kinds: [...new Set([...body.querySelectorAll("*")].map(({ localName }) => localName))].sort(), attributes: [...new Set([...body.querySelectorAll("*")].flatMap(({ attributes }) => [...attributes].map(({ name }) => name)))], text: body.textContent }
  }, html)
  assert.deepEqual(shown.names, ["Тарас", me.name, "Тарас", "Марія Гнатюк", me.name])
  assert.deepEqual(shown.kinds, ["a", "br", "code", "p", "pre", "strong"])
  assert.deepEqual(shown.attributes, ["href"])
  assert.ok(!/Stored/.test(shown.text + text))
}, { beside: { copy } })

await scenario("a part of one message is copied as it is, of several with who said it", "copy", async ({ page, message }) => {
  await message(14).waitFor()
  assert.equal((await copied(page, [said(3), 5], [said(3), 18])).text, "a second line")
  const clock = await message(1).locator("time[datetime]").textContent()
  assert.equal((await copied(page, [said(1), 2], [said(2), 2])).text, `Тарас, ${clock}\ne\ntw`)
  const until = await copied(page, [said(1), 0], ['[data-seq="2"] [data-testid=message-author]', 0])
  assert.equal(until.text, "one", "up to the next row, as three clicks select")
}, { beside: { copy } })

await scenario("copied days have their date, and what surrounds the messages is left out", "розробка", async ({ page, message }) => {
  await message(16).waitFor()
  const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeZone: "Europe/Kyiv" })
  const { text } = await copied(page, ["body", 0], ["body", END])
  assert.ok(text.startsWith(date.format(new Date(await message(1).locator("time[datetime]").getAttribute("datetime")))), text.slice(0, 60))
  assert.ok(!/Today|Yesterday|Load older|New|Stored/.test(text), text)
  assert.equal(text.match(/Доброго дня/g).length, 1)
})

await scenario("what a screen reader is told of a row is still there", "copy", async ({ message }) => {
  await message(14).waitFor()
  const tree = await message(10).ariaSnapshot()
  for (const part of [me.name, "5", "Stored"]) assert.ok(tree.includes(part), tree)
}, { beside: { copy } })

await scenario("a new room is named in small letters, and what was written on the way there goes along", "дизайн", async ({ page, server }) => {
  const enter = async (name) => {
    await page.getByTestId("room-input").fill(name)
    await page.getByTestId("room-join").click()
  }
  const named = (name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor()
  await enter("Нова Кімната")
  await named("нова-кімната")
  assert.equal(decodeURIComponent(new URL(page.url()).hash), "#/нова-кімната")
  assert.equal(await page.getByTestId("room-Нова-Кімната").count(), 0, "and no other is left in the list")
  await enter("НОВА КІМНАТА")
  await named("нова-кімната")
  await page.goBack()
  await named("дизайн")

  await server.cut()
  await enter("Офлайн")
  await named("Офлайн")
  await page.getByTestId("composer").fill("written before the server was asked")
  await page.getByTestId("send").click()
  await page.getByTestId("composer").fill("a draft")
  server.refuses = false
  await named("офлайн")
  await page.locator("[data-testid=message][data-state=stored]").getByText("written before the server was asked").waitFor()
  assert.equal(await page.getByTestId("composer").inputValue(), "a draft")
  assert.equal(await page.getByTestId("pending-message").count(), 0)
  await page.goBack()
  await named("дизайн")
})

await scenario("a room that has capitals is reached as it is named, and however it is typed where one is in it", "дизайн", async ({ page, message }) => {
  for (const name of ["Legacy", "legacy", "LEGACY"]) {
    await page.getByTestId("room-input").fill(name)
    await page.getByTestId("room-join").click()
    await page.getByRole("heading", { level: 1, name: "Legacy", exact: true }).waitFor()
    await message(1).getByText("a room of the days").waitFor()
    await page.goBack()
  }
}, { beside: { Legacy: legacy } })

/** Days as the page names them, from the top. */
const daysOf = (page) => page.locator(".day").allTextContents()
const untilDaysAre = (page, ...names) => page.waitForFunction((wanted) => [...document.querySelectorAll(".day")].map((day) => day.textContent).join() === wanted, names.join(), { timeout: 5000 })
const ownClock = { prepare: (page) => page.clock.install({ time: Date.now() }), beside: { days } }

await scenario("at midnight today becomes yesterday", "days", async ({ page, message }) => {
  await message(1).waitFor()
  await untilDaysAre(page, "Today")
  await page.clock.setSystemTime(midnightAfter(Date.now()) - 90_000)
  await page.clock.runFor(80_000)
  assert.deepEqual(await daysOf(page), ["Today"])
  await page.clock.runFor(11_000)
  await untilDaysAre(page, "Yesterday")
  assert.notEqual(await page.getByTestId("room-days").locator("time").textContent(), await message(1).locator(".byline time").textContent(), "in the list of rooms it is a date now")
}, ownClock)

// A computer that sleeps stops the timers, and its clock is another when it wakes.
await scenario("after a night's sleep the days are right as soon as the page is looked at", "days", async ({ page, message }) => {
  await message(1).waitFor()
  await untilDaysAre(page, "Today")
  await page.clock.setSystemTime(midnightAfter(Date.now()) + 8 * 3_600_000)
  assert.deepEqual(await daysOf(page), ["Today"])
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")))
  await untilDaysAre(page, "Yesterday")
}, ownClock)

await scenario("after a night's sleep a message that comes puts the days right", "days", async ({ page, server, message }) => {
  await message(1).waitFor()
  await untilDaysAre(page, "Today")
  const noon = midnightAfter(Date.now()) + 12 * 3_600_000
  await page.clock.setSystemTime(noon)
  server.now = () => noon
  server.say("days", taras, "good morning")
  await untilDaysAre(page, "Yesterday", "Today")
}, ownClock)

await scenario("who travels sees the days and hours of where they are", "days", async ({ page, context, message }) => {
  // Playwright's own zone holds for a whole context; the browser tells its page of a new one as the system's would be.
  const devtools = await context.newCDPSession(page)
  const arrive = async (timezoneId) => {
    await devtools.send("Emulation.setTimezoneOverride", { timezoneId })
    await page.evaluate(() => dispatchEvent(new Event("focus")))
  }
  await arrive("Europe/Kyiv")
  await message(1).waitFor()
  const times = () => message(1).locator(".byline time").textContent()
  const at = new Date(await message(1).locator(".byline time").getAttribute("datetime"))
  const there = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(at)
  assert.equal(await times(), there("Europe/Kyiv"))
  await arrive("Pacific/Kiritimati")
  await page.waitForFunction((wanted) => document.querySelector(".byline time").textContent === wanted, there("Pacific/Kiritimati"), { timeout: 5000 })
}, { timezoneId: null, beside: { days } })

await scenario("a message written while offline goes out on return", "long", async ({ page, server, message, context }) => {
  await message(1500).waitFor()
  server.refuses = true
  await context.setOffline(true)
  await page.locator("[data-state=offline]").waitFor()
  await page.getByTestId("composer").fill("from the tunnel")
  await page.getByTestId("send").click()
  await page.locator("[data-testid=pending-message][data-state=sending]").waitFor()
  server.refuses = false
  await context.setOffline(false)
  await message(1501).getByText("from the tunnel").waitFor()
  assert.equal(await page.getByTestId("pending-message").count(), 0)
})

await scenario("after a long absence the room is shown at its newest, and what came before when one scrolls there", "long", async (here) => {
  const { server, log, message } = here
  await message(1500).waitFor()
  await server.cut()
  for (let n = 0; n < 3_000; n++) server.say("long", taras, `while away ${n}`)
  server.refuses = false
  await message(4500).waitFor()
  await message(1500).waitFor({ state: "detached" })
  await log.evaluate((element) => (element.scrollTop = 0))
  await message(4440).waitFor({ state: "attached" })
})

/** Gives the page things as a drag or the clipboard would: `files` by their names, and words. True where the page took the event for itself. */
const given = (place, kind, { files = [], words = "" }) =>
  place.evaluate((element, [type, names, text]) => {
    const data = new DataTransfer()
    for (const name of names) data.items.add(new File(["content"], name, { type: name.endsWith("png") ? "image/png" : "text/plain" }))
    if (text) data.setData("text/plain", text)
    const event = type === "paste" ? new ClipboardEvent(type, { clipboardData: data, bubbles: true, cancelable: true }) : new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })
    return !element.dispatchEvent(event)
  }, [kind, files, words])

await scenario("files: dropped anywhere and pasted they are held, can be taken away, and go with Enter behind the words", "дизайн", async ({ page, server, message }) => {
  const sent = []
  server.onUpload = (route) => void sent.push(route.request().postDataBuffer().toString("latin1"))
  const composer = page.getByTestId("composer")
  const cards = page.getByTestId("upload")
  assert.ok(await given(page.getByTestId("room-кухня"), "drop", { files: ["one.txt"] }), "a file that is dropped on the list of rooms opens nowhere")
  assert.ok(await given(composer, "paste", { files: ["two.png"] }))
  await given(composer, "drop", { files: ["three.txt", "four.txt"] })
  assert.deepEqual(await cards.locator(".name").allTextContents(), ["one.txt", "two.png", "three.txt", "four.txt"])
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "composer")
  await page.getByRole("button", { name: "Remove three.txt" }).click()
  await page.getByTestId("room-кухня").click()
  assert.equal(await cards.count(), 0, "they stay with their room")
  await page.getByTestId("room-дизайн").click()
  assert.equal(await cards.count(), 3)
  assert.equal(sent.length, 0)
  await composer.fill("with words")
  await composer.press("Enter")
  await message(5).getByText("with words").waitFor()
  assert.equal(await composer.inputValue(), "")
  await page.getByRole("button", { name: "Cancel one.txt" }).click()
  await page.getByRole("button", { name: "Cancel two.png" }).click()
  await page.getByRole("button", { name: "Cancel four.txt" }).waitFor()
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=upload]").length === 1)
  assert.ok(sent.every((body) => /name="id"\r\n\r\n[0-9A-Z]{26}/.test(body) && body.indexOf('name="id"') < body.indexOf('name="file"')))
  assert.deepEqual(sent.map((body) => /filename="([^"]+)"/.exec(body)[1]), ["one.txt", "two.png", "four.txt"], "one after the other")
})

await scenario("files alone are sent by the button, and words that are pasted stay words", "дизайн", async ({ page, server }) => {
  const sent = []
  server.onUpload = (route) => (sent.push(route.request().url()), route.fulfill({ status: 201, contentType: "application/json", body: "{}" }))
  const composer = page.getByTestId("composer")
  assert.ok(!(await given(composer, "paste", { files: ["image.png"], words: "Name\tSum" })), "cells of a spreadsheet are pasted by the browser, as text")
  assert.equal(await page.getByTestId("upload").count(), 0)
  assert.ok(await page.getByTestId("send").isDisabled())
  await given(composer, "paste", { files: ["image.png"] })
  await page.getByTestId("send").click()
  await page.locator("[data-testid=upload].stored").waitFor()
  assert.equal(sent.length, 1)
  assert.equal(await page.getByTestId("pending-message").count(), 0)
})

await scenario("where no room is open a dropped file opens nothing", "дизайн", async ({ page }) => {
  await page.getByTestId("sign-out").click()
  await page.getByTestId("login-name").waitFor()
  assert.ok(await given(page.locator("body"), "drop", { files: ["one.txt"] }))
})

await scenario("a folder that is dropped is refused with a sentence, and so is a file that cannot be read", "дизайн", async ({ page, server, context }) => {
  server.onUpload = (route) => route.abort("failed") // as the browser does by itself where it cannot read what it is to send
  const devtools = await context.newCDPSession(page)
  const drop = async (...files) => {
    const data = { items: [], files, dragOperationsMask: 1 }
    for (const type of ["dragEnter", "dragOver", "drop"]) await devtools.send("Input.dispatchDragEvent", { type, x: 100, y: 300, data })
  }
  const card = (name) => page.getByTestId("upload").filter({ hasText: name })
  await drop("/tmp", "/tmp/not-there.txt")
  await card("tmp").getByRole("alert").getByText("This is a folder.").waitFor()
  assert.equal(await card("tmp").getByRole("button", { name: "Try again" }).count(), 0)
  await page.getByTestId("send").click()
  await card("not-there.txt").getByRole("alert").getByText("cannot read this file").waitFor()
  assert.equal(await page.getByTestId("drop-place").count(), 0)
})

/** Until the browser's database has so many files, so many of them sent, and the draft `text`: a page that is left sooner cannot have written them. */
const written = (page, { files, sent = 0, text }) =>
  page.waitForFunction(async (wanted) => {
    const result = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)))
    const database = await result(indexedDB.open("homin"))
    const [found, drafts] = await Promise.all(["files", "drafts"].map((name) => result(database.transaction(name).objectStore(name).getAll())))
    database.close()
    return found.length === wanted.files && found.filter((file) => file.sent).length === wanted.sent && drafts.some((draft) => draft.text === wanted.text)
  }, { files, sent, text })

await scenario("what is half written, held or waiting outlives the page, and a half-written text is the same in each tab", "дизайн", async ({ page, server, context, message }) => {
  const sent = []
  server.onUpload = (route) => (sent.push(/filename="([^"]+)"/.exec(route.request().postDataBuffer().toString("latin1"))[1]), route.fulfill({ status: 201, contentType: "application/json", body: "{}" }))
  const composer = page.getByTestId("composer")
  const card = (name) => page.getByTestId("upload").filter({ hasText: name })
  await composer.fill("half a thought")
  await given(composer, "paste", { files: ["one.txt"] })
  await written(page, { files: 1, text: "half a thought" })
  await page.reload()
  await card("one.txt").waitFor()
  assert.equal(await composer.inputValue(), "half a thought")
  assert.equal(sent.length, 0, "what was held is held")

  await server.cut()
  await page.getByTestId("send").click()
  await given(composer, "paste", { files: ["two.txt"] })
  await composer.fill("a second one")
  await written(page, { files: 2, sent: 1, text: "a second one" })
  await page.reload()
  await page.getByRole("button", { name: "Cancel one.txt" }).waitFor()
  await page.getByRole("button", { name: "Remove two.txt" }).waitFor()
  assert.equal(await composer.inputValue(), "a second one")

  const tab = await context.newPage()
  await tab.goto(page.url())
  await tab.getByTestId("login-name").fill("Olena")
  await tab.getByTestId("login-submit").click()
  const there = tab.getByTestId("composer")
  await tab.waitForFunction(() => document.querySelector("[data-testid=composer]")?.value === "a second one")
  await there.pressSequentially("!")
  await page.waitForFunction(() => document.querySelector("[data-testid=composer]").value === "a second one!")
  await tab.close()

  server.refuses = false
  await message(5).getByText("half a thought").waitFor()
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=upload].stored").length === 1)
  assert.ok(sent.length > 0 && sent.every((name) => name === "one.txt"))
  await page.getByTestId("sign-out").click()
  await page.getByTestId("sign-out-anyway").click()
  await page.getByTestId("login-name").fill("Olena")
  await page.getByTestId("login-submit").click()
  await card("two.txt").waitFor()
  assert.equal(await composer.inputValue(), "a second one!")
})

await scenario("past its bound a file is not kept, and that is said before the page is left", "дизайн", async ({ page }) => {
  await page.getByTestId("composer").evaluate((element) => {
    const clipboardData = new DataTransfer()
    for (const [name, size] of [["large.bin", 64_000_001], ["small.bin", 10]]) clipboardData.items.add(new File([new Uint8Array(size)], name))
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))
  })
  await page.getByTestId("upload").filter({ hasText: "large.bin" }).getByText("Lost if the page is closed before it is sent: the browser keeps up to 64 MB.").waitFor()
  await page.getByTestId("composer").pressSequentially("x") // a browser asks only where something was done on the page
  const asked = page.waitForEvent("dialog")
  void page.reload().catch(() => {}) // which is not done
  const dialog = await asked
  assert.equal(dialog.type(), "beforeunload")
  await dialog.dismiss()
  await page.getByRole("button", { name: "Remove large.bin" }).click()
  await page.reload()
  await page.getByTestId("upload").filter({ hasText: "small.bin" }).waitFor()
  assert.equal(await page.getByTestId("upload").count(), 1)
})

await scenario("who signs out with something unsent is asked first, and a guest finds it again under the same name", "дизайн", async ({ page, server, message }) => {
  const composer = page.getByTestId("composer")
  const question = page.getByTestId("sign-out-question")
  const comeIn = async (user, name) => {
    Object.assign(server, { user, refuses: false })
    await page.getByTestId("login-name").fill(name)
    await page.getByTestId("login-submit").click()
    await composer.waitFor()
  }
  await server.cut()
  await composer.fill("from the tunnel")
  await composer.press("Enter")
  await composer.fill("half")
  await given(composer, "paste", { files: ["one.txt"] })
  await page.getByTestId("sign-out").click()
  await question.getByText("Not sent yet: 1 message, 1 file and 1 half-written text.").waitFor()
  await question.getByText(`kept in this browser for ${me.name}: messages and files are sent`).waitFor()
  await page.keyboard.press("Enter")
  await question.waitFor({ state: "hidden" })
  assert.equal(await composer.inputValue(), "half", "Enter stays")
  await page.getByTestId("sign-out").click()
  await page.getByTestId("sign-out-anyway").click()

  await comeIn({ id: "u-else", name: "Somebody Else" }, "Somebody Else")
  await message(4).waitFor()
  assert.equal(await composer.inputValue(), "", "nobody else finds it")
  assert.equal(await page.getByTestId("upload").count(), 0)
  await page.getByTestId("sign-out").click()

  await comeIn({ ...me, id: "u-olena-again" }, me.name)
  await message(5).getByText("from the tunnel").waitFor()
  await page.waitForFunction(() => document.querySelector("[data-testid=composer]").value === "half")
  await page.getByTestId("upload").filter({ hasText: "one.txt" }).waitFor()

  server.refuses = true
  await server.cut(4503)
  await page.getByText(`kept in this browser for ${me.name}.`).waitFor()
  assert.equal(await page.getByTestId("login-name").inputValue(), me.name)
  await comeIn({ ...me, id: "u-olena-a-third-time" }, me.name)
  await page.waitForFunction(() => document.querySelector("[data-testid=composer]").value === "half")
})

// Each shape with the place that it takes where there is room. The last is of an older message, which does not say how large it is.
const placed = [[[32, 32], [32, 32]], [[390, 844], [320 * 390 / 844, 320]], [[2000, 100], [360, 24]], [[720, 480], [360, 240]], [[1, 3000], [24, 320]], [[720, 480], [360, 240], false]]
const shapes = { readUpTo: placed.length, talk: placed.map(([shape, , told], i) => [20 - i, taras, { file: picture(`${shape.join("x")}.png`, shape, told) }]) }
for (const [where, device] of [["", {}], [" on a small phone", { ...PHONE, viewport: { width: 320, height: 640 } }]]) {
  let come
  const called = new Promise((resolve) => (come = resolve))
  const prepare = (page) => page.route("**/api/files/**", (route) => called.then(() => route.fallback()))
  await scenario(`pictures keep their shape and fit, small ones their size, and none moves anything when it comes${where}`, "shapes", async ({ page, message, log }) => {
    const shown = (i) => message(i + 1).getByTestId("picture")
    const place = (i) => shown(i).evaluate((img) => {
      const { width, height } = img.closest("button").getBoundingClientRect()
      return { width, height, row: img.closest("[data-seq]").offsetHeight }
    })
    const kept = await Promise.all(placed.map((_, i) => place(i)))
    const { width: widest } = kept.at(-1)
    assert.ok((await fromEnd(log)) < 2)
    come()
    for (const [i, [[width, height], [wanted, high], told = true]] of placed.entries()) {
      await shown(i).scrollIntoViewIfNeeded()
      await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await shown(i).elementHandle())
      const there = await place(i)
      assert.deepEqual(there, kept[i], `picture ${i + 1} moves something when it comes`)
      const most = Math.min(wanted, widest)
      const expected = [most, Math.max(24, high * most / wanted)]
      assert.ok(Math.abs(there.width - expected[0]) < 0.1 && Math.abs(there.height - expected[1]) < 0.1, `picture ${i + 1} takes ${there.width} by ${there.height}, not ${expected}`)
      const drawn = await shown(i).evaluate((img) => [img.clientWidth / img.clientHeight, getComputedStyle(img).objectFit])
      assert.ok(told ? drawn[1] === "scale-down" : Math.abs(drawn[0] - width / height) < 0.02, `picture ${i + 1} is drawn ${drawn}`)
    }
  }, { beside: { shapes }, prepare, device })
}

await browser.close()
