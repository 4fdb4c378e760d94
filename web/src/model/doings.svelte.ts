/** What is being done with rooms and people: which dialog lies over the page, and what becomes of what was asked for. */
import { isLastOwner, isPrivate, type Level, mayGiveRoles, mayRemove, type Person, type Removal, type Role, type RoomName, type Session, type User } from "../client/index.ts"
import type { Notice } from "./notice.svelte.ts"
import type { RoomView } from "./room-view.svelte.ts"
import type { Called } from "./room-words.ts"
import { troubleOf } from "./troubles.ts"

export type Doing =
  | { readonly kind: "room" | "message" | "inbox" }
  | { readonly kind: "invite" | "settings" | "leave"; readonly room: RoomView }
  | { readonly kind: "remove"; readonly room: RoomView; readonly person: User }
  /** What may be done with somebody; `beside`: what was pressed. */
  | { readonly kind: "person"; readonly room: RoomView; readonly person: User; readonly beside: DOMRect }
  /** Of what this user is alerted in a room; `beside`: what was pressed. */
  | { readonly kind: "level"; readonly room: RoomView; readonly beside: DOMRect }
  /** This user was removed from a room, and these texts were not sent. */
  | { readonly kind: "lost"; readonly removal: Removal; readonly texts: readonly string[] }

/** What is offered of a person. */
export type PersonAction = { readonly kind: "message" | "remove" } | { readonly kind: "role"; readonly role: Role }

export class Doings {
  now = $state.raw<Doing | null>(null)
  readonly #session: Session
  readonly #notice: Notice

  constructor(session: Session, notice: Notice) {
    this.#session = session
    this.#notice = notice
  }

  open(doing: Doing): void {
    this.now = doing
  }

  readonly close = (): void => void (this.now = null)

  /** What this user may do with `person`, who is somebody else, in the order in which it is offered. */
  offered({ name, drawn: { standing, online } }: RoomView, { id }: User): readonly PersonAction[] {
    const offered: PersonAction[] = [{ kind: "message" }]
    if (!standing || (standing.people !== null && !standing.people.has(id)) || (standing.people === null && !online.some((each) => each.id === id))) return offered
    // Who is what in a public room only the server knows: its owners, who may do all, are offered all.
    const theirs = standing.people === null ? null : (standing.people.get(id)?.role ?? "member")
    const roles = (["owner", "moderator", "member"] as const).filter((role) => role !== theirs)
    if (mayGiveRoles(name, standing)) offered.push(...roles.map((role) => ({ kind: "role" as const, role })))
    if (mayRemove(name, standing, theirs ?? "owner")) offered.push({ kind: "remove" })
    return offered
  }

  /** Leads to the room of exactly these people and this user; null where that did not work, which is told. */
  async writeTo(users: readonly string[]): Promise<RoomName | null> {
    return this.#tried(this.#session.deeds.direct(users))
  }

  async giveRole(room: RoomView, person: User, role: Role): Promise<void> {
    await this.#tried(this.#session.deeds.giveRole(room.name, person.id, role))
  }

  async alertOf(room: RoomView, level: Level): Promise<void> {
    await this.#tried(this.#session.deeds.alertOf(room.name, level))
  }

  async remove(room: RoomView, person: User): Promise<void> {
    await this.#tried(this.#session.deeds.remove(room.name, person.id))
  }

  async #tried<Outcome>(doing: Promise<Outcome>): Promise<Outcome | null> {
    try {
      return await doing
    } catch (error) {
      this.#notice.tell(troubleOf(error))
      return null
    }
  }
}

/** The members of a private room, who is online first, then by name. */
export const membersOf = (people: ReadonlyMap<string, Person>, online: readonly User[], locale: string): readonly { person: Person; here: boolean }[] => {
  const here = new Set(online.map(({ id }) => id))
  return [...people.values()]
    .map((person) => ({ person, here: here.has(person.id) }))
    .sort((a, b) => Number(b.here) - Number(a.here) || a.person.name.localeCompare(b.person.name, locale) || (a.person.id < b.person.id ? -1 : 1))
}

/** Whether going has to be asked about: nobody comes back into a private room by themselves. */
export const asksToLeave = ({ name }: Pick<Called, "name">): boolean => isPrivate(name)

/** Whether this user has to see first to it that somebody else owns the room. */
export const isKept = ({ name, drawn: { standing } }: RoomView): boolean => standing !== null && isLastOwner(name, standing)
