/** The place that a picture takes in the log, known before its first byte is here. */
import type { StoredFile } from "../client/index.ts"

/** CSS pixels: what a picture may take at most, and what can still be pressed (WCAG 2.2, 2.5.8). */
const WIDEST = 360
const HIGHEST = 320
const PRESSABLE = 24
/** In a smaller place there is no room for words; and round corners would cut something off a smaller picture. */
const WORDS_WIDTH = 200
const WORDS_HEIGHT = 100
const SMALL = 48

export interface PictureBox {
  /** CSS pixels. */
  readonly width: number
  readonly height: number
  readonly holdsWords: boolean
  readonly isSmall: boolean
}

/**
 * In the picture's own shape, never larger than the picture, and large enough to be pressed. `null` where the message does not say how large
 * it is: it is older than that, or the server could not read it.
 */
export const pictureBox = ({ width, height }: Pick<StoredFile, "width" | "height">): PictureBox | null => {
  if (!width || !height) return null
  const scale = Math.min(1, WIDEST / width, HIGHEST / height)
  const wide = Math.max(PRESSABLE, width * scale)
  const high = Math.max(PRESSABLE, height * scale)
  return { width: wide, height: high, holdsWords: wide >= WORDS_WIDTH && high >= WORDS_HEIGHT, isSmall: Math.min(wide, high) < SMALL }
}
