/**
 * Brings what a room's log lacks from history: the holes in it by themselves, after a long absence the newest page alone, and older pages when
 * somebody looks for them.
 */
import type { Interval } from "./intervals.ts"
import { Disconnected, Refused, type Requests, Unanswered } from "./requests.ts"
import type { Room } from "./room.ts"
import { type Entry, type Incoming, PAGE_LIMIT, type RoomName } from "./wire.ts"

export interface BackfillPorts {
  requests: Requests
  enter(room: Room): Promise<void>
  /** The server says that we are not in the room. */
  notJoined(room: RoomName): void
  changed(room: RoomName): void
  /** The server has another entry than we have under some number. */
  wentBack(room: Room): void
  /** Entries came from history. */
  found(entries: readonly Entry[]): void
}

const OLDER_PAGE = 50
const ASK_AT_MOST = 2

export class Backfill {
  readonly #ports: BackfillPorts
  readonly #repairing = new Set<Room>()
  readonly #older = new Map<Room, Promise<void>>()
  readonly #newer = new Map<Room, Promise<void>>()

  constructor(ports: BackfillPorts) {
    this.#ports = ports
  }

  isLoadingOlder(room: Room): boolean {
    return this.#older.has(room)
  }

  /** Asks for what the room's log lacks, one page at a time, while the room is joined. */
  async repair(room: Room): Promise<void> {
    if (this.#repairing.has(room)) return
    this.#repairing.add(room)
    try {
      for (let gap = room.log.gap; gap && room.joined; gap = room.log.gap) {
        const { log, isFarBehind } = room
        if (isFarBehind) await this.#startAnew(room)
        else await this.#fill(room, gap)
        if ((isFarBehind || room.log === log) && room.log.gap?.from === gap.from) return // a server that does not answer what it was asked
      }
    } catch (error) {
      if (error instanceof Refused && error.code === "not_joined") this.#ports.notJoined(room.name)
      else ignoreLoss(error)
    } finally {
      this.#repairing.delete(room)
    }
  }

  async #fill(room: Room, gap: Interval): Promise<void> {
    const after = gap.from - 1
    const limit = Math.min(PAGE_LIMIT, gap.to - after)
    await this.#page(room, { after, limit }, ({ seq, messages, more }) => room.log.pageAfter(after, gap.to, messages, more, seq))
  }

  async #startAnew(room: Room): Promise<void> {
    const newest = room.log.target
    await this.#page(room, { before: newest + 1, limit: room.newestPage }, ({ seq, messages, more }) => room.startAnew(newest, messages, more, seq))
  }

  /** Asks for a page, and has it taken where it is of the log that it was asked for. */
  async #page(room: Room, asked: { before?: number; after?: number; limit: number }, take: (page: Incoming<"history">) => void): Promise<void> {
    const { log } = room
    const page = await this.#ports.requests.ask({ type: "history", room: room.name, ...asked })
    if (room.log !== log) return // forgotten meanwhile
    if (log.contradicts(page.messages)) return this.#ports.wentBack(room)
    log.begins(page.first ?? 1)
    take(page)
    this.#ports.found(page.messages)
    this.#ports.changed(room.name)
  }

  /** Brings the page before the oldest message that is here. Throws `Disconnected`, `Refused` or `Unanswered`. */
  older(room: Room): Promise<void> {
    return this.#once(this.#older, room, () => this.#loadOlder(room))
  }

  /** Brings the page after the last message that is held, where later ones were let go. Throws as `older`. */
  newer(room: Room): Promise<void> {
    return this.#once(this.#newer, room, () => this.#loadNewer(room))
  }

  /** Brings the newest messages in place of those that are held, where these do not reach so far. Throws as `older`. */
  async newest(room: Room): Promise<void> {
    if (room.log.end === null) return
    room.log.toNewest()
    this.#ports.changed(room.name)
    await this.#older.get(room)?.catch(() => {}) // asked for before, it may bring what is above
    if (room.log.size < OLDER_PAGE) await this.older(room)
  }

  #once(loading: Map<Room, Promise<void>>, room: Room, load: () => Promise<void>): Promise<void> {
    const under = loading.get(room)
    if (under) return under
    const loaded = load().finally(() => {
      loading.delete(room)
      this.#ports.changed(room.name)
    })
    loading.set(room, loaded)
    this.#ports.changed(room.name)
    return loaded
  }

  async #loadOlder(room: Room): Promise<void> {
    await this.#ports.enter(room)
    const { log } = room
    const before = log.start
    if (before === null || !log.hasOlder) return
    const { seq, first, messages, more } = await this.#ports.requests.ask(
      { type: "history", room: room.name, before, limit: OLDER_PAGE },
      ASK_AT_MOST,
    )
    if (room.log !== log || log.start !== before) return // what is held begins elsewhere by now
    if (log.contradicts(messages)) return this.#ports.wentBack(room)
    log.begins(first ?? 1)
    log.pageBefore(before, messages, more, seq)
    this.#ports.found(messages)
    void this.repair(room) // of what was changed since the page was read
  }

  async #loadNewer(room: Room): Promise<void> {
    await this.#ports.enter(room)
    const { log } = room
    const { end, target } = log
    if (end === null) return
    const { seq, first, messages, more } = await this.#ports.requests.ask(
      { type: "history", room: room.name, after: end, limit: PAGE_LIMIT },
      ASK_AT_MOST,
    )
    if (room.log !== log) return
    if (log.contradicts(messages)) return this.#ports.wentBack(room)
    log.begins(first ?? 1)
    if (log.end !== end) return // what is held ends elsewhere by now
    log.pageAfter(end, target, messages, more, seq)
    this.#ports.found(messages)
    void this.repair(room)
  }
}

/** A connection that went away is not an error: everything begins again on the next one. */
export const ignoreLoss = (error: unknown): void => {
  if (!(error instanceof Disconnected || error instanceof Unanswered || error instanceof Refused)) throw error
}
