/**
 * Whatever of a room arrives, in whatever order and by whatever door, the messages that are held end as the log makes them.
 * SEED=n runs one case again; CASES=n runs more of them.
 */
import { describe, expect, test } from "vitest"
import type { HeldThread } from "../../src/client/held-thread.ts"
import { HELD_AT_MOST, RoomLog } from "../../src/client/room-log.ts"
import { type Entry, isMessage, type Message } from "../../src/client/wire.ts"
import { chat, generator, messagesAt, type Page, pageAfter, pageBefore, pageOfThread, randomLog } from "./entries.ts"

const CASES = Number(process.env["CASES"] ?? 150)
const FIRST = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9))
const seeds = (cases: number) => (process.env["SEED"] ? [FIRST] : Array.from({ length: cases }, (_, i) => FIRST + i))

interface Doors {
  /** Whether a page may say that it holds less than it does. */
  understated: boolean
}

/** A client's log of a room, and what is on its way to it. The room grows, and answers arrive later than they were read. */
class World {
  log = new RoomLog()
  /** A thread that somebody looks at. */
  thread: HeldThread | null = null
  now: number
  readonly #entries: readonly Entry[]
  readonly #random: () => number
  readonly #doors: Doors
  readonly #answers: (() => void)[] = []
  readonly #live: Entry[] = []

  constructor(entries: readonly Entry[], now: number, random: () => number, doors: Doors) {
    this.#entries = entries
    this.#random = random
    this.#doors = doors
    this.now = now
  }

  any(count: number): number {
    return Math.floor(this.#random() * count)
  }

  /** A moment up to which an answer says that it holds all, if it may say less than it does. */
  #said(): number {
    return this.#doors.understated && this.any(3) > 0 ? Math.max(0, this.now - this.any(12)) : this.now
  }

