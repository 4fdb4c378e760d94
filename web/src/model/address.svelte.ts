/** Where the page is, by its address: what is open follows from it, so Back and a changed address close what was opened since. */
import type { RoomName } from "../client/index.ts"
import { hashOf, type Over, type Place, placeOf } from "./places.ts"

/** What an entry of the browser's history bears that was made by opening something over a room: what lay below is the one before it. */
const OPENED = "homin-opened"

class Address {
  #place = $state.raw<Place>(placeOf(location.hash))
  // The way back to the entry before takes a moment. What is done meanwhile is done from there.
  #returning = false
  readonly #afterReturn: (() => void)[] = []

  constructor() {
    // Whether the file's message is on the page is not known yet.
    if (this.over?.startsWith("file/")) this.#write("replaceState", { ...this.#place, over: null })
    addEventListener("popstate", () => {
      this.#returning = false
      if (this.#afterReturn.length === 0) this.#place = placeOf(location.hash)
      for (const write of this.#afterReturn.splice(0)) write()
    })
    addEventListener("hashchange", () => this.#returning || (this.#place = placeOf(location.hash)))
  }

  get room(): RoomName | null {
    return this.#place.room
  }

  /** The number of the message whose thread is open in the room. */
  get thread(): number | null {
    return this.#place.thread
  }

  get over(): Over | null {
    return this.#place.over
  }

  /** Shows another room. What lay over this one is closed, and is not on the way back. */
  go(room: RoomName): void {
    if (room === this.room) return this.close()
    this.#write(this.over === null && this.thread === null ? "pushState" : "replaceState", { room, thread: null, over: null })
  }

  /** As `go`, or to no room, and the room that was here is not on the way back. */
  replace(room: RoomName | null): void {
    this.close()
    this.#write("replaceState", { room, thread: null, over: null })
  }

  /** Opens something over the room; Back closes it. */
  open(over: Over): void {
    if (this.room === null || over === this.over) return
    this.#write(this.over === null ? "pushState" : "replaceState", { ...this.#place, over }, OPENED)
  }

  /** Closes what lies over the room. */
  close(): void {
    if (this.over === null) return
    this.#back({ ...this.#place, over: null })
  }

  /** Opens a thread of the room, in place of another if one is open; Back closes it. */
  openThread(root: number): void {
    if (this.room === null || (root === this.thread && this.over === null)) return
    const isFirst = this.over === null && this.thread === null
    this.#write(isFirst ? "pushState" : "replaceState", { room: this.room, thread: root, over: null }, isFirst ? OPENED : history.state)
  }

  /** Closes the thread, and what lies over it. */
  closeThread(): void {
    if (this.thread === null) return
    const place = { room: this.room, thread: null, over: null }
    if (this.over === null) this.#back(place)
    else this.#write("replaceState", place)
  }

  /** `place` is the one below what is here, if that was opened from there. */
  #back(place: Place): void {
    if (history.state !== OPENED) return this.#write("replaceState", place) // it was opened by its address
    this.#place = place
    this.#returning = true
    history.back()
  }

  /** Puts the list of rooms below the room with which the page was opened: Back leads there, not away. */
  putListBelow(): void {
    if (this.room === null || history.state !== null) return
    const here = location.hash
    history.replaceState("", "", location.pathname + location.search)
    history.pushState("", "", here)
  }

  #write(how: "pushState" | "replaceState", place: Place, state = ""): void {
    this.#place = place
    const write = () => history[how](state, "", place.room === null ? location.pathname + location.search : hashOf(place.room, place.over, place.thread))
    if (this.#returning) this.#afterReturn.push(write)
    else write()
  }
}

export const address = new Address()
