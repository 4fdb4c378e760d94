/** The room in the page's address: `#/room`. A link to it leads there. */
import type { RoomName } from "../client/index.ts"
import { hashOf, roomOf } from "./room-names.ts"

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

  /** As `go`, and the room that was there is not on the way back. */
  replace(room: RoomName): void {
    history.replaceState(null, "", hashOf(room))
    this.#room = room
  }

  #read(): void {
    this.#room = roomOf(location.hash)
  }
}

export const address = new Address()
addEventListener("popstate", () => dispatchEvent(new Event("hashchange")))
