/**
 * What is done to rooms, and waits for its outcome: making them, letting people in and out, giving roles, setting what holds. Each keeps its `id`
 * until the server has answered, so where the line drops it is sent again and happens once.
 */
import { newId } from "./ids.ts"
import { type Ask, Disconnected, Refused, type Requests } from "./requests.ts"
import type { Room } from "./room.ts"
import type { Governors, Role } from "./standing.ts"
import type { Level, RoomName, User } from "./wire.ts"

export interface DeedsPorts {
  requests: Requests
  /** The room of this name, where this user is in it. */
  room(name: RoomName): Room | undefined
  enter(room: Room): Promise<void>
  /** The server says that we are not in the room. */
  notJoined(room: RoomName): void
  /** A room was made, or was there already. */
  made(room: RoomName): void
}

/** What is to be set of a room; what is left out stays as it is. */
export interface Settings {
  readonly title?: string
  readonly topic?: string
  readonly posting?: Governors
  readonly invites?: Governors
  /** What is older is removed; 0: as the deployment says. */
  readonly keep_days?: number
  readonly archived?: boolean
}

type Making = Ask<"create"> | Ask<"direct">
type Governing = Ask<"invite"> | Ask<"remove"> | Ask<"role"> | Ask<"settings"> | Ask<"notify">
const NOT_JOINED_AT_MOST = 3
const GONE = { code: "no_such_room", text: "There is no such room, or it is not open to you." } as const

export class Deeds {
  readonly #ports: DeedsPorts
  #waiting: (() => void)[] = []

  constructor(ports: DeedsPorts) {
    this.#ports = ports
  }

  /** Makes a private room. All of these throw `Refused`, and wait for a connection where there is none. */
  async create(title: string, topic: string, users: readonly string[]): Promise<RoomName> {
    return this.#make({ type: "create", id: newId(), title, ...(topic !== "" && { topic }), users: [...users] })
  }

  /** The room of exactly these people and this user; of this user alone: for notes. */
  async direct(users: readonly string[]): Promise<RoomName> {
    return this.#make({ type: "direct", id: newId(), users: [...users] })
  }

  async invite(room: RoomName, user: string): Promise<void> {
    await this.#govern({ type: "invite", id: newId(), room, user })
  }

  /** Ends the membership of `user`. */
  async remove(room: RoomName, user: string): Promise<void> {
    await this.#govern({ type: "remove", id: newId(), room, user })
  }

  async giveRole(room: RoomName, user: string, role: Role): Promise<void> {
    await this.#govern({ type: "role", id: newId(), room, user, role })
  }

  async set(room: RoomName, settings: Settings): Promise<void> {
    await this.#govern({ type: "settings", id: newId(), room, ...settings })
  }

  /** Sets of what in the room this user is alerted, on all of their devices. */
  async alertOf(room: RoomName, level: Level): Promise<void> {
    await this.#govern({ type: "notify", room, level })
  }

  /** Up to twenty people whose names begin so. Throws `Disconnected`, `Refused` or `Unanswered`. */
  async find(beginning: string): Promise<readonly User[]> {
    return (await this.#ports.requests.ask({ type: "people", q: beginning }, 1)).people
  }

  /** There is a connection. */
  connected(): void {
    for (const go of this.#waiting.splice(0)) go()
  }

  async #make(frame: Making): Promise<RoomName> {
    const { room } = await this.#sure(() => this.#ports.requests.ask<"create" | "direct">(frame))
    this.#ports.made(room)
    return room
  }

  async #govern(frame: Governing): Promise<void> {
    const { requests, room, enter, notJoined } = this.#ports
    let notJoinedTimes = 0
    await this.#sure(async () => {
      for (;;) {
        const entered = room(frame.room)
        if (entered) await enter(entered)
        // Removed meanwhile, or not let in: then it is as the server would say.
        if (!entered || entered.refusal) throw new Refused(entered?.refusal ?? GONE)
        try {
          return await requests.ask<Governing["type"]>(frame)
        } catch (error) {
          if (!(error instanceof Refused) || error.code !== "not_joined" || ++notJoinedTimes > NOT_JOINED_AT_MOST) throw error
          notJoined(frame.room)
        }
      }
    })
  }

  /** Asks, and where the line drops asks again on the next connection. */
  async #sure<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error
        await new Promise<void>((go) => this.#waiting.push(go))
      }
    }
  }
}
