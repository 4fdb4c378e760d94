/** The signs of what may be done with a message. */
import Copy from "@lucide/svelte/icons/copy"
import MessagesSquare from "@lucide/svelte/icons/messages-square"
import Pencil from "@lucide/svelte/icons/pencil"
import Pin from "@lucide/svelte/icons/pin"
import PinOff from "@lucide/svelte/icons/pin-off"
import Reply from "@lucide/svelte/icons/reply"
import SmilePlus from "@lucide/svelte/icons/smile-plus"
import Trash from "@lucide/svelte/icons/trash-2"
import type { Message } from "../client/index.ts"
import type { Dictionary } from "../i18n/dictionary.ts"
import type { Action } from "../model/actions.ts"

const ICONS = { react: SmilePlus, reply: Reply, thread: MessagesSquare, edit: Pencil, copy: Copy, pin: Pin, delete: Trash } as const

export const iconOf = (action: Action, message: Message) => (action === "pin" && message.pinned ? PinOff : ICONS[action])

export const labelOf = (action: Action, message: Message, words: Dictionary): string =>
  action === "pin" && message.pinned ? words.unpin : words.actions[action]
