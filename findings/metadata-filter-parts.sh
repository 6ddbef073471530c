#!/usr/bin/env bash
# metadata-filter 3.2.0 (npm, by Web Scrobbler) makes one song of several if their titles end with "[... Remastered ...]".
#
# removeRemastered() is to drop "[2011 Remastered Version]". It drops everything from the first bracket on: the part, the
# reprise, the remix. So a scrobbler that cleans names with it counts plays of different songs of one album as the same song.
# It is in the filters for Spotify, Amazon, Tidal and in createRemasteredFilter().
# Seen with Node.js 20: "Shine On You Crazy Diamond (Parts 1-5) [2011 Remastered Version]" and "(Parts 6-9) [...]" both become
# "Shine On You Crazy Diamond"; "Heroes (Aphex Twin Remix) (Remastered)" becomes "Heroes".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts @web-scrobbler/metadata-filter@3.2.0
node - <<'JAVASCRIPT'
const assert = require("assert");
const filters = require("@web-scrobbler/metadata-filter");

const songs = {
  "Shine On You Crazy Diamond (Parts 1-5) [2011 Remastered Version]": "Shine On You Crazy Diamond",
  "Shine On You Crazy Diamond (Parts 6-9) [2011 Remastered Version]": "Shine On You Crazy Diamond",
  "Sgt. Pepper's Lonely Hearts Club Band [Remastered 2009]": "Sgt. Pepper's Lonely Hearts Club Band",
  "Sgt. Pepper's Lonely Hearts Club Band (Reprise) [Remastered 2009]": "Sgt. Pepper's Lonely Hearts Club Band",
  "Heroes (Aphex Twin Remix) (Remastered)": "Heroes",
};
const others = ["createSpotifyFilter", "createAmazonFilter", "createTidalFilter", "createRemasteredFilter"];
for (const [title, expected] of Object.entries(songs)) {
  const cleaned = filters.removeRemastered(title);
  console.log(`${title}: ${cleaned}`);
  assert.strictEqual(cleaned, expected, "metadata-filter has changed");
  for (const name of others) assert.strictEqual(filters[name]().filterField("track", title), expected, name);
}
// Without the remark, a part is kept.
assert.strictEqual(filters.removeRemastered("Shine On You Crazy Diamond (Parts 1-5)"), "Shine On You Crazy Diamond (Parts 1-5)");
JAVASCRIPT
