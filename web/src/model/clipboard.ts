/** What a drag or a paste brings: words, files, folders. */

/**
 * Whether a paste is the files. Where there are words, the words are meant: a spreadsheet puts its cells on the clipboard as text and once more
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

export interface Given {
  readonly files: readonly File[]
  /** Folders, which look like files and cannot be read as such. */
  readonly folders: readonly File[]
}

/** The files of a drag or the clipboard. To be asked during the event: the browser takes them away after it. */
export const givenBy = ({ items, files }: DataTransfer): Given => {
  const folders = new Set<string>()
  for (const item of items) {
    const entry = item.kind === "file" ? item.webkitGetAsEntry() : null
    if (entry?.isDirectory) folders.add(entry.name)
  }
  const isFolder = ({ name }: File) => folders.has(name)
  return { files: Array.from(files).filter((file) => !isFolder(file)), folders: Array.from(files).filter(isFolder) }
}
