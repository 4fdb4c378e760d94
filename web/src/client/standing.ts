/** How a room stands: what was set for it, who is in it and as what. It is told as of an entry, and changed by those after that, in their order. */
import type { JoinedRoom, Person, RoomChange, User } from "./wire.ts"

export type Role = NonNullable<Person["role"]>
/** Who may do something: every member, or who moderates the room, its owners among them. */
export type Governors = "members" | "moderators"

export interface Standing {
  /** The entry up to which all changes are in it. */
  readonly asOf: number
  /** What it is called for people; empty: as it is named. */
  readonly title: string
  readonly topic: string
  readonly posting: Governors
  readonly invites: Governors
  /** For how many days it keeps what is said; 0: as the deployment says. */
  readonly keepDays: number
  readonly archived: boolean
  /** This user's own. */
  readonly role: Role
  /** All members of a private room, by their id; null: of a public one only the server knows them. */
  readonly people: ReadonlyMap<string, Person> | null
}

export const standingOf = (joined: JoinedRoom): Standing => ({
  asOf: joined.seq,
  title: joined.title ?? "",
  topic: joined.topic ?? "",
  posting: joined.posting ?? "members",
  invites: joined.invites ?? "members",
  keepDays: joined.keep_days ?? 0,
  archived: joined.archived ?? false,
  role: joined.role ?? "member",
  people: joined.people ? new Map(joined.people.map((person) => [person.id, person])) : null,
})

/** `standing` after `change`, the same object where that is in it already. `isMe`: whether somebody is this user. */
export const foldRoom = (standing: Standing, change: RoomChange, isMe: (user: User) => boolean): Standing => {
  if (change.seq <= standing.asOf) return standing
  const asOf = change.seq
  switch (change.kind) {
    case "room": {
      const { title = standing.title, topic = standing.topic, posting = standing.posting, invites = standing.invites } = change
      const { keep_days: keepDays = standing.keepDays, archived = standing.archived } = change
      return { ...standing, asOf, title, topic, posting, invites, keepDays, archived }
    }
    case "member": {
      const { user, role } = change
      return {
        ...standing,
        asOf,
        role: isMe(user) ? (role ?? "member") : standing.role,
        people: standing.people && withPerson(standing.people, user, role),
      }
    }
  }
}

const withPerson = (people: ReadonlyMap<string, Person>, { id, name }: Person, role: Role | undefined): ReadonlyMap<string, Person> => {
  const changed = new Map(people)
  if (role === undefined) changed.delete(id)
  else changed.set(id, role === "member" ? { id, name } : { id, name, role })
  return changed
}
