import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { Picture } from "../../src/model/picture.svelte.ts"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A picture whose server answers with these statuses, the last one for ever. */
const pictureOf = (...statuses: number[]) => new Picture({ probe: () => Promise.resolve(statuses.length > 1 ? statuses.shift()! : statuses[0]!), random: () => 0.5 })

describe("a picture that did not come", () => {
  test.each([0, 401, 429, 500, 503])("because of %i is asked for again, more and more rarely", async (status) => {
    const picture = pictureOf(status)
    const waits: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      await picture.failed()
      expect(picture.state).toBe("waiting")
      const begun = Date.now()
      await vi.advanceTimersToNextTimerAsync()
      waits.push(Date.now() - begun)
      expect(picture.state).toBe("loading")
      expect(picture.attempt).toBe(attempt + 1)
    }
    expect(waits).toEqual([750, 1250, 2250, 4250, 8250, 15250, 15250, 15250])
  })

  test.each([403, 404, 410])("because of %i never will", async (status) => {
    const picture = pictureOf(status)
    await picture.failed()
    expect(picture.state).toBe("gone")
    picture.again()
    expect(picture.state).toBe("gone")
    expect(vi.getTimerCount()).toBe(0)
  })

  test("though the server has it is tried thrice: its bytes may have been cut, or be no picture", async () => {
    const picture = pictureOf(200)
    for (let attempt = 0; attempt < 2; attempt++) {
      await picture.failed()
      await vi.advanceTimersToNextTimerAsync()
      expect(picture.state).toBe("loading")
    }
    await picture.failed()
    expect(picture.state).toBe("gone")
  })

  test("is asked for at once when somebody presses, or the network is back, and only once", async () => {
    const picture = pictureOf(0)
    await picture.failed()
    picture.again()
    picture.again()
    expect([picture.state, picture.attempt, vi.getTimerCount()]).toEqual(["loading", 1, 0])
  })

  test("and has come in the end begins to wait anew from the shortest", async () => {
    const picture = pictureOf(0)
    for (let attempt = 0; attempt < 4; attempt++) {
      await picture.failed()
      await vi.advanceTimersToNextTimerAsync()
    }
    picture.came()
    await picture.failed()
    const begun = Date.now()
    await vi.advanceTimersToNextTimerAsync()
    expect(Date.now() - begun).toBe(750)
  })

  test("is left alone once nobody looks at it", async () => {
    const picture = pictureOf(0)
    await picture.failed()
    picture.stop()
    expect(vi.getTimerCount()).toBe(0)
    picture.again()
    expect(picture.attempt).toBe(0)
  })

  test("and was pressed while the server was being asked is not asked for twice", async () => {
    let answer: (status: number) => void = () => {}
    const picture = new Picture({ probe: () => new Promise((resolve) => (answer = resolve)) })
    const failed = picture.failed()
    picture.again()
    answer(404)
    await failed
    expect([picture.state, picture.attempt]).toEqual(["loading", 1])
  })
})
