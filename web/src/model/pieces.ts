/** Parts of a text: plain, code, links, mentions of the reader. The result is shown as text nodes and elements, never as HTML. */
import { linksIn } from "./links.ts"

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; href: string }
  | { kind: "code"; text: string }
  | { kind: "block"; text: string }
  | { kind: "mention"; text: string }

const BLOCK = /```(?:[\w+-]*\n)?([\s\S]+?)```/g
const CODE = /`([^`\n]+)`/g
const MARKED = new RegExp(`${BLOCK.source}|${CODE.source}`, "g")

/** `me` is the reader's name, or null. */
export const piecesOf = (text: string, me: string | null): Piece[] =>
  split(text, BLOCK, ([, code]) => ({ kind: "block", text: code!.replace(/\n$/, "") }), (beside) =>
    split(beside, CODE, ([, code]) => ({ kind: "code", text: code! }), (plain) => linksOf(plain, me)),
  )

/** What a text says where its parts are not told apart: without the marks around code. */
export const plainly = (text: string): string => text.replace(MARKED, "$1$2").trim()

/** Whether the text names the reader: `@name`, in any case. */
export const mentions = (text: string, me: string | null): boolean =>
  piecesOf(text, me).some(({ kind }) => kind === "mention")

const linksOf = (text: string, me: string | null): Piece[] => {
  const pieces: Piece[] = []
  let from = 0
  for (const { at, text: shown, href } of linksIn(text)) {
    pieces.push(...mentionsOf(text.slice(from, at), me), { kind: "link", text: shown, href })
    from = at + shown.length
  }
  return [...pieces, ...mentionsOf(text.slice(from), me)]
}

const mentionsOf = (text: string, me: string | null): Piece[] => {
  if (me === null || !text.includes("@")) return plain(text)
  const name = new RegExp(`(?<![\\p{L}\\p{N}_@])@${escape(me)}(?![\\p{L}\\p{N}_])`, "giu")
  return split(text, name, ([found]) => ({ kind: "mention", text: found }), plain)
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

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, (char) => (char === "-" ? "\\x2d" : `\\${char}`))
