/** Sign-ins in one's own log: news wherever one did not just sign in. */
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { fold } from "../../src/client/fold.ts"
import { memoryOutbox } from "../../src/client/outbox-store.ts"
import type { Session } from "../../src/client/session.ts"
import { beginWith, pass } from "./beginning.ts"
import { FakeServer } from "./fake-server.ts"
import { OLENA } from "./fake-socket.ts"

let server: FakeServer

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  server.me = "~me.u1"
})

afterEach(() => {
  vi.useRealTimers()
})

const begin = async (signIn?: string): Promise<Session> => {
  const session = await beginWith(server, memoryOutbox(), [], undefined, signIn === undefined ? {} : { signIn })
  await pass(3_000)
  return session
}
const news = ({ own }: Session): string[] => own!.log.messages.filter((message) => own!.isUnread(message)).map(({ id }) => id)

test("a sign-in is news on every other device, and none where one has just signed in", async () => {
  const [there, here] = [await begin(), await begin("~1")]
  server.signIn({ id: "~1" })
  await pass(0)
  expect(here.own!.log.messages).toHaveLength(1)
  expect(news(here)).toEqual([])
  there.stop()
  here.stop()
  expect(news(await begin())).toEqual(["~1"])
})

test("a sign-in that came while one was away is news, also where it comes by history", async () => {
  server.signIn({ id: "~away" })
  const session = await begin()
  expect(news(session)).toEqual(["~away"])
  server.signIn({ id: "~lost", lost: true })
  server.notify("removed", { room: "~other" })
  await pass(100)
  expect(news(session)).toEqual(["~away", "~lost", expect.any(String)])
})

test("the mark does not pass over one that nobody has looked at", async () => {
  const session = await begin()
  server.signIn()
  for (let i = 0; i < 60; i++) server.notify("mention", { room: "~d.taras", of: i + 1, why: "direct" })
  await pass(5_000)
  expect(news(session)).toHaveLength(1)
  expect(server.readMarks.get(server.me) ?? 0).toBe(0)
  session.read(server.me, session.own!.seq)
  await pass(5_000)
  expect([news(session), server.readMarks.get(server.me)]).toEqual([[], 61])
})

test("nobody changes it", async () => {
  const session = await begin()
  server.signIn()
  await pass(0)
  const [message] = session.own!.log.messages
  const change = { kind: "edit", room: server.me, seq: 2, id: "c", from: OLENA, at: "", of: 1, text: "nothing" } as const
  expect(fold(message!, change)).toBe(message)
})
