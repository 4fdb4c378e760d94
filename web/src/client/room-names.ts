/** The names of rooms that the server makes: docs/protocol.md, "Rooms of some". Nobody can coin one. */
import type { RoomName } from "./wire.ts"

/** Whether only its members know that there is such a room. */
export const isPrivate = (room: RoomName): boolean => room.startsWith("~")

/** Whether who is in it is fixed. */
export const isDirect = (room: RoomName): boolean => room.startsWith("~d.")

/** Whether it is the log of what happened to somebody. */
export const isOwnLog = (room: RoomName): boolean => room.startsWith("~me.")
