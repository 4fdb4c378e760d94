/** What was changed of a room itself, as it is shown between its messages: who was invited, what was set. Those that have come last are kept. */
import { indexOf } from "./indices.ts"
import type { RoomChange } from "./wire.ts"

export const LINES_AT_MOST = 500

export class RoomLines {
  #lines: readonly RoomChange[] = []

  /** In the order of `seq`, without doubles. The array is replaced, never changed. */
  get all(): readonly RoomChange[] {
    return this.#lines
  }

  dropBelow(seq: number): void {
    this.#lines = this.#lines.filter((line) => line.seq >= seq)
  }

  add(lines: readonly RoomChange[]): void {
    for (const line of lines) {
      const at = indexOf(this.#lines, line.seq)
      if (this.#lines[at]?.seq !== line.seq) this.#lines = this.#lines.toSpliced(at, 0, line).slice(-LINES_AT_MOST)
    }
  }
}
