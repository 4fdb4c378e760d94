/** WCAG 2.2 contrast of every pair of text and ground, computed from the tokens that the page really uses. */
import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { hueOf } from "../../src/model/faces.ts"

type Colour = readonly [lightness: number, chroma: number, hue: number]
type Scheme = "light" | "dark"
const SCHEMES: readonly Scheme[] = ["light", "dark"]

const css = readFileSync(new URL("../../src/styles/tokens.css", import.meta.url), "utf8")

/** The hues that users get, found by asking for many. */
const HUES = [...new Set(Array.from({ length: 2000 }, (_, i) => hueOf(`user-${i}`)))]

const colourOf = (text: string, hue = 0): Colour => {
  const match = /oklch\(([\d.]+)% ([\d.]+) ([\d.]+|var\(--hue\))\)/.exec(text)
  if (!match) throw new Error(`not a colour: ${text}`)
  return [Number(match[1]) / 100, Number(match[2]), match[3]!.startsWith("var") ? hue : Number(match[3])]
}

const token = (name: string, scheme: Scheme, hue?: number): Colour => {
  const match = new RegExp(`--${name}: light-dark\\((oklch\\(.+?\\)\\)?), (oklch\\(.+?\\)\\)?)\\);`).exec(css)
  if (!match) throw new Error(`no token --${name}`)
  return colourOf(match[scheme === "light" ? 1 : 2]!, hue)
}

/** OKLCH to linear sRGB, out of gamut clipped (CSS Color 4, section 9.2). */
const linear = ([l, c, h]: Colour): number[] => {
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)]
  const [x, y, z] = [
    (l + 0.3963377774 * a + 0.2158037573 * b) ** 3,
    (l - 0.1055613458 * a - 0.0638541728 * b) ** 3,
    (l - 0.0894841775 * a - 1.291485548 * b) ** 3,
  ]
  return [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ].map((value) => Math.min(1, Math.max(0, value)))
}

const luminance = (colour: Colour): number => {
  const [red, green, blue] = linear(colour)
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

const contrast = (one: Colour, other: Colour): number => {
  const [dark, bright] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (bright! + 0.05) / (dark! + 0.05)
}

const GROUNDS = ["ground", "surface", "raised", "chosen", "mention"]
const TEXTS = ["text", "quiet", "cornflower", "poppy", "pine"]
const PAIRS: [string, string][] = [
  ...GROUNDS.flatMap((ground) => TEXTS.map((text): [string, string] => [text, ground])),
  ["on-cornflower", "cornflower"],
  ["on-wheat", "wheat"],
  ["text", "tally"],
]

describe.each(SCHEMES)("in the %s theme", (scheme) => {
  test.each(PAIRS)("%s on %s is at least 4.5:1", (text, ground) => {
    expect(contrast(token(text, scheme), token(ground, scheme))).toBeGreaterThanOrEqual(4.5)
  })

  test.each(HUES)("initials on an avatar of hue %i are at least 4.5:1", (hue) => {
    expect(contrast(token("avatar-text", scheme, hue), token("avatar-ground", scheme, hue))).toBeGreaterThanOrEqual(4.5)
  })

  test.each(["ground", "surface"])("the edge of what can be operated is at least 3:1 on %s (WCAG 1.4.11)", (ground) => {
    expect(contrast(token("edge", scheme), token(ground, scheme))).toBeGreaterThanOrEqual(3)
  })
})

test("the computation knows black on white, and a mid grey", () => {
  expect(contrast([0, 0, 0], [1, 0, 0])).toBeCloseTo(21, 1)
  expect(contrast([0.5999, 0, 0], [1, 0, 0])).toBeCloseTo(3.95, 1) // #808080
})

test("there are eight hues, and people are spread over them", () => {
  expect(HUES).toHaveLength(8)
  const counts = new Map<number, number>()
  for (let i = 0; i < 8000; i++) counts.set(hueOf(`01J${i}`), (counts.get(hueOf(`01J${i}`)) ?? 0) + 1)
  for (const count of counts.values()) expect(count).toBeGreaterThan(700)
})
