/** The plural forms of a language, chosen by the rules of CLDR. */
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }

/** Gives the form of a word that goes with `count`, and puts the number where the form has `#`. */
export const plurals = (locale: string) => {
  const rules = new Intl.PluralRules(locale)
  const numbers = new Intl.NumberFormat(locale)
  return (count: number, forms: Forms): string => (forms[rules.select(count)] ?? forms.other).replace("#", numbers.format(count))
}
