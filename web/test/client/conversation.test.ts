/** The cases of tests/cases/conversation.json, threads.json and mentions.json, which the Python client passes as well: the two cannot make different things of one room. */
import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { RoomLog } from "../../src/client/room-log.ts"
import { type Incoming, loggedOf, type Message } from "../../src/client/wire.ts"
import { generator } from "./entries.ts"

type PageOf = Pick<Incoming<"history">, "seq" | "more" | "messages">
type Arrival =
  | { live: Incoming<"message" | "change"> }
  | { page_after: PageOf & { after: number; up_to: number } }
  | { page_before: PageOf & { before: number } }

interface Case {
  name: string
  start: Pick<Incoming<"joined">, "seq" | "as_of" | "more" | "messages">
  any_order: boolean
  arrivals: Arrival[]
  expected: { whole: number; messages: Message[] }
}

const ALL_ORDERS_UP_TO = 5
const SOME_ORDERS = 200

const casesOf = (name: string): Case[] =>
  (JSON.parse(readFileSync(new URL(`../../../tests/cases/${name}.json`, import.meta.url), "utf8")) as { cases: Case[] }).cases
const cases = ["conversation", "threads", "mentions"].flatMap(casesOf)

const permutations = <Item>(items: readonly Item[]): Item[][] =>
  items.length === 0 ? [[]] : items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))

const shuffled = <Item>(items: readonly Item[], random: () => number): Item[] => {
  const left = items.slice()
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!)
}

const ordersOf = ({ any_order, arrivals }: Case): Arrival[][] => {
  if (!any_order) return [arrivals]
  if (arrivals.length <= ALL_ORDERS_UP_TO) return permutations(arrivals)
  return Array.from({ length: SOME_ORDERS }, (_, seed) => shuffled(arrivals, generator(seed)))
}

const after = (start: Case["start"], arrivals: readonly Arrival[]): RoomLog => {
  let log = new RoomLog()
  log.joinedFresh(start.messages, start.seq, start.more, start.as_of ?? start.seq)
  for (const arrival of arrivals) {
    if ("live" in arrival) log.receive(loggedOf(arrival.live))
    else if ("page_after" in arrival) {
      const { after, up_to, messages, more, seq } = arrival.page_after
      log.pageAfter(after, up_to, messages, more, seq)
    } else {
      const { before, messages, more, seq } = arrival.page_before
      log = log.anew(before - 1, messages, more, seq)
    }
  }
  return log
}

test.each(cases.map((each) => [each.name, each] as const))("%s", (_name, each) => {
  const copy = structuredClone(each)
  for (const order of ordersOf(each)) {
    const log = after(each.start, order)
    expect({ whole: log.resumeAfter, messages: log.messages }, JSON.stringify(order)).toEqual(each.expected)
  }
  expect(each, "nothing that came was changed").toEqual(copy)
})
