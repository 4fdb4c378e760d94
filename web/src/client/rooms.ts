/** The rooms that are known here: those of which this user is a member, and those that were asked for by name. */
import { type Eyes, Room } from "./room.ts"
import type { Message, RoomName } from "./wire.ts"

export class Rooms {
  readonly #all = new Map<RoomName, Room>()
  /** Asked for by name: entered before the others, and kept where the server does not list them. */
  readonly #opened = new Set<RoomName>()
  /** Looked at, with unread messages that are still to be asked for. */
  readonly #unreadWanted = new Set<RoomName>()

  readonly #eyes: Eyes
  readonly #catchUp: number
  readonly #signIn: string | null

  /** `eyes` and `catchUp`: see `Room`. `signIn`: the id of the entry of this user's own log that tells of the sign-in here. */
  constructor(eyes: Omit<Eyes, "isReadThere">, catchUp: number, signIn: string | null) {
    this.#eyes = { ...eyes, isReadThere: (message) => this.#isReadThere(message) }
    this.#catchUp = catchUp
    this.#signIn = signIn
  }

  /** By name. */
  get all(): ReadonlyMap<RoomName, Room> {
    return this.#all
  }

  get opened(): readonly Room[] {
    return [...this.#opened].map((name) => this.of(name))
  }

  /** Those that have not refused us. */
  get notRefused(): readonly Room[] {
    return [...this.#all.values()].filter(({ refusal }) => refusal === null)
  }

  get(name: RoomName): Room | undefined {
    return this.#all.get(name)
  }

  /** The room of this name, known from now on. */
  of(name: RoomName): Room {
    let room = this.#all.get(name)
    if (!room) this.#all.set(name, (room = new Room(name, this.#eyes, this.#catchUp)))
    return room
  }

  isOpened(name: RoomName): boolean {
    return this.#opened.has(name)
  }

  isJoined(name: RoomName): boolean {
    return this.#all.get(name)?.joined ?? false
  }

  /** Somebody asks for the room by its name. */
  open(name: RoomName): Room {
    this.#opened.add(name)
    return this.of(name)
  }

  /** Somebody looks at the room. */
  wantUnread({ name }: Room): void {
    this.#unreadWanted.add(name)
  }

  /** Lets the log of a room that is looked at reach back to what is unread, once, as soon as that is known. */
  reachUnread(room: Room): void {
    if (this.#unreadWanted.has(room.name) && room.reachUnread()) this.#unreadWanted.delete(room.name)
  }

  /** What was said in a direct room is told of by the list of rooms. */
  #isReadThere(message: Message): boolean {
    if (message.kind === "signed_in") return message.id === this.#signIn
    if (message.kind !== "mention") return false
    const { why, room, of } = message.about
    return why === "direct" || (this.#all.get(room)?.readSeq ?? 0) >= of
  }

  forget(name: RoomName): void {
    this.#opened.delete(name)
    this.#unreadWanted.delete(name)
    this.#all.delete(name)
  }

  /** Forgets the rooms that the server does not list, and that nobody has asked for. */
  keep(listed: ReadonlySet<RoomName>): void {
    for (const name of this.#all.keys()) if (!listed.has(name) && !this.#opened.has(name)) this.#all.delete(name)
  }
}
