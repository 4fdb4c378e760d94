/** What a room is called for people: by its title or its name, a direct one by who is in it. */
import { isDirect, isPrivate, type Removal, type RoomName, type User } from "../client/index.ts"
import type { Dictionary } from "../i18n/dictionary.ts"
import { deviceText } from "./device-words.ts"
import type { Happening } from "./inbox.svelte.ts"

export type RoomKind = "public" | "private" | "direct" | "notes"

export interface Called {
  readonly name: RoomName
  /** Empty where it has none. */
  readonly title: string
  /** With whom this user is in a direct room. */
  readonly others: readonly User[]
}

interface About {
  readonly room: RoomName
  readonly title?: string
}

type Words = Pick<Dictionary, "locale" | "notes" | "privateRoom" | "quoted">
type HappeningWords = Words & Pick<Dictionary, "happened" | "conversation" | "mentioned" | "signedIn" | "unknownDevice">

export const kindOf = ({ name, others }: Pick<Called, "name" | "others">): RoomKind => {
  if (isDirect(name)) return others.length === 0 ? "notes" : "direct"
  return isPrivate(name) ? "private" : "public"
}

/** As a label, beside a sign that says of what kind it is. */
export const labelOf = (room: Called, words: Words): string => {
  switch (kindOf(room)) {
    case "notes":
      return words.notes
    case "direct":
      return listed(room.others.map(({ name }) => name), words)
    case "private":
      return room.title || words.privateRoom
    case "public":
      return room.title || room.name
  }
}

/** Within a sentence. */
export const inText = (room: Called, words: Words): string => {
  switch (kindOf(room)) {
    case "public":
      return `#${room.title || room.name}`
    case "private":
      return room.title ? words.quoted(room.title) : words.privateRoom
    default:
      return labelOf(room, words)
  }
}

/** As `inText`, of a room of which only so much is known. */
export const aboutText = ({ room: name, title = "" }: About, words: Words): string => inText({ name, title, others: [] }, words)

/** That this user is in a room no more. */
export const removalText = (removal: Removal, words: Words & Pick<Dictionary, "removedFrom" | "removedFromOne">): string => {
  const by = removal.by?.name ?? null
  return isPrivate(removal.room) && !removal.title ? words.removedFromOne(by) : words.removedFrom(aboutText(removal, words), by)
}

/** What happened to this user. `here`: of a sign-in, that it is the one here. */
export const happenedText = (happening: Happening, words: HappeningWords, here = false): string => {
  if (happening.kind === "signed_in") return words.signedIn(deviceText(happening.device, words), here)
  const { from, about } = happening
  if (happening.kind === "mention") return words.mentioned[happening.about.why === "reply" ? "reply" : "mention"](from.name, isDirect(about.room) ? null : aboutText(about, words))
  return isDirect(about.room) ? words.conversation(from.name) : words.happened[happening.kind](from.name, aboutText(about, words))
}

export const listed = (names: readonly string[], { locale }: Pick<Dictionary, "locale">): string =>
  new Intl.ListFormat(locale, { type: "conjunction" }).format(names)
