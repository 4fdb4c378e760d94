/**
 * Finds the links in a text: addresses of the web, of mail, and bare names such as `example.org` where nothing else can be meant.
 * What is shown of a link is what it opens: an address with something invisible in it, with a direction mark or with somebody's
 * name before the host ends there or is none. The table of cases is test/page/links.json.
 *
 * linkify-it (6.1.0) finds where an address ends. Left to itself it ends one at ’ and at – (`wiki/Hobson’s_choice`, `wiki/Boyle–Mariotte`),
 * keeps a colon or stars at the end, finds none after a letter, `_`, `~` or a picture, makes `https://user` of `https://user:secret@host/`,
 * and takes direction marks in: what differs is below, part by part.
 */
import { LinkifyIt, REBuilder } from "linkify-it"

export interface Link {
  /** Where in the text it begins, in UTF-16 units. */
  at: number
  /** As it stands in the text. */
  text: string
  href: string
}

// Direction controls, and what has no width and no meaning in an address. Not the joiners U+200C and U+200D: Persian and emoji need them.
const UNSEEN = "\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff"
// Punctuation that joins words, and is part of an address where a letter follows: ’ hyphens – interpuncts, the Hebrew ones.
const JOINING = "\\u2019\\u2010-\\u2013\\u00b7\\u2027\\u30fb\\u05be\\u05f3\\u05f4"
// Signs that a host's name does not have. Most are symbols for Unicode, not punctuation, and would pass for letters.
const NOT_IN_HOSTS = "\\\\|`^$+=~*"

class Addresses extends REBuilder {
  override get_text_separators(): RegExp {
    return (this.cache["text_separators"] ??= new RegExp(`[><\`\\uff1c\\uff1e\\uff5c${UNSEEN}]`))
  }

  override get_path_extra(): RegExp {
    // A dash between underscores stands for one between spaces: `Закон_Бойля_—_Маріотта`.
    return (this.cache["path_extra"] ??= new RegExp(
      `[${JOINING}](?=${this.get_pseudo_letter().source})|[\\u2013\\u2014](?=_)|${this.nestedPairRE("«", "»")}|${this.#quoted()}|`,
    ))
  }

  /** Titles that stand in quotation marks, whole or as one of their words: `“Heroes”_(album)`, `《红楼梦》`. Elsewhere such marks end it. */
  #quoted(): string {
    const pairs = [["“", "”"], ["„", "“"], ["„", "”"], ["《", "》"], ["「", "」"]] as const
    return `(?<=[/_])(?:${pairs.map(([open, close]) => this.nestedPairRE(open, close)).join("|")})`
  }

  /** A host's name may hold `_`, as buckets do, and `localhost` has no dot. */
  override get_url_host_port(): RegExp {
    const letter = `(?:(?![${NOT_IN_HOSTS}])(?:${this.get_pseudo_letter().source}|_))`
    const label = `${letter}(?:-{0,5}${letter}){0,62}`
    const ends = `(?=$|${this.get_text_separators().source}|[${NOT_IN_HOSTS}]|${this.get_path_terminator().source})(?!-|_|:\\d|\\.-|\\.(?!$|${this.src_ZPCc}))`
    return (this.cache["url_host_port"] ??= new RegExp(
      `(?:${this.get_ipv6_url_host().source}|${label}(?:\\.${label}){0,10})${this.get_port().source}${ends}`,
    ))
  }

  /** An address may follow anything but a Latin letter or digit, with which its scheme would be another one. */
  override get_schema_search(): RegExp {
    return (this.cache["schema_search"] ??= new RegExp(`(?<![0-9A-Za-z])()(${this.get_schema_names().source})`, "ig"))
  }
}

// Top-level domains with which a bare name is a link. Left out are those that are words of a language, endings of files
// (md, pl, py, rs, sh) or what comes after a dot in a program (id, info, name): "see.it", "main.rs", "user.info".
const PLAIN = words(
  "com org net edu gov укр рф бел бг ею ελ eu ua uk de fr cz sk hu ro lt lv ee ch nl fi se dk ie jp kr cn tw au nz br tr gr ge kz ca",
)
// With these, only a name with a path after it, or one that begins with `www.`.
const WITH_PATH = words("am at be biz by cc co dev es gg gl info io is it ly me pl pt to tv us ai app blog chat cloud news online page site social tech wiki xyz")
const MAIL = words("biz dev app info online pro site name")

