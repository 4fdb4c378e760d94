#!/usr/bin/env bash
# linkify-it 6.1.0 makes a link of the first half of an address, which opens another place than the one that was written.
#
# Guess: where a finder of links does not take an address with a user's name and password, it makes no link of it; and an
# address whose title has a typographic dash is one address, as an address with an apostrophe (U+0027) or a hyphen is.
#
# Seen: since 6 `urlAuth` is off, and `https://olena:secret@files.example.org/x` becomes the link `https://olena`, a host that
# nobody has named. `wiki/Michelson–Morley_experiment` (U+2013, as Wikipedia writes it) becomes the link `wiki/Michelson`, the
# page of a person. The interpunct of Catalan and the dot of Japanese names (U+00B7, U+30FB) cut an address as well: what is
# punctuation for Unicode ends it, though a letter follows.
#
# Homin (web/src/model/links.ts) makes no link of an address with somebody's name before the host, and lets punctuation that
# joins words stay in an address where a letter follows.
#
# Needs: Node 20 or later, with npm.
set -euo pipefail
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
cd "$place"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund linkify-it@6.1.0 uc.micro@3.0.0
cat > seen.mjs <<'JS'
import { readFileSync } from "node:fs"
import { LinkifyIt } from "linkify-it"

const { version } = JSON.parse(readFileSync("node_modules/linkify-it/package.json", "utf8"))
console.log(`linkify-it ${version}, Node ${process.version}`)
const expected = [
  ["https://olena:secret@files.example.org/x", "https://olena"],
  ["https://en.wikipedia.org/wiki/Michelson–Morley_experiment", "https://en.wikipedia.org/wiki/Michelson"],
  ["https://ca.wikipedia.org/wiki/Paral·lel", "https://ca.wikipedia.org/wiki/Paral"],
  ["https://ja.wikipedia.org/wiki/レオナルド・ダ・ヴィンチ", "https://ja.wikipedia.org/wiki/レオナルド"],
  // To compare: these are whole.
  ["https://en.wikipedia.org/wiki/Hobson's_choice", "https://en.wikipedia.org/wiki/Hobson's_choice"],
  ["https://en.wikipedia.org/wiki/Jean-Paul_Sartre", "https://en.wikipedia.org/wiki/Jean-Paul_Sartre"],
]
let same = true
for (const [text, before] of expected) {
  const now = (new LinkifyIt().match(text) ?? []).map(({ url }) => url).join(" ")
  console.log(`${text}\n  → ${now || "no link"}`)
  same &&= now === before
}
if (!same) {
  console.log("linkify-it links these addresses otherwise than it did.")
  process.exit(1)
}
JS
node seen.mjs
