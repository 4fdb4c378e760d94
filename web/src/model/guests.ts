/** Guests have no password: what one of them leaves unsent in this browser is for whoever comes back to it by the same name. */
import { adoptDrafts, adoptFiles, adoptOutbox, type User } from "../client/index.ts"
import { lasting } from "./storage.ts"

const KEY = "guests-gone"
const REMEMBERED = 8

type Gone = Record<string, readonly string[]>

const keyOf = (name: string): string => name.normalize("NFKC").toLowerCase()

const gone = (): Gone => {
  try {
    const known: unknown = JSON.parse(lasting.get(KEY) ?? "{}")
    return typeof known === "object" && known !== null ? (known as Gone) : {}
  } catch {
    return {}
  }
}

/** The guest is signed in here no more. */
export const guestLeft = ({ id, name }: User): void => {
  const known = gone()
  const ids = new Set(known[keyOf(name)]).add(id)
  lasting.set(KEY, JSON.stringify({ ...known, [keyOf(name)]: [...ids].slice(-REMEMBERED) }))
}

/** Gives the guest who has come in what guests of the same name have left. */
export const guestCame = async ({ id, name }: User): Promise<void> => {
  const { [keyOf(name)]: former = [], ...others } = gone()
  if (former.length === 0) return
  lasting.set(KEY, JSON.stringify(others))
  for (const each of former) {
    if (each === id) continue
    adoptOutbox(each, id)
    // Where the browser keeps nothing, nothing was left.
    await Promise.all([adoptDrafts(each, id).catch(() => {}), adoptFiles(each, id).catch(() => {})])
  }
}
