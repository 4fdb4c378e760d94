/**
 * The places of the page, each with an address: the list of rooms (none), a room (`#/room`), and what lies over a room: on a narrow screen the
 * list (`#/room/rooms`) and the people (`#/room/people`), anywhere a file that is shown whole (`#/room/file/` and its id). A thread that is open
 * in the room stands before that (`#/room/thread/12`, `#/room/thread/12/people`).
 */
import { isOwnLog, isPrivate, type RoomName } from "../client/index.ts"
import { roomName } from "./room-names.ts"

export type Over = "rooms" | "people" | `file/${string}`

export interface Place {
  readonly room: RoomName | null
  /** The number of the message whose thread is open. */
  readonly thread: number | null
  /** What lies over the room. */
  readonly over: Over | null
}

const OVER = /^(?:rooms|people|file\/[0-9a-f]+)$/

/** A name that the server makes. */
const MADE = /^~[\w.-]{1,63}$/

export const placeOf = (hash: string): Place => {
  const [, name, thread, over = ""] = /^#\/([^/]+)(?:\/thread\/([1-9]\d{0,14}))?(?:\/(.*))?$/.exec(hash) ?? []
  const room = name === undefined ? null : roomOf(name)
  return { room, thread: room === null || thread === undefined ? null : Number(thread), over: room !== null && OVER.test(over) ? (over as Over) : null }
}

/** The address of the room, of the thread that is open in it, and of what lies over it. */
export const hashOf = (room: RoomName, over: Over | null = null, thread: number | null = null): string =>
  [`#/${encodeURIComponent(room)}`, ...(thread === null ? [] : [`thread/${thread}`]), ...(over === null ? [] : [over])].join("/")

const roomOf = (encoded: string): RoomName | null => {
  try {
    const name = decodeURIComponent(encoded)
    if (isPrivate(name)) return MADE.test(name) && !isOwnLog(name) ? name : null
    return roomName(name)
  } catch {
    return null // a half of a percent sign
  }
}
