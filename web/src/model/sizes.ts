import type { Unit } from "../i18n/dictionary.ts"

const UNITS: readonly Unit[] = ["B", "KB", "MB", "GB"]

/** A size in bytes with at most one digit after the point, in steps of 1,000. */
export const sizeText = (bytes: number, locale: string, words: (value: string, unit: Unit) => string): string => {
  let value = bytes
  let step = 0
  while (value >= 999.5 && step < UNITS.length - 1) {
    value /= 1000
    step += 1
  }
  const digits = step === 0 || value >= 100 ? 0 : 1
  return words(new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value), UNITS[step]!)
}
