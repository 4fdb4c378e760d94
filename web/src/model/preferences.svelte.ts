/** What the person chose: language and theme. Remembered in this browser. */
import type { Dictionary } from "../i18n/dictionary.ts"
import { en } from "../i18n/en.ts"
import { type Language, preferredLanguage } from "../i18n/language.ts"
import { uk } from "../i18n/uk.ts"
import { lasting } from "./storage.ts"

export type Theme = "system" | "light" | "dark"

const DICTIONARIES: Record<Language, Dictionary> = { uk, en }
const THEMES: readonly Theme[] = ["system", "light", "dark"]

const isLanguage = (value: string | null): value is Language => value === "uk" || value === "en"
const isTheme = (value: string | null): value is Theme => THEMES.includes(value as Theme)

class Preferences {
  #language = $state<Language>("en")
  #theme = $state<Theme>("system")

  constructor() {
    const language = lasting.get("language")
    this.#language = isLanguage(language) ? language : preferredLanguage(navigator.languages)
    const theme = lasting.get("theme")
    this.#theme = isTheme(theme) ? theme : "system"
    this.#apply()
  }

  get language(): Language {
    return this.#language
  }

  get theme(): Theme {
    return this.#theme
  }

  get words(): Dictionary {
    return DICTIONARIES[this.#language]
  }

  switchLanguage(): void {
    this.#language = this.#language === "uk" ? "en" : "uk"
    lasting.set("language", this.#language)
    this.#apply()
  }

  nextTheme(): void {
    this.#theme = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length]!
    lasting.set("theme", this.#theme)
    this.#apply()
  }

  #apply(): void {
    const root = document.documentElement
    root.lang = this.#language
    if (this.#theme === "system") delete root.dataset["theme"]
    else root.dataset["theme"] = this.#theme
  }
}

export const preferences = new Preferences()

/** The dictionary of the chosen language. */
export const t = (): Dictionary => preferences.words
