/** What a row of the log says, as a server would write it. */
import { render } from "svelte/server"
import { beforeAll, describe, expect, test, vi } from "vitest"
import type { Message } from "../../src/client/index.ts"
import type { Acts } from "../../src/model/acts.svelte.ts"
import type { Row } from "../../src/model/rows.ts"

const OLENA = { id: "u1", name: "Olena" }
const TARAS = { id: "u2", name: "Taras" }
const AT = "2026-11-20T10:00:00.000Z"
const base = { room: "den", seq: 7, id: "m7", from: OLENA, at: AT }
const chat: Message = { ...base, kind: "chat", text: "hello @Taras", mentions: ["u2"] }
const quoted: Message = { ...base, seq: 2, id: "m2", from: TARAS, kind: "chat", text: "the first\nof two lines" }

type Said = Extract<Row, { kind: "message" }>
let MessageRow: typeof import("../../src/ui/MessageRow.svelte").default
let DeletedRow: typeof import("../../src/ui/DeletedRow.svelte").default

// What the page's modules ask of a browser when they are loaded.
beforeAll(async () => {
  vi.stubGlobal("window", new EventTarget())
  vi.stubGlobal("document", Object.assign(new EventTarget(), { documentElement: { dataset: {} } }))
  vi.stubGlobal("location", { hash: "", href: "http://localhost/" })
  vi.stubGlobal("navigator", { languages: ["en"] })
  vi.stubGlobal("addEventListener", () => {})
  ;[{ default: MessageRow }, { default: DeletedRow }] = await Promise.all([import("../../src/ui/MessageRow.svelte"), import("../../src/ui/DeletedRow.svelte")])
})

interface Around {
  me?: typeof OLENA
  changes?: Said["changes"]
  editing?: { seq: number; from: string; text: string }
  known?: readonly Message[]
  thread?: number | null
}

const written = (message: Message, { me = OLENA, changes = [], editing, known = [], thread = null }: Around = {}) => {
  const row: Said = { kind: "message", key: "k", head: true, at: Date.parse(AT), message, changes }
  const room = { editing: editing ?? null, message: (seq: number) => known.find((each) => each.seq === seq), names: new Map([[TARAS.id, TARAS.name]]), usersOf: (ids: readonly string[]) => [OLENA, TARAS].filter(({ id }) => ids.includes(id)), drawn: { joined: true }, may: { change: true, write: true, moderate: false, thread: true }, thread }
  const acts = { chat: { me, textChars: 8000 }, room } as unknown as Acts
  const props = { row, stop: false, active: false, marked: false }
  const { body } =
    message.kind === "deleted" ? render(DeletedRow, { props: { ...props, acts } }) : render(MessageRow, { props: { ...props, acts, onGo: () => {} } })
  return body.replace(/<!--.*?-->/g, "")
}

const part = (body: string, testId: string) => body.match(new RegExp(`<(\\w+)[^>]*data-testid="${testId}"[^>]*>(.*?)</\\1>`, "s"))
const words = (body: string) => body.replace(/<svg.*?<\/svg>/gs, "").replace(/<[^>]+>/g, " ").replace(/\s+/g, " ").trim()

