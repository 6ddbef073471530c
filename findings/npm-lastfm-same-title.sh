#!/usr/bin/env bash
# The stream of plays of lastfm 0.9.4 (npm) does not report a play if the one before has the same title, whoever plays it.
#
# LastFmNode.stream() polls the latest play and emits "scrobbled" when it is another one. It compares the title only, not the
# artist or the time: after "Intro" by Moderat, "Intro" by The xx is no play, and a song heard twice in a row is one play.
# The README says that "scrobbled" is for when a track has been scrobbled.
# Seen with Node.js 20: "3 plays; last played: Moderat - Intro; scrobbled: none", and "Alt-J - Breezeblocks" after them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts lastfm@0.9.4
cat >watch.js <<'JAVASCRIPT'
const assert = require("assert");
const { EventEmitter } = require("events");
const { LastFmNode } = require("lastfm");

const plays = [
  ["Moderat", "Intro", 1700000000],
  ["The xx", "Intro", 1700000300],
  ["The xx", "Intro", 1700000600],
  ["Alt-J", "Breezeblocks", 1700000900],
];
const lastfm = new LastFmNode({ api_key: "k", secret: "s" });

// Instead of the network: one answer to each request.
let answer;
lastfm.request = () => (answer = new EventEmitter());
const heard = { lastPlayed: [], scrobbled: [] };
const stream = lastfm.stream("me");
for (const event of ["lastPlayed", "scrobbled"])
  stream.on(event, (track) => heard[event].push(`${track.artist["#text"]} - ${track.name}`));
stream.scheduleCallback = () => null; // no timer: each check is made here
for (const [artist, name, at] of plays) {
  stream.start();
  const track = { name, artist: { "#text": artist }, date: { uts: String(at) } };
  answer.emit("success", { recenttracks: { track: [track] } });
  if (at === 1700000600) console.log(`3 plays; last played: ${heard.lastPlayed}; scrobbled: ${heard.scrobbled.join() || "none"}`);
}
stream.stop();
console.log(`all ${plays.length} plays; scrobbled: ${heard.scrobbled}`);
assert.deepStrictEqual(heard.lastPlayed, ["Moderat - Intro"], "lastfm has changed");
assert.deepStrictEqual(heard.scrobbled, ["Alt-J - Breezeblocks"], "lastfm has changed");
JAVASCRIPT
timeout 60 node watch.js
