/** What the page does with a stored file. */
import type { StoredFile } from "../client/index.ts"
import { servedFrom } from "./served.ts"

const PICTURES: readonly string[] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]

/** Whether the file is a raster picture that a browser shows. */
export const isPicture = ({ mime }: StoredFile): boolean => PICTURES.includes(mime)

const STORED = /^\/api\/files\/(?=[0-9a-f]{32}(\/preview)?$)/

/**
 * Where this tab asks for a stored file. A browser has one jar of cookies for all tabs; by the user in the path it knows whose to send.
 * `#` where the address is none of this origin's. `base`: where the page is served; the server names its files from its own root, and does
 * not know under which path a proxy shows that.
 */
export const fileAddress = (url: string, userId: string, base: string = servedFrom(location.href)): string => {
  const { origin, pathname } = new URL(base)
  const address = ownAddress(url, origin).replace(STORED, `/api/files/as/${encodeURIComponent(userId)}/`)
  return address === "#" ? address : pathname.replace(/\/$/, "") + address
}

/** The address, if it is one of this origin; a page that links elsewhere under a file's name would deceive. */
export const ownAddress = (url: string, origin: string): string => {
  try {
    const address = new URL(url, origin)
    return address.origin === origin ? address.pathname + address.search : "#"
  } catch {
    return "#"
  }
}
