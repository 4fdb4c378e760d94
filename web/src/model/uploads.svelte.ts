/** Files on their way up. Each keeps its `id`, so that a try again after a cut connection cannot store it twice. */
import { HttpProblem, type Message, newId, type RoomName, type TokenSource, type Upload, upload } from "../client/index.ts"
import { type Trouble, troubleOf } from "./troubles.ts"

export type UploadStatus = "sending" | "stored" | "waiting" | "failed"

export class UploadItem {
  readonly id = newId()
  readonly room: RoomName
  readonly file: File
  /** Address of a preview, for pictures. */
  readonly preview: string | null
  /** Of the request's bytes, from 0 to 1. */
  progress = $state(0)
  status = $state<UploadStatus>("sending")
  trouble = $state.raw<Trouble | null>(null)
  under: Upload | null = null

  constructor(room: RoomName, file: File) {
    this.room = room
    this.file = file
    this.preview = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type) ? URL.createObjectURL(file) : null
  }
}

const SHOWN_AFTER_STORED_MS = 15_000

export class Uploads {
  items = $state.raw<readonly UploadItem[]>([])
  readonly #tokens: TokenSource
  readonly #isOnline: () => boolean

  constructor(tokens: TokenSource, isOnline: () => boolean) {
    this.#tokens = tokens
    this.#isOnline = isOnline
  }

  add(room: RoomName, files: Iterable<File>): void {
    const added = [...files].map((file) => new UploadItem(room, file))
    this.items = [...this.items, ...added]
    for (const item of added) void this.send(item)
  }

  async send(item: UploadItem): Promise<void> {
    if (item.under !== null) return
    item.trouble = null
    item.progress = 0
    item.status = this.#isOnline() ? "sending" : "waiting"
    if (item.status === "waiting") return
    try {
      const { token } = await this.#tokens.current()
      if (!this.items.includes(item)) return
      item.under = upload({
        room: item.room,
        id: item.id,
        file: item.file,
        token,
        onProgress: (sent, total) => (item.progress = total > 0 ? sent / total : 0),
      })
      await item.under.done
      item.status = "stored"
      // The message arrives by itself; where it does not, the card has no more to tell.
      setTimeout(() => this.drop(item), SHOWN_AFTER_STORED_MS)
    } catch (error) {
      this.#failed(item, error)
    } finally {
      item.under = null
    }
  }

  /** There is a connection again: what broke off is sent again. */
  resume(): void {
    for (const item of this.items) if (item.status === "waiting" || item.trouble?.code === "no_answer") void this.send(item)
  }

  arrived(message: Message): void {
    if (message.kind !== "file") return
    const item = this.items.find(({ id }) => id === message.id)
    if (item) this.drop(item)
  }

  /** Takes the card away, and ends the sending where it is under way. */
  drop(item: UploadItem): void {
    if (!this.items.includes(item)) return
    this.items = this.items.filter((each) => each !== item)
    item.under?.cancel()
    if (item.preview) URL.revokeObjectURL(item.preview)
  }

  stop(): void {
    for (const item of this.items) this.drop(item)
  }

  #failed(item: UploadItem, error: unknown): void {
    if (error instanceof HttpProblem && error.status === 0 && !this.#isOnline()) {
      item.status = "waiting"
      return
    }
    item.status = "failed"
    item.trouble = troubleOf(error)
  }
}