describe("a row", () => {
  test("says that the text was edited, and when", () => {
    expect(part(written(chat), "edited")).toBeNull()
    const [mark] = part(written({ ...chat, edited_at: "2026-11-20T11:30:00.000Z" }), "edited")!
    expect(mark).toMatch(/title="Edited: [^"]*2026/)
  })

  test("says that it is pinned", () => expect(words(part(written({ ...chat, pinned: true }), "pinned")![0])).toBe("Pinned"))

  test("has a chip for each emoji with how many and who; one's own is pressed", () => {
    const body = written({ ...chat, reactions: [{ emoji: "❤", users: ["u2", "u1"] }, { emoji: "👀", users: ["x"] }] })
    const chips = [...body.matchAll(/<button[^>]*data-testid="reaction"[^>]*>.*?<\/button>/gs)].map(([chip]) => chip)
    expect(chips.map(words)).toEqual(["❤️ 2", "👀 1"])
    expect(chips[0]).toContain('aria-pressed="true"')
    expect(chips[0]).toContain('title="You and Taras"')
    expect(chips[1]).toContain('aria-pressed="false"')
  })

  test("quotes what it answers: author and line, that it was deleted, or a dash while that is not known", () => {
    const answer: Message = { ...chat, reply_to: 2 }
    const quote = (known: readonly Message[]) => words(part(written(answer, { known }), "quote")![0])
    expect(quote([quoted])).toBe("In reply to Taras the first of two lines")
    expect(quote([{ ...base, kind: "deleted", seq: 2, from: TARAS }])).toBe("In reply to Taras message deleted")
    expect(quote([])).toBe("In reply to —")
  })

  test("is on its way while an edit of it is, and a reaction tells of itself", () => {
    const waits = (said: Said["changes"][number]["said"], failure: Said["changes"][number]["failure"] = null) => [{ id: "c", room: "den", writtenAt: 0, failure, said }]
    expect(written(chat)).toContain('data-state="stored"')
    expect(written(chat, { changes: waits({ type: "edit", of: 7, text: "new" }) })).toContain('data-state="sending"')
    const reacted: Message = { ...chat, reactions: [{ emoji: "🔥", users: ["u1"] }] }
    const body = written(reacted, { changes: waits({ type: "react", of: 7, emoji: "🔥", on: true }) })
    expect(body).toContain('data-state="stored"')
    expect(body).toMatch(/class="[^"]*\bwaits\b/)
    const refused = written(chat, { changes: waits({ type: "edit", of: 7, text: "new words" }, { code: "too_large", text: "" }) })
    expect(words(part(refused, "failure")![0])).toMatch(/^Your edit was not saved: new words This is larger/)
    expect(refused).toContain('data-testid="retry"')
  })

  test("says how many answers stand under it, also where it was deleted, and not within their thread", () => {
    const replies = { count: 3, last_seq: 12, last_at: "2026-11-20T11:30:00.000Z" }
    expect(words(part(written({ ...chat, replies }), "replies")![0])).toMatch(/^3 replies The last one: · /)
    expect(words(part(written({ ...base, kind: "deleted", replies: { ...replies, count: 1 } }), "replies")![0])).toMatch(/^1 reply /)
    expect(written(chat)).not.toContain('data-testid="replies"')
    expect(written({ ...chat, replies }, { thread: 7 })).not.toContain('data-testid="replies"')
  })

  test("has another name in a thread than in the room, which may stand beside it", () => {
    expect(written(chat)).toContain('id="said-7"')
    expect(written(chat, { thread: 7 })).toContain('id="said-thread-7"')
  })

  test("has the text in a field where it is edited", () => {
    const body = written(chat, { editing: { seq: 7, from: "whole", text: "half" } })
    expect(body).toContain('data-testid="edit-field"')
    expect(body).not.toContain('data-testid="message-text"')
    expect(written(chat, { editing: { seq: 8, from: "whole", text: "half" } })).not.toContain('data-testid="edit-field"')
  })

  test("that was deleted is one line, and mentions nobody", () => {
    const body = written({ ...base, kind: "deleted" }, { me: TARAS })
    expect(words(body)).toMatch(/^Olena message deleted \d\d:\d\d$/)
    expect(written(chat, { me: TARAS })).toMatch(/class="row[^"]*\bmentioned\b/)
  })

  test("shows whom it mentions: oneself marked, others as a way to what may be done with them, and nobody who is only named", () => {
    expect(words(part(written(chat, { me: TARAS }), "mention-of-me")![0])).toBe("@Taras")
    expect(part(written(chat), "mention")![0]).toMatch(/role="button"/)
    const named: Message = { ...base, kind: "chat", text: "hello @Taras" }
    expect(written(named, { me: TARAS })).not.toMatch(/mention/)
  })
})
