/** The room in the page's address: `#/room`. A link to it leads there. */
import type { RoomName } from "../client/index.ts"

const ROOM = /^[\p{L}\p{M}\p{Nd}\-_.]{1,64}$/u

/** What somebody typed as a room's name, in the form that the protocol takes, or null where it cannot be one. */
export const roomName = (typed: string): RoomName | null => {
  const name = typed.normalize("NFC").trim().replace(/^#/, "").replace(/\s+/g, "-")
  return ROOM.test(name) ? name : null
}

export const roomOf = (hash: string): RoomName | null => {
  if (!hash.startsWith("#/")) return null
  try {
    return roomName(decodeURIComponent(hash.slice(2)))
  } catch {
    return null // a half of a percent sign
  }
}

export const hashOf = (room: RoomName): string => `#/${encodeURIComponent(room)}`

class Address {
  #room = $state<RoomName | null>(null)

  constructor() {
    this.#read()
    addEventListener("hashchange", () => this.#read())
  }

  get room(): RoomName | null {
    return this.#room
  }

  go(room: RoomName | null): void {
    if (room === this.#room) return
    history.pushState(null, "", room === null ? location.pathname : hashOf(room))
    this.#room = room
  }

  #read(): void {
    this.#room = roomOf(location.hash)
  }
}

export const address = new Address()
addEventListener("popstate", () => dispatchEvent(new Event("hashchange")))