const linkify = new LinkifyIt({ rebuilder: new Addresses(), fuzzyLink: true, tlds: [...PLAIN, ...WITH_PATH] }).add("ftp:", null).add("//", null)

export const linksIn = (text: string): Link[] => {
  const links: Link[] = []
  for (const { schema, index, raw } of linkify.match(text) ?? []) {
    const shown = withoutEnding(text, index, raw)
    const href = hrefOf(schema, shown, text.slice(index + shown.length))
    if (href !== null) links.push({ at: index, text: shown, href })
  }
  return links
}

/** `raw` without the sentence's punctuation and the signs of emphasis at its end that were opened before it. */
const withoutEnding = (text: string, index: number, raw: string): string => {
  const line = text.lastIndexOf("\n", index - 1) + 1
  const before = text.slice(Math.max(line, index - EMPHASIS_REACHES), index)
  let end = raw.length
  while (ends(raw.slice(0, end), before)) end -= 1
  return raw.slice(0, end)
}

const ends = (address: string, before: string): boolean => {
  const last = address.at(-1) ?? ""
  if (last === "'") return !QUOTED.test(address)
  return OPENING.get(last)?.test(before) ?? /[.,;:!?…]/.test(last)
}

/** So many UTF-16 units back in its line an opening sign is looked for: the time for a text stays in proportion to its length. */
const EMPHASIS_REACHES = 500
const QUOTED = /(?<![\p{L}\p{N}])'[^']*'$/u

// What closes emphasis, and what opens it in the line before: a sign at a word's beginning, with no letter in front of it.
const OPENING = new Map([
  ["*", /(?<![\p{L}\p{N}])\*(?!\s)/u],
  ["_", /(?<![\p{L}\p{N}])_(?!\s)/u],
  ["~", /(?<![\p{L}\p{N}])~(?!\s)/u],
  ["|", /\|/], // also a table's
])

// Letters of any script, and pictures. Joiners stand where a script or a picture needs them: elsewhere `URL` refuses them.
const HOST = /^(?:\[[0-9a-f:.]+\]|(?:[\p{L}\p{M}\p{N}\p{Extended_Pictographic}._-]|\u200c|\u200d|\ufe0f)+)(?::\d+)?$/iu

const hrefOf = (schema: string, shown: string, after: string): string | null => {
  if (schema === "mailto:") return mailOf(shown, after)
  if (schema === "" && !isBareName(shown)) return null
  const [, host, rest] = /^(?:https?:\/\/)?([^/?#]*)(.*)$/is.exec(shown)!
  // What stands before an @ is no host, though it looks like one: `https://bank.example@evil.example/`.
  if (!HOST.test(host!) || (rest === "" && /^[^\s/?#]*@/.test(after))) return null
  try {
    const url = new URL(schema === "" ? `https://${shown}` : shown)
    return (url.protocol === "http:" || url.protocol === "https:") && url.host !== "" ? url.href : null
  } catch {
    return null
  }
}

const isBareName = (shown: string): boolean => {
  const [, host, top, path] = /^([^/?#]*\.([^./?#]+))(.*)$/s.exec(shown)!
  if (/[^\p{L}\p{M}\p{N}.-]/u.test(host!)) return false
  if (PLAIN.includes(top!) || top!.startsWith("xn--")) return true
  return WITH_PATH.includes(top!) && (path!.length > 1 || host!.startsWith("www."))
}

const mailOf = (shown: string, after: string): string | null => {
  if (/^mailto:/i.test(shown)) return shown
  const top = shown.slice(shown.lastIndexOf(".") + 1).toLowerCase()
  const known = /^[a-z]{2}$/.test(top) || top.startsWith("xn--") || PLAIN.includes(top) || MAIL.includes(top)
  // `git@example.com:homin.git` is no mail.
  return known && !/^:\S/.test(after) ? `mailto:${shown}` : null
}

function words(line: string): string[] {
  return line.split(" ")
}
