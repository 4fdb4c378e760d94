/** What rooms are called, what is said of their changes, and which of these stand on the page. */
import { describe, expect, test } from "vitest"
import type { Message, RoomChange } from "../../src/client/index.ts"
import { en } from "../../src/i18n/en.ts"
import { uk } from "../../src/i18n/uk.ts"
import { sentencesOf } from "../../src/model/room-lines.ts"
import type { Happening } from "../../src/model/inbox.svelte.ts"
import { aboutText, happenedText, inText, kindOf, labelOf, removalText } from "../../src/model/room-words.ts"
import { linesIn } from "../../src/model/visible-range.ts"

const TARAS = { id: "u2", name: "Тарас" }
const MARIA = { id: "u3", name: "Марія" }
const called = (name: string, title = "", others = [] as (typeof TARAS)[]) => ({ name, title, others })

describe("a room is called", () => {
  test.each([
    [called("кухня"), "public", "кухня", "#кухня"],
    [called("kitchen", "The kitchen"), "public", "The kitchen", "#The kitchen"],
    [called("~1a", "Budget"), "private", "Budget", "“Budget”"],
    [called("~1a"), "private", "a private room", "a private room"],
    [called("~d.1", "", [TARAS]), "direct", "Тарас", "Тарас"],
    [called("~d.2", "", [TARAS, MARIA]), "direct", "Тарас and Марія", "Тарас and Марія"],
    [called("~d.3"), "notes", "Notes to yourself", "Notes to yourself"],
  ])("%o", (room, kind, label, text) => {
    expect([kindOf(room), labelOf(room, en), inText(room, en)]).toEqual([kind, label, text])
  })

  test("in the quotes of the language, where a sentence is about it", () => expect(aboutText({ room: "~1a", title: "Бюджет" }, uk)).toBe("«Бюджет»"))
})

describe("what happened to oneself", () => {
  const happening = (kind: "invited" | "removed", room: string, title?: string): Happening => ({
    kind, room: "~me.1", seq: 1, id: "1", from: TARAS, at: "2026-11-20T10:00:00Z", about: { room, ...(title !== undefined && { title }) },
  })

  test("names the room, and who did it", () => {
    expect(happenedText(happening("invited", "~1a", "Бюджет"), uk)).toBe("Тарас додає вас до кімнати «Бюджет»")
    expect(happenedText(happening("removed", "kitchen"), en)).toBe("Тарас removed you from #kitchen")
    expect(happenedText(happening("invited", "~d.1"), en)).toBe("Тарас began a conversation with you")
  })

  test("names who has said something to one, and where", () => {
    const said = (why: "mention" | "reply", room: string): Happening => ({ kind: "mention", room: "~me.1", seq: 1, id: "1", from: TARAS, at: "2026-11-20T10:00:00Z", about: { room, of: 4, why } })
    expect(happenedText(said("mention", "kitchen"), en)).toBe("Тарас mentioned you in #kitchen")
    expect(happenedText(said("reply", "kitchen"), uk)).toBe("Тарас відповідає у вашій гілці в кімнаті #kitchen")
    expect(happenedText(said("mention", "~d.1"), en)).toBe("Тарас mentioned you")
  })

  test("names the device of a sign-in, and says which is this one", () => {
    const device = { at: "2026-11-20T09:00:00Z", name: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", address: "10.0.0.1" }
    const signedIn: Happening = { kind: "signed_in", room: "~me.1", seq: 1, id: "~1", from: TARAS, at: "2026-11-20T10:00:00Z", device }
    expect(happenedText(signedIn, en)).toBe("You signed in on Firefox, Linux · 10.0.0.1")
    expect(happenedText(signedIn, en, true)).toBe("You signed in here: Firefox, Linux · 10.0.0.1")
    expect(happenedText(signedIn, uk)).toBe("Новий вхід: Firefox, Linux · 10.0.0.1")
    expect(happenedText({ ...signedIn, device: { at: device.at } }, uk)).toBe("Новий вхід: невідомий пристрій")
  })

  test("is said also of a room of which nothing else is known", () => {
    const removal = { room: "~1a", title: "", by: null, unsent: [] }
    expect(removalText(removal, uk)).toBe("Вас більше немає в одній із ваших приватних кімнат.")
    expect(removalText({ ...removal, title: "Бюджет", by: TARAS }, uk)).toBe("Тарас вилучає вас із кімнати «Бюджет».")
  })
})

describe("a change of a room says", () => {
  const base = { room: "~1a", seq: 4, id: "c4", from: TARAS, at: "2026-11-20T10:00:00Z" }
  const member = (user: typeof TARAS, role?: "owner" | "moderator" | "member"): RoomChange => ({ kind: "member", ...base, user, ...(role && { role }) })
  const said = (change: RoomChange, words = en, demoted = false): string => sentencesOf(change, demoted, words).join("; ")

  test("who was let in, made something, removed, or has gone", () => {
    expect([member(MARIA, "member"), member(MARIA, "moderator"), member(MARIA), member(TARAS)].map((change) => said(change))).toEqual([
      "added Марія",
      "made Марія a moderator",
      "removed Марія",
      "left",
    ])
    expect(said(member(MARIA, "member"), uk)).toBe("додає до кімнати: Марія")
    expect(said(member(MARIA, "member"), uk, true)).toBe("змінює роль: Марія — звичайний учасник")
  })

  test("each thing that was set", () => {
    expect(said({ kind: "room", ...base, title: "Бюджет", topic: "", posting: "moderators", archived: true })).toBe(
      "set the title “Бюджет”; took the topic away; let only moderators write; archived the room",
    )
    expect([30, 1, 0].map((keep_days) => said({ kind: "room", ...base, keep_days }))).toEqual([
      "has messages kept for 30 days",
      "has messages kept for 1 day",
      "has messages kept as the server says",
    ])
  })
})

describe("of the lines of a room stand on the page", () => {
  const message = (seq: number): Message => ({ kind: "chat", room: "den", seq, id: `m${seq}`, from: TARAS, at: "2026-11-20T10:00:00Z", text: "" })
  const lines = [1, 3, 5, 9].map((seq): RoomChange => ({ kind: "room", room: "den", seq, id: `c${seq}`, from: TARAS, at: "2026-11-20T10:00:00Z", title: "" }))
  const seqs = (shown: number[], fromStart: boolean, toEnd: boolean): number[] => linesIn(lines, shown.map(message), fromStart, toEnd).map(({ seq }) => seq)

  test("those between the messages that are shown", () => expect(seqs([2, 4, 8], false, false)).toEqual([3, 5]))
  test("those before the first message of all, and after the last", () => expect(seqs([2, 4, 8], true, true)).toEqual([1, 3, 5, 9]))
  test("all, where nothing was said", () => expect(seqs([], true, true)).toEqual([1, 3, 5, 9]))
  test("none, where nothing is shown of a room that goes on above", () => expect(seqs([], false, false)).toEqual([]))
})
