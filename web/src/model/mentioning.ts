/** Naming people in a text: who is named where, and whose name is being typed. A name stands in the text as it is, after an `@`. */
import type { User } from "../client/index.ts"

/** So many people a message names at most. */
export const NAMED_AT_MOST = 50
const NAME_CHARS = 32
const BEGINS = /(?<![\p{L}\p{N}_@])@/gu
const GOES_ON = /^[\p{L}\p{N}_]/u

export interface Naming {
  /** Where the `@` stands. */
  readonly at: number
  /** With the `@`, as it stands in the text. */
  readonly text: string
  /** Those whose name that is: more than one where people are called alike. */
  readonly users: readonly User[]
}

/** Where one of `people` is named: of names that begin alike the longest. `plain`: a part of a text that is neither code nor a link. */
export const namingsIn = (plain: string, people: readonly User[]): readonly Naming[] => {
  if (people.length === 0 || !plain.includes("@")) return []
  const byName = new Map<string, User[]>()
  for (const user of people) byName.set(user.name.toLowerCase(), [...(byName.get(user.name.toLowerCase()) ?? []), user])
  const lengths = [...new Set(people.map(({ name }) => name.length))].sort((a, b) => b - a)
  const namings: Naming[] = []
  let from = 0
  for (const { index } of plain.matchAll(BEGINS)) {
    if (index < from) continue
    for (const length of lengths) {
      const end = index + 1 + length
      const users = byName.get(plain.slice(index + 1, end).toLowerCase())
      if (users === undefined || GOES_ON.test(plain.slice(end, end + 2))) continue
      namings.push({ at: index, text: plain.slice(index, end), users })
      from = end
      break
    }
  }
  return namings
}

/** Whether somebody is named who is none of `people`, as far as one can tell. */
export const namesOthers = (plain: string, people: readonly User[]): boolean => {
  const known = new Set(namingsIn(plain, people).map(({ at }) => at))
  return [...plain.matchAll(BEGINS)].some(({ index }) => !known.has(index) && GOES_ON.test(plain.slice(index + 1, index + 3)))
}

/** What is typed of a name, and where its `@` stands. */
export interface Begun {
  readonly at: number
  readonly typed: string
}

/** Whose name is being typed before `caret`; null: nobody's. Not within code. */
export const begunAt = (text: string, caret: number): Begun | null => {
  const before = text.slice(0, caret)
  const at = before.lastIndexOf("@")
  const typed = before.slice(at + 1)
  if (at < 0 || typed.length > NAME_CHARS || /^\s|\n/.test(typed) || (before.split("`").length - 1) % 2 === 1) return null
  return /[\p{L}\p{N}_@]$/u.test(before.slice(0, at)) ? null : { at, typed }
}

/** Those of `people` of whose names a word begins with `typed`; first those whose names themselves do. Each part keeps its order. */
export const beginningSo = (typed: string, people: readonly User[]): readonly User[] => {
  const wanted = typed.toLowerCase()
  const whole = people.filter(({ name }) => name.toLowerCase().startsWith(wanted))
  const within = people.filter((user) => !whole.includes(user) && wordsOf(user.name).some((word) => word.startsWith(wanted)))
  return [...whole, ...within]
}

// From each word on to the end of the name.
const wordsOf = (name: string): readonly string[] => {
  const lower = name.toLowerCase()
  return [...lower.matchAll(/(?<![\p{L}\p{M}\p{N}'’])[\p{L}\p{N}]/gu)].map(({ index }) => lower.slice(index))
}
