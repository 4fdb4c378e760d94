#!/usr/bin/env bash
# tus-js-client 4.3.1 (npm): resumable uploads over tus 1.0.
# One would guess: when the server says 503 to the HEAD with which an upload is resumed (a proxy does so while a service
#   restarts), the client waits by its `retryDelays` and asks again, as it does for a 503 to a PATCH.
# What happens: it takes the HEAD's 503 (likewise 401, 429, 502) for “this upload is gone” and creates a new one: a POST,
#   and all bytes from 0 again. Only 423 (Locked) makes it ask again. After the restart of a service behind a proxy, every
#   resumed upload begins anew, whatever had been sent.
# What Homin does: while it cannot say where an upload stands, it is to answer HEAD with 423.
# Needs: Node 20 or later. The server is on 127.0.0.1, inside the script.
set -euo pipefail
room=$(mktemp -d); trap 'rm -rf "$room"' EXIT
cd "$room"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund tus-js-client@4.3.1
cat > try.mjs <<'JS'
import { createServer } from "node:http"
import { Upload } from "tus-js-client"

/** Asks to resume an upload of 8 bytes of which the server has 4; the first HEAD is answered with `status`. */
const resume = (status) => new Promise((done) => {
  const requests = []
  let heads = 0
  const server = createServer((request, response) => {
    requests.push(request.method)
    request.resume().on("end", () => {
      const answer = (code, headers) => response.writeHead(code, { "Tus-Resumable": "1.0.0", ...headers }).end()
      if (request.method === "HEAD" && heads++ === 0) return answer(status)
      if (request.method === "HEAD") return answer(200, { "Upload-Offset": 4, "Upload-Length": 8 })
      if (request.method === "POST") return answer(201, { Location: "/uploads/new" })
      return answer(204, { "Upload-Offset": 8 })
    })
  }).listen(0, "127.0.0.1", () => {
    const base = `http://127.0.0.1:${server.address().port}/uploads`
    const end = () => {
      server.closeAllConnections()
      server.close(() => done(requests.join(" ")))
    }
    const upload = new Upload(Buffer.from("12345678"), {
      endpoint: base, uploadUrl: `${base}/old`, retryDelays: [10, 10, 10], onSuccess: end, onError: end,
    })
    upload.start()
  })
})

const seen = {}
for (const status of [423, 503, 502, 429]) {
  seen[status] = await resume(status)
  console.log(`HEAD answered ${status}: ${seen[status]}`)
}
const expected = { 423: "HEAD HEAD PATCH", 429: "HEAD POST PATCH", 502: "HEAD POST PATCH", 503: "HEAD POST PATCH" }
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.error("This has changed: a HEAD that is refused for now is taken otherwise than it was.")
  process.exit(1)
}
JS
node try.mjs
