/** Parts of a text: plain, code, links, mentions of people. The result is shown as text nodes and elements, never as HTML. */
import type { User } from "../client/index.ts"
import { linksIn } from "./links.ts"
import { NAMED_AT_MOST, namesOthers, namingsIn } from "./mentioning.ts"

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "code"; text: string }
  | { kind: "block"; text: string }
  /** `users`: more than one where they are called alike. */
  | { kind: "mention"; text: string; users: readonly User[] }

const BLOCK = /```(?:[\w+-]*\n)?([\s\S]+?)```/g
const CODE = /`([^`\n]+)`/g
const MARKED = new RegExp(`${BLOCK.source}|${CODE.source}`, "g")

const NOBODY: readonly User[] = []

/** `mentioned`: those whose names are mentions. */
export const piecesOf = (text: string, mentioned = NOBODY): Piece[] =>
  split(text, BLOCK, ([, code]) => ({ kind: "block", text: code!.replace(/\n$/, "") }), (beside) =>
    split(beside, CODE, ([, code]) => ({ kind: "code", text: code! }), (plain) => linksOf(plain, mentioned)),
  )

/** What a text says where its parts are not told apart: without the marks around code. */
export const plainly = (text: string): string => text.replace(MARKED, "$1$2").trim()

/** Whom a text that is written here names. */
export interface Naming {
  /** All whose names are known. */
  readonly known: readonly User[]
  /** Those of them who were chosen by hand: of people who are called alike they are meant, else all. */
  readonly chosen?: readonly User[]
  /** Whom it mentioned before: whose name is not known stays mentioned while the text names somebody whom nobody knows. */
  readonly before?: readonly string[]
}

/** The ids of the people whose names stand in the text. */
export const namedIn = (text: string, { known, chosen = [], before = [] }: Naming): readonly string[] => {
  const ids = new Set<string>()
  for (const piece of piecesOf(text, known)) {
    if (piece.kind !== "mention") continue
    const meant = piece.users.filter(({ id }) => chosen.some((each) => each.id === id))
    for (const { id } of meant.length > 0 ? meant : piece.users) ids.add(id)
  }
  const unknown = before.filter((id) => !known.some((each) => each.id === id))
  const namesUnknown = unknown.length > 0 && piecesOf(text).some(({ kind, text: part }) => kind === "text" && namesOthers(part, known))
  return [...ids, ...(namesUnknown ? unknown : [])].slice(0, NAMED_AT_MOST)
}

const linksOf = (text: string, mentioned: readonly User[]): Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const { at, text: shown, href } of linksIn(text)) {
    pieces.push(...mentionsOf(text.slice(from, at), mentioned), { kind: "link", text: shown, href })
    from = at + shown.length
  }
  return [...pieces, ...mentionsOf(text.slice(from), mentioned)]
}

const mentionsOf = (text: string, mentioned: readonly User[]): Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const { at, text: named, users } of namingsIn(text, mentioned)) {
    pieces.push(...plain(text.slice(from, at)), { kind: "mention", text: named, users })
    from = at + named.length
  }
  return [...pieces, ...plain(text.slice(from))]
}

const plain = (text: string): Piece[] => (text === "" ? [] : [{ kind: "text", text }])

const split = (text: string, by: RegExp, piece: (match: RegExpExecArray) => Piece, beside: (text: string) => Piece[]): Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const match of text.matchAll(by)) {
    pieces.push(...beside(text.slice(from, match.index)), piece(match))
    from = match.index + match[0].length
  }
  return [...pieces, ...beside(text.slice(from))]
}
