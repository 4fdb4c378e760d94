/** What the page offers to whom in a room, and what becomes of what was written where one is removed. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { AccountCalls } from "../../src/client/accounts.ts"
import { Chat } from "../../src/model/chat.svelte.ts"
import { isKept, membersOf } from "../../src/model/doings.svelte.ts"
import { pass } from "../client/beginning.ts"
import { FakeServer } from "../client/fake-server.ts"
import { OLENA, TARAS } from "../client/fake-socket.ts"

const MARIA = { id: "u3", name: "Maria" }
const ROOM = "~budget"
const ME = "~me.u1"

let server: FakeServer
let chat: Chat

vi.mock("../../src/client/socket.ts", async (original) => {
  const { FakeNetwork } = await import("../client/fake-socket.ts")
  return { ...(await original<object>()), browserSocket: () => server.listener.open, browserNetwork: () => new FakeNetwork() }
})

beforeEach(async () => {
  vi.useFakeTimers()
  server = new FakeServer()
  server.me = ME
  server.members.add(ROOM)
  server.govern(ROOM, { kind: "room", title: "Budget" })
  for (const [user, role] of [[OLENA, "owner"], [TARAS, "moderator"], [MARIA, "member"]] as const) server.govern(ROOM, { kind: "member", user, role })
  chat = new Chat({ token: "t", expiresAt: Date.now() + 3_600_000, user: { ...OLENA, guest: false }, entry: "~here" }, {} as AccountCalls, () => {})
  await pass(0)
  chat.show(ROOM)
  await pass(1_000)
})

afterEach(() => {
  chat.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const become = async (role: "owner" | "moderator" | "member") => {
  server.govern(ROOM, { kind: "member", user: OLENA, role })
  await pass(100)
}
const offered = (user: typeof TARAS) => chat.doings.offered(chat.current!, user).map((action) => (action.kind === "role" ? action.role : action.kind))

describe("of a person is offered", () => {
  test("to an owner, all roles but the one that they have, and to remove them", () => {
    expect(offered(TARAS)).toEqual(["message", "owner", "member", "remove"])
    expect(offered(MARIA)).toEqual(["message", "owner", "moderator", "remove"])
  })

  test("to a moderator, to remove members alone", async () => {
    await become("moderator")
    expect([offered(TARAS), offered(MARIA)]).toEqual([["message"], ["message", "remove"]])
  })

  test("to a member, and of who is not in the room any more, to write", async () => {
    await become("member")
    expect(offered(MARIA)).toEqual(["message"])
    await become("owner")
    expect(offered({ id: "u9", name: "Gone" })).toEqual(["message"])
  })
})

test("the last owner is kept until there is another", async () => {
  expect(isKept(chat.current!)).toBe(true)
  server.govern(ROOM, { kind: "member", user: TARAS, role: "owner" })
  await pass(100)
  expect(isKept(chat.current!)).toBe(false)
})

test("of the members those who are online come first, each by name", () => {
  const people = new Map([MARIA, TARAS, OLENA].map((person) => [person.id, person]))
  expect(membersOf(people, [TARAS], "en").map(({ person, here }) => `${person.name} ${here}`)).toEqual(["Taras true", "Maria false", "Olena false"])
})

test("who is removed is shown what was not sent; where nothing was written, a line says it", async () => {
  chat.current!.draft = "half"
  server.intercept = (frame) => (frame.type === "chat" ? [] : undefined)
  chat.session.write(ROOM, "whole")
  server.removeMe(ROOM)
  await pass(100)
  expect(chat.doings.now).toMatchObject({ kind: "lost", texts: ["whole", "half"], removal: { title: "Budget", by: TARAS } })
  expect([chat.current, chat.rooms, chat.drafts.rooms]).toEqual([null, [], []])
  expect(chat.notice.now).toBeNull()

  server.members.add(ROOM)
  server.notify("invited", { room: ROOM, title: "Budget" })
  await pass(100)
  expect(chat.rooms.map(({ drawn }) => drawn.title)).toEqual(["Budget"])
  server.removeMe(ROOM)
  await pass(100)
  expect(chat.notice.now).toMatchObject({ removal: { title: "Budget" } })
})

test("one's own log is no room of the list, and what is new in it is counted", async () => {
  server.notify("invited", { room: "~other", title: "Other" })
  await pass(100)
  expect(chat.rooms.map(({ name }) => name)).not.toContain(ME)
  expect([chat.inbox.isThere, chat.inbox.unread, chat.inbox.happenings.map((each) => each.kind === "invited" && each.about.title)]).toEqual([true, 1, ["Other"]])
  chat.inbox.seen()
  await pass(1_000)
  expect([chat.inbox.unread, server.readMarks.get(ME)]).toEqual([0, 1])
})

test("a sign-in elsewhere rings the bell until it is looked at, and the one here does not", async () => {
  server.signIn({ id: "~here" })
  server.signIn({ id: "~there" })
  await pass(100)
  const { happenings } = chat.inbox
  expect([chat.inbox.unread, happenings.map((each) => chat.inbox.isHere(each))]).toEqual([1, [false, true]])
  chat.inbox.seen()
  await pass(1_000)
  expect([chat.inbox.unread, server.readMarks.get(ME)]).toEqual([0, 2])
})

test("a refusal is told in the line of the connection", async () => {
  server.intercept = (frame) => (frame.type === "role" ? [{ type: "error", code: "forbidden", text: "Only an owner gives roles.", retryable: false }] : undefined)
  await chat.doings.giveRole(chat.current!, MARIA, "owner")
  expect(chat.notice.now).toEqual({ code: "forbidden", text: "Only an owner gives roles." })
})
