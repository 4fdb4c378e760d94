/** What the page does with a stored file. */
import type { StoredFile } from "../client/index.ts"

const PICTURES: readonly string[] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]

/** Whether the file is a raster picture that a browser shows. */
export const isPicture = ({ mime }: StoredFile): boolean => PICTURES.includes(mime)

/** The address, if it is one of this origin; a page that links elsewhere under a file's name would deceive. */
export const ownAddress = (url: string, origin: string = location.origin): string => {
  try {
    const address = new URL(url, origin)
    return address.origin === origin ? address.pathname + address.search : "#"
  } catch {
    return "#"
  }
}
