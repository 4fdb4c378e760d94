/** A session over the fake server, as most tests of the client begin. */
import { vi } from "vitest"
import type { OutboxStore } from "../../src/client/outbox-store.ts"
import { Session, type SessionOptions } from "../../src/client/session.ts"
import type { FakeServer } from "./fake-server.ts"
import { FakeNetwork, numberedTokens } from "./fake-socket.ts"

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Connected, and in each of `rooms`. Without `network` it is one that is always there. */
export const beginWith = async (
  server: FakeServer,
  outbox: OutboxStore,
  rooms: readonly string[],
  network = new FakeNetwork(),
  options: Partial<SessionOptions> = {},
): Promise<Session> => {
  const session = new Session({ open: server.listener.open, tokens: numberedTokens(), network, outbox, random: () => 0, ...options })
  session.start()
  await pass(0)
  for (const room of rooms) session.open(room)
  await pass(0)
  return session
}
