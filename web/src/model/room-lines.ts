/** What was changed of a room itself, in one sentence for each thing. */
import type { RoomChange } from "../client/index.ts"
import type { Dictionary } from "../i18n/dictionary.ts"

/** What the sentence says after the name of whoever did it; several where several things were set at once. */
export const sentencesOf = (change: RoomChange, { lines, roles }: Pick<Dictionary, "lines" | "roles">): readonly string[] => {
  if (change.kind === "member") {
    const { from, user, role } = change
    const self = user.id === from.id
    if (role === undefined) return [self ? lines.left : lines.removed(user.name)]
    if (self) return [lines.came(roles[role])]
    return [role === "member" ? lines.added(user.name) : lines.gaveRole(user.name, roles[role])]
  }
  const { title, topic, posting, invites, archived } = change
  return [
    ...(title === undefined ? [] : [lines.title(title)]),
    ...(topic === undefined ? [] : [topic === "" ? lines.noTopic : lines.topic(topic)]),
    ...(posting === undefined ? [] : [lines.posting[posting]]),
    ...(invites === undefined ? [] : [lines.invites[invites]]),
    ...(archived === undefined ? [] : [archived ? lines.archived : lines.reopened]),
  ]
}
