/**
 * What was written under a former id of the same person: a guest who comes back by name is given another. The server tells messages apart
 * by id and writer, so one that was stored before the guest left would be stored once more. It is looked for first.
 */
import type { RoomLog } from "./room-log.ts"

const CLOCKS_APART_MS = 600_000
const SEARCHED_AT_MOST = 1000

/** Whether a message that was written here at `writtenAt` would be in the log if it had been stored. Beyond a thousand messages nobody looks. */
export const reachesBackTo = (writtenAt: number, log: RoomLog): boolean => {
  if (log.start === null || log.missing > 0) return false
  const oldest = log.messages[0]
  if (!log.hasOlder || !oldest) return true
  return log.messages.length >= SEARCHED_AT_MOST || Date.parse(oldest.at) < writtenAt - CLOCKS_APART_MS
}
