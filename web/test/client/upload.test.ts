import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { HttpProblem } from "../../src/client/http.ts"
import { Unreadable, upload } from "../../src/client/upload.ts"

/** What the browser says of a request; the test is the browser. */
class FakeRequest {
  static last: FakeRequest
  upload = { onprogress: null }
  onload: () => void = () => {}
  onerror: () => void = () => {}
  onabort: () => void = () => {}
  status = 0
  responseText = ""
  headers: Record<string, string> = {}

  constructor() {
    FakeRequest.last = this
  }

  open(): void {}
  setRequestHeader(): void {}
  send(): void {}

  abort(): void {
    this.onabort()
  }

  getResponseHeader(name: string): string | null {
    return this.headers[name] ?? null
  }
}

const unreadable = (size: number): File => {
  const file = new File(["x".repeat(size)], "gone.txt")
  const fails = () => Promise.reject(new DOMException("gone", "NotReadableError"))
  file.arrayBuffer = fails
  file.slice = () => Object.assign(new Blob(), { arrayBuffer: fails })
  return file
}

const begin = (file: File) => {
  const { done, cancel } = upload({ room: "den", id: "1", file, token: "t", onProgress: () => {} }, "")
  return { outcome: done.catch((error: unknown) => error), cancel, request: FakeRequest.last }
}

beforeEach(() => void vi.stubGlobal("XMLHttpRequest", FakeRequest))
afterEach(() => void vi.unstubAllGlobals())

describe("an upload that fails says why:", () => {
  test("the connection broke", async () => {
    const { outcome, request } = begin(new File(["x"], "a.txt"))
    request.onerror()
    expect(await outcome).toMatchObject({ name: "HttpProblem", status: 0, code: null })
  })

  test.each([0, 1])("the file of %i bytes cannot be read, which the browser reports in the same way", async (size) => {
    const { outcome, request } = begin(unreadable(size))
    request.onerror()
    expect(await outcome).toBeInstanceOf(Unreadable)
  })

  test("the server refuses, and how long it wants to be left alone", async () => {
    const { outcome, request } = begin(new File(["x"], "a.txt"))
    Object.assign(request, { status: 429, responseText: '{"code":"rate_limited","detail":"Wait."}', headers: { "Retry-After": "3" } })
    request.onload()
    const refusal = (await outcome) as HttpProblem
    expect([refusal.code, refusal.retryAfterMs, refusal.retryable]).toEqual(["rate_limited", 3000, true])
  })

  test("it was given up", async () => {
    const { outcome, cancel } = begin(new File(["x"], "a.txt"))
    cancel()
    expect(await outcome).toMatchObject({ name: "AbortError" })
  })
})
