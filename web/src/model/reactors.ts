/** Who has reacted with one emoji, in words. */
import type { Dictionary } from "../i18n/dictionary.ts"

const NAMED_AT_MOST = 20

/** `users`: their ids. `names`: of those who are known; `me` is "you". The others are counted. */
export const reactorsText = (users: readonly string[], me: string, names: ReadonlyMap<string, string>, words: Dictionary): string => {
  const known = users.flatMap((id) => (id === me ? [] : (names.get(id) ?? [])))
  const named = [...(users.includes(me) ? [words.you] : []), ...known].slice(0, NAMED_AT_MOST)
  const others = users.length - named.length
  if (others === 0) return new Intl.ListFormat(words.locale, { type: "conjunction" }).format(named)
  return named.length === 0 ? words.reactors(others) : `${named.join(", ")} ${words.andMore(others)}`
}
