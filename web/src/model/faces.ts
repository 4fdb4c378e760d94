/** Initials and hue of a person without a picture. */
const HUES = [265, 20, 60, 95, 150, 190, 230, 330]

/** One of eight hues (OKLCH, degrees), the same for a user everywhere. */
export const hueOf = (userId: string): number => {
  let hash = 2166136261 // FNV-1a
  for (const char of userId) hash = Math.imul(hash ^ char.codePointAt(0)!, 16777619)
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507) // the low bits alone are much alike for ids that differ in one letter
  return HUES[(hash ^ (hash >>> 13)) >>> 29]!
}

/** The first letters of the first two words. */
export const initialsOf = (name: string): string => {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean)
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "")
  return letters.join("").toLocaleUpperCase() || "?"
}
