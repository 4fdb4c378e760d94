/** Draws a small chart as a PNG, so that there is a picture to look at without keeping one in the repository. */
import { deflateSync, crc32 } from "node:zlib"

const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(crc32(body), body.length + 4)
  return out
}

const colourAt = (x, y, height) => {
  const load = 150 + 90 * Math.sin(x / 70) + 40 * Math.sin(x / 23) + x / 8
  const level = height - 60 - load
  if (Math.abs(y - level) < 2.5) return [88, 120, 214]
  if (y > level && y < height - 60) return [222, 229, 248]
  if (y % 70 === 0) return [226, 226, 222]
  return [250, 249, 246]
}

export const chart = (width = 720, height = 480) => {
  const rows = []
  for (let y = 0; y < height; y++) {
    const row = Buffer.alloc(1 + width * 3)
    for (let x = 0; x < width; x++) row.set(colourAt(x, y, height), 1 + x * 3)
    rows.push(row)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))])
}
