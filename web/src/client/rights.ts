/**
 * What somebody may do in a room, as the server sees it (services/router/core/rules.py): so that nothing is offered which would be refused.
 * The server has the last word all the same.
 */
import { isDirect, isOwnLog, isPrivate } from "./room-names.ts"
import type { Role, Standing } from "./standing.ts"
import type { RoomName } from "./wire.ts"

/** Why nobody, or not this user, may write in a room; null: they may. */
export type Closed = "archived" | "moderators_write" | null

export const moderates = (role: Role | undefined): boolean => role === "moderator" || role === "owner"

/** Whether who is in the room, and what it is, can be changed at all. */
export const isGoverned = (room: RoomName): boolean => !isDirect(room) && !isOwnLog(room)

export const closedFor = ({ archived, posting, role }: Standing): Closed => {
  if (archived) return "archived"
  return posting === "moderators" && !moderates(role) ? "moderators_write" : null
}

export const mayInvite = (room: RoomName, { archived, invites, role }: Standing): boolean =>
  isGoverned(room) && !archived && (invites === "members" || moderates(role))

/** `theirs`: the role of whoever is to be removed, who is somebody else. */
export const mayRemove = (room: RoomName, { role }: Standing, theirs: Role): boolean =>
  isGoverned(room) && (role === "owner" || (role === "moderator" && theirs === "member"))

export const mayGiveRoles = (room: RoomName, { role }: Standing): boolean => isGoverned(room) && role === "owner"

/** Title and topic. */
export const mayName = (room: RoomName, { role }: Standing): boolean => isGoverned(room) && moderates(role)

/** Who writes, who invites, and whether anybody still does. */
export const mayRule = (room: RoomName, { role }: Standing): boolean => isGoverned(room) && role === "owner"

/** Whether this user is the last owner of a private room, who can neither go nor give that up. */
export const isLastOwner = (room: RoomName, { role, people }: Standing): boolean =>
  isPrivate(room) && role === "owner" && [...(people?.values() ?? [])].filter((person) => person.role === "owner").length <= 1
