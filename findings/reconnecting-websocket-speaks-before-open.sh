#!/usr/bin/env bash
# reconnecting-websocket and partysocket (npm): what was sent while away goes out before `open` is told.
#
# Guess:    the handler of `open` is where a connection is begun: it sends `auth` with the token, and resumes. What
#           was sent while there was no connection waits ("Buffering. Will send accumulated messages on open") and goes
#           out after that; so the `auth` of `open` is the first frame of each connection.
# Happens:  the kept messages are written first, and then `open` is told, to `onopen` as to listeners. The first
#           connection shows nothing, as nothing has been kept yet. On each later one the server gets a message where it
#           expects `auth`: it closes, the kept messages are gone (they count as sent), and no error is told.
# Seen:     reconnecting-websocket 4.4.0, partysocket 1.3.0 (its maintained heir).
# Homin:    its gateway refuses a connection that does not begin with `auth`; its own clients keep what is unacknowledged
#           themselves, and write it after the welcome. With these libraries: no send() while they are not open.
# Needs:    Node 20 or later. The server is on 127.0.0.1, inside the script.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund reconnecting-websocket@4.4.0 partysocket@1.3.0 ws@8.23.0
cat > try.mjs <<'JS'
import { once } from "node:events"
import { setTimeout as after } from "node:timers/promises"
import reconnecting from "reconnecting-websocket"
import { WebSocket as Party } from "partysocket"
import { WebSocket, WebSocketServer } from "ws"

/** What a server receives on the first connection, which it ends, and on the second: two messages of each. */
const conversation = async (Client, listen) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
  await once(server, "listening")
  const connections = []
  const complete = new Promise((done) => server.on("connection", (socket) => {
    const received = []
    connections.push(received)
    socket.on("message", (data) => {
      received.push(String(data))
      if (received.length < 2) return
      if (connections.length === 1) socket.close(1012)
      else done()
    })
  }))
  const client = new Client(`ws://127.0.0.1:${server.address().port}`, [], {
    WebSocket, minReconnectionDelay: 20, maxReconnectionDelay: 20,
  })
  listen(client, "open", () => {
    client.send("auth")
    if (connections.length === 1) client.send("hi")
  })
  listen(client, "close", () => { if (connections.length === 1) client.send("sent while away") })
  const result = await Promise.race([complete.then(() => connections), after(20_000, "timed out", { ref: false })])
  client.close()
  for (const socket of server.clients) socket.terminate()
  server.close()
  return result
}

const byListener = (client, event, handler) => client.addEventListener(event, handler)
const byProperty = (client, event, handler) => { client[`on${event}`] = handler }
const expected = JSON.stringify([["auth", "hi"], ["sent while away", "auth"]])
let changed = false
for (const [name, Client] of [["reconnecting-websocket", reconnecting.default ?? reconnecting], ["partysocket", Party]]) {
  for (const [how, listen] of [["addEventListener", byListener], ["onopen", byProperty]]) {
    const seen = await conversation(Client, listen)
    console.log(`${name}, ${how}: first connection ${JSON.stringify(seen[0])}, second ${JSON.stringify(seen[1])}`)
    changed ||= JSON.stringify(seen) !== expected
  }
}
if (changed) {
  console.error("It has changed: what is sent while away comes at another place than this script says.")
  process.exit(1)
}
JS
node try.mjs
