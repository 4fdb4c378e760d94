/** Emoji as the wire has them, without the marks that only say how they are drawn, and as they are shown. */

/** The ones that are at hand everywhere, as the wire has them. */
export const COMMON: readonly string[] = ["👍", "❤", "😂", "🎉", "🙏", "🔥", "👀", "✅"]

// Characters that are drawn as text where nothing else is said; before a colour of skin they are pictures anyway (UTS #51, 2.4).
const DRAWN_AS_TEXT = /(?!\p{Emoji_Presentation})\p{Emoji}(?!\p{Emoji_Modifier}|\ufe0f)/gu

/** The emoji as people know it, in colour: U+FE0F is put back where it would be drawn as text. */
export const shownEmoji = (emoji: string): string => emoji.replace(DRAWN_AS_TEXT, "$&\ufe0f")
