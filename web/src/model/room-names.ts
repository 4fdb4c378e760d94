/** Names of rooms: as they are typed, and in the page's address, `#/room`. */
import type { RoomName } from "../client/index.ts"

const ROOM = /^[\p{L}\p{M}\p{Nd}\-_.]{1,64}$/u

/** What somebody typed as a room's name, in the form that the protocol takes, or null where it cannot be one. */
export const roomName = (typed: string): RoomName | null => {
  const name = typed.normalize("NFC").trim().replace(/^#/, "").replace(/\s+/g, "-")
  return ROOM.test(name) ? name : null
}

export const roomOf = (hash: string): RoomName | null => {
  if (!hash.startsWith("#/")) return null
  try {
    return roomName(decodeURIComponent(hash.slice(2)))
  } catch {
    return null // a half of a percent sign
  }
}

export const hashOf = (room: RoomName): string => `#/${encodeURIComponent(room)}`
