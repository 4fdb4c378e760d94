/** The files on their way up as the page sees them: each with a picture of what it is, where it is one. */
import type { FileEntry, FileQueue } from "../client/index.ts"

export interface UploadItem extends FileEntry {
  /** Address of a preview, for pictures. */
  readonly preview: string | null
}

export class Uploads {
  items = $state.raw<readonly UploadItem[]>([])
  readonly #previews = new Map<string, string | null>()

  constructor(queue: FileQueue) {
    queue.changes.on((entries) => this.#draw(entries))
  }

  #draw(entries: readonly FileEntry[]): void {
    this.items = entries.map((entry) => ({ ...entry, preview: this.#previewOf(entry) }))
    const shown = new Set(entries.map(({ id }) => id))
    for (const [id, preview] of this.#previews) {
      if (shown.has(id)) continue
      if (preview !== null) URL.revokeObjectURL(preview)
      this.#previews.delete(id)
    }
  }

  #previewOf({ id, file }: FileEntry): string | null {
    let preview = this.#previews.get(id)
    if (preview === undefined) {
      preview = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type) ? URL.createObjectURL(file) : null
      this.#previews.set(id, preview)
    }
    return preview
  }
}
