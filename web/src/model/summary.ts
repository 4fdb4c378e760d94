/** A message in one line, where there is no place for more. */
import type { Message } from "../client/index.ts"
import type { Dictionary } from "../i18n/dictionary.ts"
import { plainly } from "./pieces.ts"

export const summaryOf = (message: Message, words: Pick<Dictionary, "messageDeleted">): string => {
  if (message.kind === "chat") return plainly(message.text)
  return message.kind === "file" ? message.file.name : message.kind === "deleted" ? words.messageDeleted : ""
}
