/** How long a room keeps what is said, in words. */
import type { Dictionary } from "../i18n/dictionary.ts"

/** The usual numbers of days. */
export const USUAL_DAYS: readonly number[] = [30, 90, 365]
const DAYS_AT_MOST = 36_500

/** What stands where a log begins; null where everything is kept. `days`: for how many; 0: nothing is said of it. `beginsLater`: something is gone. */
export const keptInWords = (days: number, beginsLater: boolean, t: Pick<Dictionary, "olderRemoved" | "earlierRemoved">): string | null => {
  if (days > 0) return t.olderRemoved(days)
  return beginsLater ? t.earlierRemoved : null
}

/** The number of days that somebody has typed, or null where it is none. */
export const daysIn = (typed: string): number | null => {
  const days = /^\d{1,5}$/.test(typed.trim()) ? Number(typed) : 0
  return days >= 1 && days <= DAYS_AT_MOST ? days : null
}
