/** What to tell a person when the server refuses, or does not answer. */
import { HttpProblem, Refused, SignInNeeded, Unreadable } from "../client/index.ts"
import type { Dictionary, Problem } from "../i18n/dictionary.ts"

export interface Trouble {
  /** From the protocol's table, or one that only the page knows. A newer server may send one that is in neither. */
  readonly code: Problem
  /** The server's own sentence, in English; empty where it said none. */
  readonly text: string
}

/** Why a request failed. The code alone says it; the status only where something answered that is not the server. */
export const troubleOf = (error: unknown): Trouble => {
  if (error instanceof SignInNeeded) return { code: "unauthorized", text: "" }
  if (error instanceof Unreadable) return { code: error.what === "folder" ? "folder" : "unreadable", text: "" }
  if (error instanceof Refused) return { code: error.code, text: error.message }
  if (!(error instanceof HttpProblem)) return { code: "other", text: "" }
  if (error.status === 0) return { code: "no_answer", text: "" }
  if (error.code !== null) return { code: error.code, text: error.message }
  return { code: error.status === 413 ? "too_large" : error.status >= 500 ? "unavailable" : "other", text: "" }
}

/** Which fields of the sign-in are at fault: none, where the server is busy, away, or wants nobody in this way. */
export const fieldsOf = ({ code }: Trouble): readonly ("name" | "password")[] => {
  if (code === "invalid_name" || code === "name_taken") return ["name"]
  if (code === "invalid_password" || code === "weak_password") return ["password"]
  return code === "bad_credentials" ? ["name", "password"] : []
}

/** Likewise where a password is replaced by another. */
export const fieldOfChange = ({ code }: Trouble): "old" | "new" | null => {
  if (code === "bad_credentials") return "old"
  return code === "invalid_password" || code === "weak_password" ? "new" : null
}

/** In the language of the page; in the server's words where the page does not know the code. */
export const sentenceOf = ({ code, text }: Trouble, errors: Dictionary["errors"]): string =>
  Object.hasOwn(errors, code) ? errors[code] : text || errors.other
