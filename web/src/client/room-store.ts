/** Where a person's rooms outlive the page. Other pages of the same person may write there, too. */
import { given, type Stores, transact } from "./database.ts"
import { KEPT_AS, type KeptRoom } from "./room-record.ts"
import { type Row, shelve, type Written } from "./room-shelf.ts"
import type { RoomName } from "./wire.ts"

/** What was kept, of one life of the server's store. */
export interface Kept {
  readonly epoch: string
  readonly rooms: readonly KeptRoom[]
}

export interface RoomToKeep extends Pick<Written, "usedAt" | "activeAt" | "mayBegin"> {
  readonly record: KeptRoom
}

/** All of these reject where the browser keeps nothing. */
export interface RoomStore {
  /** Null where nothing was kept. */
  load(): Promise<Kept | null>
  /** The server's store is in this life: what was kept of another goes. */
  begin(epoch: string): Promise<void>
  /** Keeps `rooms` as they are now, unless something newer is there, or of another life; and of `gone` nothing. */
  write(epoch: string, rooms: readonly RoomToKeep[], gone: readonly RoomName[]): Promise<void>
  /** Nothing of this person is kept any more. */
  wipe(): Promise<void>
}

/** The rooms of the user `userId` in the browser's database. */
export const storedRooms = (userId: string): RoomStore => {
  const rowsIn = (store: Stores): Promise<Row[]> => given(store("rooms").index("user").getAll(userId))
  const removeOne = (store: Stores, room: RoomName) => {
    store("rooms").delete([userId, room])
    store("logs").delete([userId, room])
  }
  return {
    load: () =>
      transact(["rooms", "logs"], "readonly", async (store) => {
        const read = async (row: Row) => [row, (await given(store("logs").get([userId, row.room]))) as string | undefined] as const
        return keptFrom(await Promise.all((await rowsIn(store)).map(read)))
      }),
    begin: (epoch) =>
      transact(["rooms", "logs"], "readwrite", async (store) => {
        for (const { room, life } of await rowsIn(store)) if (life !== lifeOf(epoch)) removeOne(store, room)
      }),
    write: (epoch, rooms, gone) =>
      transact(["rooms", "logs"], "readwrite", async (store) => {
        const plan = shelve(userId, lifeOf(epoch), await rowsIn(store), rooms.map(writtenOf), gone)
        for (const row of plan.rows) store("rooms").put(row)
        for (const [room, log] of plan.logs) store("logs").put(log, [userId, room])
        for (const room of plan.withoutLog) store("logs").delete([userId, room])
        for (const room of plan.gone) removeOne(store, room)
      }),
    wipe: () => wipeRooms((user) => user === userId),
  }
}

/** Of every user whom `isWiped` names no room is kept any more. */
export const wipeRooms = (isWiped: (userId: string) => boolean): Promise<void> =>
  transact(["rooms", "logs"], "readwrite", async (store) => {
    for (const name of ["rooms", "logs"] as const) {
      for (const key of (await given(store(name).getAllKeys())) as [string, RoomName][]) if (isWiped(key[0])) store(name).delete(key)
    }
  })

export const lifeOf = (epoch: string): string => `${KEPT_AS} ${epoch}`

/** The texts that are stored: how long they are is known, and nothing in them is a browser's. */
export const writtenOf = ({ record: { room, log, ...about }, ...rest }: RoomToKeep): Written => ({
  ...rest,
  room,
  seq: log?.seq ?? null,
  about: JSON.stringify(about),
  log: log && JSON.stringify(log),
})

/** What the rows say, each with its log, where they are kept as this client keeps them. */
export const keptFrom = (found: readonly (readonly [Row, string | undefined])[]): Kept | null => {
  const life = found.find(([row]) => row.life.startsWith(lifeOf("")))?.[0].life
  if (life === undefined) return null
  const rooms = found.flatMap(([row, log]) => (row.life === life ? readRoom(row, log) : []))
  return { epoch: life.slice(lifeOf("").length), rooms }
}

const readRoom = ({ room, seq, about }: Row, log: string | undefined): KeptRoom[] => {
  try {
    return [{ ...JSON.parse(about), room, log: seq === null || log === undefined ? null : JSON.parse(log) } as KeptRoom]
  } catch {
    return []
  }
}
