/** Names of rooms: as they are typed, and as they come into being. */
import type { RoomName } from "../client/index.ts"

const ROOM = /^[\p{L}\p{M}\p{Nd}\-_.]{1,64}$/u

// The letters and marks among Unicode's Default_Ignorable_Code_Point: fillers, inherent vowels, variation selectors.
const UNSEEN = /\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180d]|\u180f|\u3164|\uffa0|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu

/** What somebody typed as a room's name, in the form that the protocol takes, or null where it cannot be one. */
export const roomName = (typed: string): RoomName | null => {
  const name = typed.normalize("NFC").trim().replace(/^[#＃]/, "").replace(/\s+/g, "-")
  return ROOM.test(name) && coined(name) !== "" ? name : null
}

/**
 * The name under which a room comes into being when somebody asks for `room` and there is none: in small letters. What exists is named
 * as it is; a name that nobody can see is none, and empty here. The server's is `coined` in shared/protocol/names.py, and says why; both
 * are held by tests/cases/room_names.json.
 */
export const coined = (room: RoomName): RoomName =>
  room
    .replace(UNSEEN, "")
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .normalize("NFC")
    .toLowerCase()
    .replace(/i\u0307+/g, "i")
    .normalize("NFC")

/** The room that is meant by `name`: the one of this very name among those that are known, else one that differs in capitals alone. */
export const meant = (name: RoomName, known: readonly RoomName[]): RoomName =>
  known.includes(name) ? name : (known.find((each) => coined(each) === coined(name)) ?? name)
