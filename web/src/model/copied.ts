/**
 * What lands on the clipboard when rows of the log are copied: days, names and times, what was said, each once. It is taken from what is
 * shown, so a part of a text is copied as that part. Left to itself a browser copies also what only screen readers are told.
 */
interface Copied {
  text: string
  html: string
}

const ROWS = ".day, [data-key]:has([data-said])"

/** For a selection that reaches over rows of `list`; null where the browser's own copy is right: nothing of them, or a part of one text. */
export const copiedFrom = (selection: Selection, list: HTMLElement): Copied | null => {
  if (selection.isCollapsed || selection.rangeCount !== 1) return null
  const range = selection.getRangeAt(0)
  const rows = [...list.querySelectorAll<HTMLElement>(ROWS)].filter((row) => range.intersectsNode(row))
  const said = rows.filter((row) => row.matches(".day") || partSaid(row, range) !== null)
  while (said.at(-1)?.matches(".day")) said.pop() // of a day nothing was taken but its line
  if (said.length === 0) return null
  if (said.length === 1 && rows[0] === said[0]) return insideOne(said[0]!, range)
  const written = new Written()
  for (const row of said) {
    if (row.matches(".day")) written.day(row.querySelector("[title]")?.getAttribute("title") ?? "")
    else written.message(row, partSaid(row, range)!)
  }
  return written.done()
}

/** What is selected of one message: with its name only where that is selected, too. */
const insideOne = (row: HTMLElement, range: Range): Copied | null => {
  const written = new Written()
  const part = partSaid(row, range)!
  if (saidIn(row).contains(range.startContainer)) {
    if (saidIn(row).contains(range.endContainer)) return null
    written.part(part)
  } else written.message(row, part)
  return written.done()
}

const saidIn = (row: HTMLElement): HTMLElement => row.querySelector<HTMLElement>("[data-said]")!

/** The part of a row's message that is selected, or null. */
const partSaid = (row: HTMLElement, range: Range): DocumentFragment | null => {
  const part = new Range()
  part.selectNodeContents(saidIn(row))
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset)
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset)
  const content = part.cloneContents()
  const file = content.querySelector<HTMLAnchorElement>("a[download]")
  if (file) content.replaceChildren(file.download) // a file is its name: the page's address of it opens for nobody else
  return content.textContent!.trim() === "" ? null : content
}

/** Paragraphs of text and of HTML, side by side. */
class Written {
  readonly #text: string[] = []
  readonly #html = document.createElement("div")
  #paragraph: HTMLElement | null = null

  day(date: string): void {
    this.#begin()
    this.#add(date, date)
    this.#paragraph = null
  }

  message(row: HTMLElement, part: DocumentFragment): void {
    if (this.#paragraph === null || row.matches(".head")) {
      this.#begin()
      const name = document.createElement("strong")
      name.textContent = row.querySelector("[data-testid=message-author]")!.textContent
      const time = `, ${row.querySelector("time[datetime]")!.textContent}`
      this.#add(name.textContent + time, name, time)
    }
    this.part(part)
  }

  part(part: DocumentFragment): void {
    if (this.#paragraph === null) this.#begin()
    this.#add(part.textContent!, ...plain(part))
  }

  done(): Copied {
    return { text: this.#text.join("\n"), html: this.#html.innerHTML }
  }

  #begin(): void {
    if (this.#text.length > 0) this.#text.push("")
    this.#html.append((this.#paragraph = document.createElement("p")))
  }

  #add(text: string, ...nodes: (Node | string)[]): void {
    this.#text.push(text)
    if (this.#paragraph!.hasChildNodes()) this.#paragraph!.append(document.createElement("br"))
    this.#paragraph!.append(...nodes)
  }
}

/** The nodes of `part` without what is only the page's: classes, colours, elements that mean nothing elsewhere. */
const plain = (part: Node): Node[] =>
  [...part.childNodes].flatMap((node): Node[] => {
    if (node instanceof Text) return lines(node.data)
    if (!(node instanceof HTMLElement)) return []
    const inner = node.localName === "pre" ? [document.createTextNode(node.textContent!)] : plain(node)
    if (!["a", "code", "pre"].includes(node.localName)) return inner
    const element = document.createElement(node.localName)
    if (node instanceof HTMLAnchorElement) element.setAttribute("href", node.href)
    element.append(...inner)
    return [element]
  })

const lines = (text: string): Node[] =>
  text.split("\n").flatMap((line, i) => [...(i > 0 ? [document.createElement("br")] : []), document.createTextNode(line)])