  join(): void {
    const { entries, more, asOf } = pageBefore(this.#entries, this.now, this.now + 1, 1 + this.any(20), this.#said())
    this.log.joinedFresh(entries, this.now, more, asOf)
  }

  /** Something is said, and its copy is on its way, or lost, or comes twice. */
  grow(): void {
    if (this.now === this.#entries.length) return
    const entry = this.#entries[this.now++]!
    if (this.any(6) > 0) this.#live.push(entry)
    if (this.any(8) === 0) this.#live.push(entry)
  }

  arrive(): void {
    // Mostly in order, as on one connection.
    const [entry] = this.#live.splice(this.any(4) > 0 ? 0 : this.any(this.#live.length), 1)
    if (entry) this.log.receive(entry)
  }

  answer(): void {
    this.#answers.splice(this.any(this.#answers.length), 1)[0]?.()
  }

  /** As `Backfill.older` asks, and takes the answer. */
  older(): void {
    const { log } = this
    const before = log.start
    if (before === null || !log.hasOlder) return
    const page = pageBefore(this.#entries, this.now, before, 1 + this.any(10), this.#said())
    this.#later(log, page, () => log.start === before && log.pageBefore(before, page.entries, page.more, page.asOf))
  }

  newer(): void {
    const { log } = this
    const { end, target } = log
    if (end === null) return
    const page = pageAfter(this.#entries, this.now, end, 1 + this.any(200), this.#said())
    this.#later(log, page, () => log.end === end && log.pageAfter(end, target, page.entries, page.more, page.asOf))
  }

  /** As `Backfill.repair` does. */
  fill(): void {
    const { log } = this
    const { gap } = log
    if (gap === null) return
    const page = pageAfter(this.#entries, this.now, gap.from - 1, Math.min(1 + this.any(10), gap.to - gap.from + 1), this.#said())
    this.#later(log, page, () => log.pageAfter(gap.from - 1, gap.to, page.entries, page.more, page.asOf))
  }

  startAnew(): void {
    const { log } = this
    const { target } = log
    const page = pageBefore(this.#entries, this.now, target + 1, 1 + this.any(10), this.#said())
    this.#later(log, page, () => (this.log = log.anew(target, page.entries, page.more, page.asOf)))
  }

  /** Somebody opens a thread, if none is open, and asks for its newest messages. */
  openThread(): void {
    if (this.thread === null || !this.log.holds(this.thread)) {
      const roots = messagesAt(this.#entries, this.now).filter(({ thread }) => thread === undefined)
      this.thread = this.log.follow(roots[this.any(roots.length)]!.seq)
    }
    if (this.log.start === null || (this.thread.isLoaded && this.any(3) > 0)) return
    this.#askThread(Infinity, (thread, messages, more) => thread.newestPage(messages, more))
  }

  olderInThread(): void {
    const before = this.thread?.messages[0]?.seq
    if (!this.thread?.hasOlder || before === undefined) return
    this.#askThread(before, (thread, messages, more) => thread.messages[0]?.seq === before && thread.pageBefore(messages, more))
  }

  #askThread(before: number, take: (thread: HeldThread, messages: readonly Message[], more: boolean) => void): void {
    const { log } = this
    const thread = this.thread!
    const { entries, more, asOf } = pageOfThread(this.#entries, this.now, thread.root, before, 1 + this.any(5), this.#said())
    this.#later(log, { entries, more, asOf }, () => log.threadPage(thread, entries.filter(isMessage), asOf, (messages) => take(thread, messages, more)))
  }

  /** What is on its way is lost; the room is entered again. */
  cut(): void {
    this.#answers.length = this.#live.length = 0
    const { now, log } = this
    const after = log.resumeAfter
    if (after === null) return this.join()
    const page = pageAfter(this.#entries, now, after, 1 + this.any(20), this.#said())
    log.expect(now)
    log.pageAfter(after, now, page.entries, page.more, page.asOf)
  }

  /** All that is on its way arrives, and what is missing then is asked for until nothing is. */
  settle(): void {
    while (this.now < this.#entries.length) this.grow()
    while (this.#live.length > 0) this.arrive()
    while (this.#answers.length > 0) this.answer()
    this.log.expect(this.now)
    this.openThread()
    while (this.#answers.length > 0) this.answer()
    for (let asked = 0; this.log.gap !== null; asked++) {
      if (asked > 5 * this.now) throw new Error("it asks without an end")
      this.fill()
      this.answer()
    }
  }

  #later(log: RoomLog, page: Page, take: () => void): void {
    const { asOf } = page
    this.#answers.push(() => {
      if (this.log !== log) return // as a client that began anew meanwhile
      expect(log.contradicts(page.entries), `a page as of ${asOf}`).toBe(false)
      take()
    })
  }
}

const held = ({ start, end }: RoomLog, all: readonly Message[]): Message[] => all.filter(({ seq }) => seq >= start! && seq <= (end ?? Infinity))

const expectWhole = (world: World, entries: readonly Entry[]): void => {
  const { log } = world
  const now = messagesAt(entries, entries.length)
  expect(log.messages).toEqual(held(log, now))
  expect(log.newest).toEqual(now.at(-1))
  const { thread } = world
  if (thread?.isLoaded && log.holds(thread)) {
    const under = now.filter((message) => message.thread === thread.root)
    expect(thread.messages).toEqual(thread.hasOlder ? under.slice(-thread.messages.length) : under)
    if (thread.rootMessage) expect(thread.rootMessage).toEqual(now.find(({ seq }) => seq === thread.root))
  }
  expect([log.missing, log.behind, log.resumeAfter]).toEqual([0, 0, entries.length])
}

describe.each([
  ["exact", { understated: false }],
  ["that may say less than they hold", { understated: true }],
] as const)("by pages %s", (_name, doors) => {
  test.each(seeds(CASES))("seed %i: the messages that are held are as the log makes them", (seed) => {
    const random = generator(seed)
    const entries = randomLog(20 + Math.floor(random() * 80), random)
    const world = new World(entries, 1 + Math.floor(random() * 20), random, doors)
    const begins = world.any(3)
    if (begins === 0) world.join()
    else if (begins === 1) world.log.anchor(world.now)
    for (let step = 0; step < 250; step++) {
      const kind = random()
      if (kind < 0.35) world.grow()
      else if (kind < 0.65) world.arrive()
      else if (kind < 0.75) world.fill()
      else if (kind < 0.82) world.older()
      else if (kind < 0.83) world.openThread()
      else if (kind < 0.84) world.olderInThread()
      else if (kind < 0.96) world.answer()
      else if (kind < 0.97) world.cut()
      else if (kind < 0.975) world.startAnew()
      else if (kind < 0.985) world.log.trim(3 + world.any(10))
      else world.log.reach(Math.max(1, (world.log.start ?? 1) - world.any(10)))
      if (begins === 2 && world.log.start === null && random() < 0.1) world.join() // what came live overtook the answer
    }
    world.settle()
    expectWhole(world, entries)
  })
})

test.each(seeds(8))("seed %i: also where the reader is far above the newest, and what follows is only counted", (seed) => {
  const random = generator(seed)
  const begun = HELD_AT_MOST - 100
  const entries = randomLog(500, random)
  const many = [...Array.from({ length: begun }, (_, i) => chat(i + 1)), ...entries.map((entry) => moved(entry, begun))]
  const world = new World(many, begun, random, { understated: false })
  world.log.joinedFresh(many.slice(0, begun), begun, false, begun)
  world.log.reader = 1 + world.any(begun)
  for (let step = 0; step < 1500; step++) {
    const kind = random()
    if (kind < 0.45) world.grow()
    else if (kind < 0.85) world.arrive()
    else if (kind < 0.9) world.fill()
    else if (kind < 0.92) world.openThread()
    else if (kind < 0.93) world.olderInThread()
    else if (kind < 0.99) world.answer()
    else if (kind < 0.992) world.newer()
    else if (kind < 0.9925) world.log.toNewest()
    else if (kind < 0.994) world.cut()
    if (step % 100 === 0) world.log.reader = world.log.start! + world.any(begun)
  }
  world.settle()
  expectWhole(world, many)
  const { log } = world
  const unheld = messagesAt(many, many.length).filter(({ seq }) => log.end !== null && seq > log.end)
  expect(log.unknown((log.end ?? log.target) + 1, log.target), "changes are known to be no message").toBe(unheld.length)
})

/** The entry as far behind in the log, where some changes are of what was there before. */
const moved = (entry: Entry, by: number): Entry => {
  const seq = entry.seq + by
  if (isMessage(entry)) return { ...entry, seq, id: `e${seq}`, ...(entry.thread !== undefined && { thread: entry.thread + by }) }
  if (!("of" in entry)) return { ...entry, seq, id: `e${seq}` }
  return { ...entry, seq, id: `e${seq}`, of: entry.seq % 3 === 0 ? 1 + ((entry.seq * 37) % by) : entry.of + by }
}
