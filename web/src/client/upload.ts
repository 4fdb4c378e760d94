/** Sends a file over HTTP: `POST /api/files?room=R`. The message appears in the room by itself. */
import { HttpProblem, problemOf } from "./http.ts"
import type { RoomName } from "./wire.ts"

/** The browser cannot read what is to be sent: it is a folder, was moved or changed since it was chosen, or is not the person's to read. */
export class Unreadable extends Error {
  override name = "Unreadable"
  readonly what: "file" | "folder"

  constructor(what: "file" | "folder") {
    super(`the ${what} cannot be read`)
    this.what = what
  }
}

export interface Upload {
  /**
   * Resolves when the server has stored the bytes. Throws `HttpProblem` where it refuses, with a status of 0 where the connection broke;
   * `Unreadable`; and a `DOMException` of the name `AbortError` after `cancel`.
   */
  readonly done: Promise<void>
  cancel(): void
}

export interface UploadRequest {
  room: RoomName
  /** The message's id: sending the same file again with the same id is safe. */
  id: string
  file: File
  token: string
  /** `sent` of `total` bytes of the request. */
  onProgress(sent: number, total: number): void
}

/** Uses XMLHttpRequest, for `fetch` cannot tell how much has been sent. */
export const upload = ({ room, id, file, token, onProgress }: UploadRequest, base: string): Upload => {
  const request = new XMLHttpRequest()
  const done = new Promise<void>((resolve, reject) => {
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total)
    request.onload = () => {
      if (request.status < 300) resolve()
      else reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")))
    }
    // The browser says "error" for a cut connection and for a file that it cannot read alike.
    request.onerror = () => void isReadable(file).then((readable) => reject(readable ? new HttpProblem(0, null, "the connection broke") : new Unreadable("file")))
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"))
  })
  const form = new FormData()
  form.append("id", id) // before the file: the server reads the parts as they come
  form.append("file", file, file.name)
  request.open("POST", `${base}/api/files?room=${encodeURIComponent(room)}`)
  request.setRequestHeader("Authorization", `Bearer ${token}`)
  request.send(form)
  return { done, cancel: () => request.abort() }
}

const isReadable = async (file: File): Promise<boolean> => {
  try {
    await (file.size === 0 ? file : file.slice(0, 1)).arrayBuffer()
    return true
  } catch {
    return false
  }
}
