/** What a device is called for people, by what it calls itself (`User-Agent`): the browser and the system, and no versions, which tell them nothing. */
import type { Dictionary } from "../i18n/dictionary.ts"

interface Device {
  readonly name?: string
  readonly address?: string
}

// In this order: most call themselves by the names of older ones, too.
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:Edg|EdgA|EdgiOS)\//, "Edge"],
  [/\b(?:OPR|OPT|OPX)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Chrome|CriOS)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
]
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPod)\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\b(?:Macintosh|Mac OS X)\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
]

/** With the address; of what is no browser, its own first word. */
export const deviceText = ({ name = "", address = "" }: Device, words: Pick<Dictionary, "unknownDevice">): string =>
  [called(name) || words.unknownDevice, address].filter((part) => part !== "").join(" · ")

const called = (name: string): string => {
  const known = [first(BROWSERS, name), first(SYSTEMS, name)].filter((part) => part !== undefined)
  if (known.length > 0) return known.join(", ")
  const word = /^[^\s/(;]+/.exec(name)?.[0] ?? ""
  return word === "Mozilla" ? "" : word
}

const first = (table: readonly (readonly [RegExp, string])[], name: string): string | undefined => table.find(([pattern]) => pattern.test(name))?.[1]
