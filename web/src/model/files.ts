/** What the page does with a stored file. */
import type { StoredFile } from "../client/index.ts"

const PICTURES: readonly string[] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]

/** Whether the file is a raster picture that a browser shows. */
export const isPicture = ({ mime }: StoredFile): boolean => PICTURES.includes(mime)

const STORED = /^\/api\/files\/(?=[0-9a-f]{32}(\/preview)?$)/

/**
 * Where this tab asks for a stored file. A browser has one jar of cookies for all tabs; by the user in the path it knows whose to send.
 * `#` where the address is none of this origin's.
 */
export const fileAddress = (url: string, userId: string, origin: string = location.origin): string =>
  ownAddress(url, origin).replace(STORED, `/api/files/as/${encodeURIComponent(userId)}/`)

/** The address, if it is one of this origin; a page that links elsewhere under a file's name would deceive. */
export const ownAddress = (url: string, origin: string = location.origin): string => {
  try {
    const address = new URL(url, origin)
    return address.origin === origin ? address.pathname + address.search : "#"
  } catch {
    return "#"
  }
}
