/** What a person may do with a message that is stored, in the order in which it is offered. */
import type { Message, User } from "../client/index.ts"

export type Action = "react" | "reply" | "thread" | "edit" | "copy" | "pin" | "delete"

/** What the room allows this user. */
export interface May {
  /** Anything can be changed there. */
  readonly change: boolean
  /** They may write, and so answer. */
  readonly write: boolean
  /** They may delete what others wrote. */
  readonly moderate: boolean
  /** A thread can be opened under what is said there. */
  readonly thread: boolean
}

export const ALL: May = { change: true, write: true, moderate: false, thread: true }

export const actionsOn = (message: Message, me: User, may: May = ALL): readonly Action[] => {
  if (message.kind !== "chat" && message.kind !== "file") return []
  const own = message.from.id === me.id
  const written = message.kind === "chat"
  return [
    ...(may.change ? (["react"] as const) : []),
    ...(may.write ? (["reply"] as const) : []),
    ...(may.write && may.thread && message.thread === undefined ? (["thread"] as const) : []),
    ...(may.change && own && written ? (["edit"] as const) : []),
    ...(written ? (["copy"] as const) : []),
    ...(may.change ? (["pin"] as const) : []),
    ...(may.change && (own || may.moderate) ? (["delete"] as const) : []),
  ]
}
