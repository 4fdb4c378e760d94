/** What a person may do with a message that is stored, in the order in which it is offered. */
import type { Message, User } from "../client/index.ts"

export type Action = "react" | "reply" | "edit" | "copy" | "pin" | "delete"

export const actionsOn = (message: Message, me: User): readonly Action[] => {
  if (message.kind === "deleted") return []
  const own = message.from.id === me.id
  const written = message.kind === "chat"
  return [
    "react",
    "reply",
    ...(own && written ? (["edit"] as const) : []),
    ...(written ? (["copy"] as const) : []),
    "pin",
    ...(own ? (["delete"] as const) : []),
  ]
}
