/** The client of Homin, without a user interface. `new Session({…}).start()` is the beginning; docs/protocol.md is what it speaks. */
export { type Account, type AccountCalls, accountCalls, AccountTokens } from "./accounts.ts"
export { backoff } from "./backoff.ts"
export { shows } from "./characters.gen.ts"
export { type Cause, Connection, type ConnectionOptions, type ConnectionState } from "./connection.ts"
export type { Settings } from "./deeds.ts"
export { draftOf, Drafts } from "./drafts.ts"
export { adoptDrafts, type DraftStore, noDrafts, storedDrafts } from "./draft-store.ts"
export { type FileEntry, FileQueue, type FileState } from "./file-queue.ts"
export { adoptFiles, type FileStore, KEPT_BYTES, noFiles, storedFiles } from "./file-store.ts"
export { canonical } from "./fold.ts"
export { HttpProblem, isUnheard, pauseAfter, problemOf, untilAnswered } from "./http.ts"
export { newId } from "./ids.ts"
export { indexOf } from "./indices.ts"
export { adoptOutbox, memoryOutbox, type OutboxEntry, type OutboxStore, type Said, storedOutbox } from "./outbox-store.ts"
export { Disconnected, Refused, Unanswered } from "./requests.ts"
export type { Refusal, Room } from "./room.ts"
export {
  type Closed,
  closedFor,
  isLastOwner,
  mayGiveRoles,
  mayInvite,
  mayName,
  mayRemove,
  mayRule,
  moderates,
} from "./rights.ts"
export type { RoomLog } from "./room-log.ts"
export { isDirect, isOwnLog, isPrivate } from "./room-names.ts"
export { type RoomStore, storedRooms, wipeRooms } from "./room-store.ts"
export { type Removal, Session, type SessionOptions } from "./session.ts"
export { browserNetwork, browserSocket, type Network, type OpenSocket, type Socket, steadyNetwork } from "./socket.ts"
export type { Governors, Role, Standing } from "./standing.ts"
export { COUNTED_TO } from "./tally.ts"
export { Thread } from "./threads.ts"
export { after, useTimers, workerTimers } from "./timers.ts"
export { SignInNeeded, type Token, type TokenSource } from "./tokens.ts"
export { Unreadable, type Upload, upload, type UploadRequest } from "./upload.ts"
export { isChanging, withWaiting } from "./waiting.ts"
export * from "./wire.ts"
