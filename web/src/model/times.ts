/** Times and days in the words of a language. */
const DAY_MS = 86_400_000

export interface DayWords {
  locale: string
  today: string
  yesterday: string
}

const formats = new Map<string, Intl.DateTimeFormat>()

const format = (locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = locale + JSON.stringify(options)
  let known = formats.get(key)
  if (!known) formats.set(key, (known = new Intl.DateTimeFormat(locale, options)))
  return known
}

/** Hours and minutes. */
export const clock = (at: number, locale: string): string => format(locale, { hour: "2-digit", minute: "2-digit" }).format(at)

/** Day and time in full. */
export const fullTime = (at: number, locale: string): string =>
  format(locale, { dateStyle: "full", timeStyle: "medium" }).format(at)

/** Names the local day of `at` as seen from `now`. */
export const dayName = (at: number, now: number, { locale, today, yesterday }: DayWords): string => {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY_MS)
  if (days === 0) return today
  if (days === 1) return yesterday
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear()
  const name = format(locale, { weekday: "long", day: "numeric", month: "long", ...(!sameYear && { year: "numeric" }) }).format(at)
  return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1)
}

/** For a list: the time today, else the date. */
export const shortTime = (at: number, now: number, locale: string): string =>
  startOfDay(at) === startOfDay(now) ? clock(at, locale) : format(locale, { day: "numeric", month: "short" }).format(at)

export const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0)
