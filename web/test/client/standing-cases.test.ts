/** The same cases as the Python client reads: tests/unit/test_client_standing.py. */
import { expect, test } from "vitest"
import cases from "../../../tests/cases/standing.json"
import { foldRoom, standingOf } from "../../src/client/standing.ts"
import type { Incoming, RoomChange } from "../../src/client/wire.ts"

test.each(cases.map((each) => [each.name, each] as const))("%s", (_, { me, joined, changes, stands }) => {
  const begun = standingOf(joined as Incoming<"joined">)
  const standing = (changes as RoomChange[]).reduce((before, change) => foldRoom(before, change, ({ id }) => id === me), begun)
  const { title, topic, posting, invites, keepDays: keep_days, archived, role } = standing
  const people = standing.people && [...standing.people.values()].map((person) => [person.id, person.role ?? "member"]).sort()
  expect({ title, topic, posting, invites, keep_days, archived, role, people }).toEqual(stands)
})
