/** Times and days in the words of a language, where the reader is. `zone` is the IANA name of a time zone, `at` in Unix milliseconds. */
const DAY_MS = 86_400_000

export interface DayWords {
  locale: string
  today: string
  yesterday: string
}

const formats = new Map<string, Intl.DateTimeFormat>()

const format = (zone: string, locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
  const key = `${zone} ${locale} ${JSON.stringify(options)}`
  let known = formats.get(key)
  if (!known) formats.set(key, (known = new Intl.DateTimeFormat(locale, { ...options, timeZone: zone })))
  return known
}

/** Hours and minutes. */
export const clock = (at: number, zone: string, locale: string): string =>
  format(zone, locale, { hour: "2-digit", minute: "2-digit" }).format(at)

/** Day and time in full. */
export const fullTime = (at: number, zone: string, locale: string): string =>
  format(zone, locale, { dateStyle: "full", timeStyle: "medium" }).format(at)

/** The date in full. */
export const dateText = (at: number, zone: string, locale: string): string => format(zone, locale, { dateStyle: "full" }).format(at)

/** Names the day of `at` as seen from `now`. */
export const dayName = (at: number, now: number, zone: string, { locale, today, yesterday }: DayWords): string => {
  const days = dayOf(now, zone) - dayOf(at, zone)
  if (days === 0) return today
  if (days === 1) return yesterday
  const sameYear = yearOf(at, zone) === yearOf(now, zone)
  const name = format(zone, locale, { weekday: "long", day: "numeric", month: "long", ...(!sameYear && { year: "numeric" }) }).format(at)
  return name.charAt(0).toLocaleUpperCase(locale) + name.slice(1)
}

/** For a list: the time today, else the date. */
export const shortTime = (at: number, now: number, zone: string, locale: string): string =>
  dayOf(at, zone) === dayOf(now, zone) ? clock(at, zone, locale) : format(zone, locale, { day: "numeric", month: "short" }).format(at)

/** The day in the calendar, counted from 1 January 1970. Days of 23, 24 and 25 hours are all one. */
export const dayOf = (at: number, zone: string): number => {
  // Asked for every row at every drawing; the calendar takes some 10 µs. Clocks are off UTC by whole quarters of an hour, so within one the day is one.
  const key = `${zone} ${Math.floor(at / QUARTER_MS)}`
  let day = days.get(key)
  if (day === undefined) {
    const [year, month, dayOfMonth] = date(at, zone)
    day = Date.UTC(year, month - 1, dayOfMonth) / DAY_MS
    if (days.size >= DAYS_KEPT) days.clear()
    days.set(key, day)
  }
  return day
}

const QUARTER_MS = 15 * 60_000
const DAYS_KEPT = 4_096
const days = new Map<string, number>()

const yearOf = (at: number, zone: string): number => date(at, zone)[0]

const date = (at: number, zone: string): [year: number, month: number, day: number] => {
  const parts = format(zone, "en-u-ca-gregory-nu-latn", { year: "numeric", month: "numeric", day: "numeric" }).formatToParts(at)
  const part = (type: "year" | "month" | "day"): number => Number(parts.find((each) => each.type === type)!.value)
  return [part("year"), part("month"), part("day")]
}
