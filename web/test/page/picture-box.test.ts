import { describe, expect, test } from "vitest"
import { pictureBox } from "../../src/model/picture-box.ts"

describe("a picture's place", () => {
  test.each([
    ["an icon takes what it has", [32, 32], [32, 32]],
    ["a photo fits", [4032, 3024], [360, 270]],
    ["a photo that stands upright fits", [3024, 4032], [240, 320]],
    ["a screenshot of a phone keeps its shape", [1179, 2556], [147.6, 320]],
    ["a panorama keeps its shape", [9000, 1500], [360, 60]],
    ["what would be a thread can be pressed", [20_000, 10], [360, 24]],
    ["and so can a dot", [1, 1], [24, 24]],
    ["nothing is blown up", [200, 100], [200, 100]],
  ] as const)("%s", (_, [width, height], [wide, high]) => {
    const box = pictureBox({ width, height })!
    expect(box.width).toBeCloseTo(wide, 1)
    expect(box.height).toBeCloseTo(high, 1)
  })

  test("is not known where the message does not say how large it is", () => {
    expect(pictureBox({})).toBeNull()
    expect(pictureBox({ width: 0, height: 7 })).toBeNull()
    expect(pictureBox({ width: 7 })).toBeNull()
  })

  test("has round corners only where they cut nothing off", () => {
    expect(pictureBox({ width: 32, height: 32 })!.isSmall).toBe(true)
    expect(pictureBox({ width: 4000, height: 100 })!.isSmall).toBe(true)
    expect(pictureBox({ width: 390, height: 844 })!.isSmall).toBe(false)
  })

  test("holds words only where there is room for them", () => {
    expect(pictureBox({ width: 720, height: 480 })!.holdsWords).toBe(true)
    expect(pictureBox({ width: 32, height: 32 })!.holdsWords).toBe(false)
    expect(pictureBox({ width: 2000, height: 100 })!.holdsWords).toBe(false)
    expect(pictureBox({ width: 390, height: 844 })!.holdsWords).toBe(false)
  })
})
