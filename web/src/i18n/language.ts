export type Language = "uk" | "en"

/** Ukrainian where the browser's languages name it before English, else English. */
export const preferredLanguage = (languages: readonly string[]): Language => {
  const known = languages.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag === "uk" || tag === "en")
  return (known as Language | undefined) ?? "en"
}
