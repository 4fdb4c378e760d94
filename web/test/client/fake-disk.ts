/** A browser's database in memory, as far as rooms are kept in it. Several pages may be open over it. */
import { keptFrom, lifeOf, type RoomStore, writtenOf } from "../../src/client/room-store.ts"
import { type Row, shelve } from "../../src/client/room-shelf.ts"

export class FakeDisk {
  readonly rows = new Map<string, Row>()
  readonly logs = new Map<string, string>()
  /** How often something was written. */
  writes = 0
  /** What each access fails with, if it does. */
  failure: Error | null = null

  /** What a page of this user has. */
  page(user: string): RoomStore {
    const keyOf = (room: string) => `${user} ${room}`
    const rows = () => [...this.rows.values()].filter((row) => row.user === user)
    const remove = (room: string) => [this.rows, this.logs].forEach((each) => each.delete(keyOf(room)))
    const access = async <Made>(work: () => Made): Promise<Made> => {
      await Promise.resolve() // as in a database, it is done only later
      if (this.failure) throw this.failure
      return work()
    }
    return {
      load: () => access(() => keptFrom(rows().map((row) => [row, this.logs.get(keyOf(row.room))]))),
      begin: (epoch) => access(() => rows().forEach(({ room, life }) => life !== lifeOf(epoch) && remove(room))),
      write: (epoch, rooms, gone) =>
        access(() => {
          this.writes += 1
          const plan = shelve(user, lifeOf(epoch), rows(), rooms.map(writtenOf), gone)
          for (const row of plan.rows) this.rows.set(keyOf(row.room), row)
          for (const [room, log] of plan.logs) this.logs.set(keyOf(room), log)
          for (const room of plan.withoutLog) this.logs.delete(keyOf(room))
          plan.gone.forEach(remove)
        }),
      wipe: () => {
        rows().forEach(({ room }) => remove(room))
        return Promise.resolve()
      },
    }
  }

  /** The names of the rooms of which something is there, of everybody. */
  get rooms(): string[] {
    return [...this.rows.values()].map(({ room }) => room).sort()
  }

  /** All that is there, as text. */
  get text(): string {
    return [...this.logs.values(), ...[...this.rows.values()].map(({ about }) => about)].join("\n")
  }
}
