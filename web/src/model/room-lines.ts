/** What was changed of a room itself, in one sentence for each thing. */
import type { RoomChange } from "../client/index.ts"
import type { Dictionary } from "../i18n/dictionary.ts"

/**
 * What the sentence says after the name of whoever did it; several where several things were set at once. `demoted`: who became a member had
 * another role before, and was not let in.
 */
export const sentencesOf = (change: RoomChange, demoted: boolean, { lines, roles }: Pick<Dictionary, "lines" | "roles">): readonly string[] => {
  if (change.kind === "member") {
    const { from, user, role } = change
    const self = user.id === from.id
    if (role === undefined) return [self ? lines.left : lines.removed(user.name)]
    if (self && role === "member" && !demoted) return [lines.came]
    if (self) return [lines.tookRole(roles[role])]
    return [role === "member" && !demoted ? lines.added(user.name) : lines.gaveRole[role](user.name)]
  }
  const { title, topic, posting, invites, keep_days: days, archived } = change
  return [
    ...(title === undefined ? [] : [lines.title(title)]),
    ...(topic === undefined ? [] : [topic === "" ? lines.noTopic : lines.topic(topic)]),
    ...(posting === undefined ? [] : [lines.posting[posting]]),
    ...(invites === undefined ? [] : [lines.invites[invites]]),
    ...(days === undefined ? [] : [days === 0 ? lines.keepAsServer : lines.keep(days)]),
    ...(archived === undefined ? [] : [archived ? lines.archived : lines.reopened]),
  ]
}
