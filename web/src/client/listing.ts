/** The list of this user's rooms, asked for anew on each connection, when the page wakes, and when only the server can count what is unread. */
import { ignoreLoss } from "./backfill.ts"
import type { Entrance } from "./entrance.ts"
import type { Reading } from "./reading.ts"
import type { Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import type { RoomLog } from "./room-log.ts"
import type { Rooms } from "./rooms.ts"
import { after } from "./timers.ts"
import type { RoomName, RoomSummary } from "./wire.ts"

export interface ListingPorts {
  requests: Requests
  rooms: Rooms
  entrance: Entrance
  reading: Reading
  /** Forgets what came from a store that is no more. */
  forget(room: Room): void
  /** Asks for what the room's log lacks. */
  complete(room: Room): void
  /** The room has changed; null: the list of them has. */
  changed(room: RoomName | null): void
}

const APART_MS = 30_000
const SOON_MS = 2_000

export class Listing {
  readonly #ports: ListingPorts
  /** Whether the server has said, since the page was opened, of which rooms this user is a member. */
  isKnown = false
  #askedAt = 0
  /** How often it was asked by itself without the numbers of unread being right then. */
  #inVain = 0
  #cancelSoon: (() => void) | null = null

  constructor(ports: ListingPorts) {
    this.#ports = ports
  }

  /** Looks whether something was missed that no later message has told of: deliveries to a server may be lost as a whole. */
  async refresh(): Promise<void> {
    const { requests, rooms, entrance, reading, forget, complete, changed } = this.#ports
    this.#askedAt = Date.now()
    const known = new Map(Array.from(rooms.all.values(), (room) => [room, { log: room.log, seq: room.seq, told: room.levelTold }]))
    const { rooms: listed } = await requests.ask({ type: "rooms" })
    let wentBack = false
    for (const summary of listed) {
      const room = rooms.of(summary.room)
      if (isOfAnotherStore(summary, room, known.get(room))) {
        wentBack = true
        forget(room)
        if (rooms.isOpened(room.name)) void entrance.enter(room)
      }
      room.summarised(summary)
      if ((known.get(room)?.told ?? 0) === room.levelTold) room.level = summary.notify ?? "all"
      if (room.log.start === null && !entrance.isEntering(room)) room.log.anchor(summary.seq)
      room.log.expect(summary.seq)
      complete(room)
      reading.remembered(room, summary.read_seq)
    }
    this.isKnown = true
    if (this.#isCounted) this.#inVain = 0
    reading.listed(rooms.all.values())
    for (const name of rooms.all.keys()) changed(name)
    rooms.keep(new Set(listed.map(({ room }) => room)))
    changed(null)
    if (wentBack) await entrance.enterAll(rooms.notRefused)
  }

  /** In a moment, and once for many rooms whose numbers of unread are not right; not where that has changed by then. */
  refreshSoon(): void {
    this.#cancelSoon ??= after(Math.min(APART_MS, SOON_MS * 2 ** this.#inVain), () => {
      this.#cancelSoon = null
      if (this.#isCounted) return
      this.#inVain += 1
      void this.refresh().catch(ignoreLoss)
    })
  }

  get #isCounted(): boolean {
    return [...this.#ports.rooms.all.values()].every(({ isUnreadCounted }) => isUnreadCounted)
  }

  /** Refreshes unless that was done a moment ago. */
  woke(): void {
    if (Date.now() - this.#askedAt > APART_MS) void this.refresh().catch(ignoreLoss)
  }

  stop(): void {
    this.#cancelSoon?.()
    this.#cancelSoon = null
  }
}

/**
 * Whether the summary is of a store that went back. It is compared with what was known when it was asked for: the server had stored that
 * by then, while live messages overtake an answer that is read beside them.
 */
const isOfAnotherStore = ({ seq, last }: RoomSummary, room: Room, asked: { log: RoomLog; seq: number } | undefined): boolean =>
  (asked?.log === room.log && seq < asked.seq) || (last !== undefined && last !== null && room.log.contradicts([last]))
