/** All emoji with their names in the language of the page: the data of emoji-picker-element (from CLDR), which come when they are first asked for. */
import { canonical } from "../client/index.ts"
import english from "emoji-picker-element-data/en/cldr-native/data.json?url"
import ukrainian from "emoji-picker-element-data/uk/cldr-native/data.json?url"
import type { Language } from "../i18n/language.ts"

/** Their numbers in the data; 2 are colours of skin and hair by themselves. */
const GROUPS = { faces: 0, people: 1, nature: 3, food: 4, travel: 5, activities: 6, objects: 7, symbols: 8, flags: 9 } as const
/** Of Unicode, 2022: what systems of some age can draw. */
const NEWEST_VERSION = 15

export type EmojiGroupName = keyof typeof GROUPS

export interface NamedEmoji {
  /** As the wire has it. */
  readonly emoji: string
  readonly name: string
  /** Its name and other words for it, in small letters. */
  readonly words: readonly string[]
}

export interface EmojiGroup {
  readonly name: EmojiGroupName
  readonly emoji: readonly NamedEmoji[]
}

/** One of the data's own. */
export interface EmojiData {
  readonly emoji: string
  readonly annotation: string
  readonly tags?: readonly string[]
  readonly group: number
  readonly version: number
}

const ADDRESSES: Record<Language, string> = { uk: ukrainian, en: english }
const known = new Map<Language, Promise<readonly EmojiGroup[]>>()

/** All emoji. Rejects where they cannot be had; they are asked for anew then by who asks again. */
export const emojiIn = (language: Language): Promise<readonly EmojiGroup[]> => {
  const before = known.get(language)
  if (before) return before
  const asked = fetched(ADDRESSES[language])
  known.set(language, asked)
  asked.catch(() => known.delete(language))
  return asked
}

const fetched = async (address: string): Promise<readonly EmojiGroup[]> => {
  const answer = await fetch(address)
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`)
  return grouped((await answer.json()) as EmojiData[])
}

/** The groups of the data, in their order. */
export const grouped = (data: readonly EmojiData[]): readonly EmojiGroup[] =>
  (Object.keys(GROUPS) as EmojiGroupName[]).map((name) => ({
    name,
    emoji: data
      .filter(({ group, version }) => group === GROUPS[name] && version <= NEWEST_VERSION)
      .map(({ emoji, annotation, tags = [] }) => ({ emoji: canonical(emoji), name: annotation, words: wordsOf([annotation, ...tags].join(" ")) })),
  }))

/** Those of which each word that was typed begins one, those first that are named so; null where nothing was typed. */
export const findEmoji = (groups: readonly EmojiGroup[], typed: string): readonly NamedEmoji[] | null => {
  const wanted = wordsOf(typed)
  if (wanted.length === 0) return null
  const begins = (words: readonly string[]) => wanted.every((start) => words.some((word) => word.startsWith(start)))
  const found = groups.flatMap(({ emoji }) => emoji).filter(({ words }) => begins(words))
  const named = found.filter(({ name }) => begins(wordsOf(name)))
  return [...named, ...found.filter((each) => !named.includes(each))]
}

// The apostrophe of Ukrainian words is typed in several ways.
const wordsOf = (text: string): string[] => text.toLowerCase().replace(/[’ʼ`]/gu, "'").split(/[^\p{L}\p{N}']+/u).filter(Boolean)
