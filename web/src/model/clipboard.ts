/** What a paste is: the words on the clipboard, or the files. */

/**
 * Whether it is the files. Where there are words, the words are meant: a spreadsheet puts its cells on the clipboard as text and once more
 * as a picture of them. Unless they are but the names of the files: so do file managers name what was copied in them.
 */
export const isOfFiles = (text: string, files: Iterable<{ readonly name: string }>): boolean => {
  const names = new Set(Array.from(files, ({ name }) => name.normalize("NFC")))
  const words = text.split(/[\r\n]+/).map((line) => line.trim()).filter((line) => line !== "")
  return names.size > 0 && words.every((line) => names.has(lastPart(line)))
}

/** Of a path or a `file:` address. */
const lastPart = (line: string): string => {
  const part = line.slice(Math.max(line.lastIndexOf("/"), line.lastIndexOf("\\")) + 1)
  try {
    return (line.startsWith("file:") ? decodeURIComponent(part) : part).normalize("NFC")
  } catch {
    return part
  }
}
