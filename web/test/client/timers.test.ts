import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { Requests } from "../../src/client/requests.ts"
import { afterSilence, type Timers, type Wanted, workerTimers } from "../../src/client/timers.ts"
import type { ClientFrame, Incoming } from "../../src/client/wire.ts"

/** A worker whose clock the test winds. */
class FakeWorker {
  onmessage: ((event: { data: number }) => void) | null = null
  onerror: (() => void) | null = null
  readonly wanted = new Map<number, number>()
  terminated = false

  postMessage({ id, ms }: Wanted): void {
    if (ms === undefined) this.wanted.delete(id)
    else this.wanted.set(id, ms)
  }

  terminate(): void {
    this.terminated = true
  }

  fire(ms: number): void {
    for (const [id, each] of this.wanted) if (each === ms) this.onmessage?.({ data: id })
  }
}

beforeEach(() => void vi.useFakeTimers({ now: 1_800_000_000_000 }))
afterEach(() => void vi.useRealTimers())

describe("timers that a worker counts", () => {
  let worker: FakeWorker
  let timers: Timers
  let fired: string[]

  beforeEach(() => {
    worker = new FakeWorker()
    timers = workerTimers(worker as unknown as Worker)
    fired = []
  })

  test("fire when the worker says so, each once", () => {
    timers.after(10, () => fired.push("ten"))
    timers.after(20, () => fired.push("twenty"))
    worker.fire(10)
    worker.fire(10)
    expect(fired).toEqual(["ten"])
  })

  test("that were cancelled do not fire, even where the worker had fired them already", () => {
    const cancel = timers.after(10, () => fired.push("ten"))
    const [id] = [...worker.wanted.keys()]
    cancel()
    expect(worker.wanted.size).toBe(0)
    worker.onmessage?.({ data: id! })
    expect(fired).toEqual([])
  })

  test("go on by themselves where the worker fails", () => {
    timers.after(1000, () => fired.push("before"))
    vi.advanceTimersByTime(400)
    worker.onerror?.()
    const cancel = timers.after(100, () => fired.push("cancelled"))
    timers.after(100, () => fired.push("after"))
    cancel()
    vi.advanceTimersByTime(599)
    expect(fired).toEqual(["after"])
    vi.advanceTimersByTime(1)
    expect(fired).toEqual(["after", "before"])
    expect(worker.terminated).toBe(true)
  })
})

describe("a silence", () => {
  const told: string[] = []
  beforeEach(() => void told.splice(0))

  test("ends when its time has passed", () => {
    afterSilence(1000, () => told.push("ended"), () => told.push("again"))
    vi.advanceTimersByTime(999)
    expect(told).toEqual([])
    vi.advanceTimersByTime(1)
    expect(told).toEqual(["ended"])
  })

  test("in which we were away is waited out once more, whole", () => {
    afterSilence(1000, () => told.push("ended"), () => told.push("again"))
    vi.setSystemTime(Date.now() + 60_000)
    vi.advanceTimersByTime(1000)
    expect(told).toEqual(["again"])
    vi.advanceTimersByTime(999)
    expect(told).toEqual(["again"])
    vi.advanceTimersByTime(1)
    expect(told).toEqual(["again", "ended"])
  })

  test("is not waited out for ever where every timer fires late", () => {
    afterSilence(1000, () => told.push("ended"))
    for (let i = 0; i < 2; i++) {
      vi.setSystemTime(Date.now() + 60_000)
      vi.advanceTimersByTime(1000)
    }
    expect(told).toEqual(["ended"])
  })

  test("that is broken ends nothing, in its second time either", () => {
    const cancel = afterSilence(1000, () => told.push("ended"))
    vi.setSystemTime(Date.now() + 60_000)
    vi.advanceTimersByTime(1000)
    cancel()
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual([])
  })
})

test("a question is not asked again because we were away: its answer may lie unread", async () => {
  const asked: ClientFrame[] = []
  const requests = new Requests((frame) => (asked.push(frame), true), () => 0)
  const answer = requests.ask({ type: "rooms" })
  vi.setSystemTime(Date.now() + 60_000)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(asked).toHaveLength(1)
  const rooms: Incoming<"rooms"> = { type: "rooms", rooms: [], ref: asked[0]!.ref! }
  requests.receive(rooms)
  expect(await answer).toBe(rooms)
})
