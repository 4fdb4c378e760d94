/** Of what somebody is alerted in a room, by the level that they have chosen for it. */
import type { Level } from "../client/index.ts"

interface News {
  readonly level: Level
  readonly unread: number
  readonly mentions: number
}

/** How many unread messages are to be told of. `replies`: how many of them answer in threads that the user is in. All that is said in a direct room is said to them. */
export const alertsOf = ({ level, unread, mentions }: News, isDirect: boolean, replies: number): number => {
  if (level === "none") return 0
  return level === "all" || isDirect ? unread : Math.min(unread, mentions + replies)
}
