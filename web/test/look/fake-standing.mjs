/** How the rooms of the fake server stand: what was set, and who is in them. */

const SETTABLE = ["title", "topic", "posting", "invites", "keep_days", "archived"]

/** Of what content.mjs says of a room; null: a public one of which nothing was set. */
export const standing = ({ set = {}, members } = {}) => ({ set: { ...set }, members: members ? new Map(members.map(([user, role]) => [user.id, { ...user, role }])) : null })

/** Takes a `member` or `room` entry. */
export const take = ({ set, members }, entry) => {
  if (entry.kind === "room") for (const key of SETTABLE) if (entry[key] !== undefined) set[key] = entry[key]
  if (entry.kind !== "member") return
  if (entry.role) members?.set(entry.user.id, { ...entry.user, role: entry.role })
  else members?.delete(entry.user.id)
}

/** What `joined` says of it to `me`. */
export const told = ({ set, members }, me) => {
  const role = members?.get(me.id)?.role
  return { ...set, ...roled(role), ...(members && { private: true, people: [...members.values()].map(({ role: theirs, ...user }) => ({ ...user, ...roled(theirs) })) }) }
}

/** What the list of rooms says of it. */
export const listedAs = (room, { set: { title, archived }, members }, me) => ({
  ...(title && { title }),
  ...(archived && { archived }),
  ...(members && { private: true, ...roled(members.get(me.id)?.role) }),
  ...(room.startsWith("~d.") && { with: [...members.values()].filter(({ id }) => id !== me.id).map(({ id, name }) => ({ id, name })) }),
})

const roled = (role) => (role && role !== "member" ? { role } : {})
