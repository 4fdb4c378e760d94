/**
 * The places of the page, each with an address: the list of rooms (none), a room (`#/room`), and what lies over a room: on a narrow screen the
 * list (`#/room/rooms`) and the people (`#/room/people`), anywhere a file that is shown whole (`#/room/file/` and its id).
 */
import { isOwnLog, isPrivate, type RoomName } from "../client/index.ts"
import { roomName } from "./room-names.ts"

export type Over = "rooms" | "people" | `file/${string}`

export interface Place {
  readonly room: RoomName | null
  /** What lies over the room. */
  readonly over: Over | null
}

const OVER = /^(?:rooms|people|file\/[0-9a-f]+)$/

/** A name that the server makes. */
const MADE = /^~[\w.-]{1,63}$/

export const placeOf = (hash: string): Place => {
  const [, name, over = ""] = /^#\/([^/]+)(?:\/(.*))?$/.exec(hash) ?? []
  const room = name === undefined ? null : roomOf(name)
  return { room, over: room !== null && OVER.test(over) ? (over as Over) : null }
}

/** The address of the room, and of what lies over it. */
export const hashOf = (room: RoomName, over: Over | null = null): string => `#/${encodeURIComponent(room)}${over === null ? "" : `/${over}`}`

const roomOf = (encoded: string): RoomName | null => {
  try {
    const name = decodeURIComponent(encoded)
    if (isPrivate(name)) return MADE.test(name) && !isOwnLog(name) ? name : null
    return roomName(name)
  } catch {
    return null // a half of a percent sign
  }
}
