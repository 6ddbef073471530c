#!/usr/bin/env bash
# lastfm-typed 2.1.0 leaves out the oldest 1,000 plays of a listener who has a multiple of 1,000 of them.
#
# cacheScrobbles() fetches a whole history, 1,000 plays a page. Of the last page it keeps as many as the remainder of the
# total by 1,000, and for 2,000 that is none, not all. It reports both pages as complete and emits no error. Whoever
# imports into a database with it misses the oldest plays, or all of them at 1,000; with one play more they are there.
# Seen with Node.js 20: "1999 plays: 1999 arrive; 2000 plays: 1000 arrive, progress 1; 2001 plays: 2001 arrive".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts lastfm-typed@2.1.0
cat >walk.js <<'JAVASCRIPT'
const assert = require("assert");

let total = 0;

function recentTracks(url) {
  const asked = new URL(url).searchParams;
  const [page, limit] = [Number(asked.get("page") ?? 1), Number(asked.get("limit") ?? 50)];
  const track = [];
  for (let n = total - (page - 1) * limit; n > Math.max(0, total - page * limit); n--) {
    const nothing = { "#text": "", mbid: "" };
    const date = { uts: String(1700000000 + 300 * n), "#text": "" };
    track.push({ name: `Song ${n}`, artist: { "#text": "Can", mbid: "" }, album: nothing, image: [], date, streamable: "0" });
  }
  const pages = String(Math.ceil(total / limit));
  const attributes = { user: "me", page: String(page), perPage: String(limit), total: String(total), totalPages: pages };
  return { recenttracks: { track, "@attr": attributes } };
}

// Instead of the network: what the client fetches.
const fetched = async (url) => ({ ok: true, json: async () => recentTracks(url) });
require.cache[require.resolve("cross-fetch")] = { loaded: true, exports: { __esModule: true, default: fetched } };
const LastFM = require("lastfm-typed").default;

async function arrived(plays) {
  total = plays;
  const titles = new Set();
  let progress = 0;
  await new Promise((resolve, reject) => {
    const walk = new LastFM("k".repeat(32)).helper.cacheScrobbles("me");
    walk.on("data", (page) => {
      page.data.tracks.forEach((track) => titles.add(track.name));
      progress = page.progress;
    });
    walk.on("error", reject);
    walk.on("close", resolve);
  });
  assert.strictEqual(progress, 1);
  return titles.size;
}

(async () => {
  const counts = [await arrived(1999), await arrived(2000), await arrived(2001)];
  console.log(`1999 plays: ${counts[0]} arrive; 2000 plays: ${counts[1]} arrive, progress 1; 2001 plays: ${counts[2]} arrive`);
  assert.deepStrictEqual(counts, [1999, 1000, 2001], "lastfm-typed has changed");
})();
JAVASCRIPT
timeout 60 node walk.js
