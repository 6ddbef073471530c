"use strict";
// Shows the offline page when tonearm can't be reached. It keeps that page and nothing else, so no page is ever stale.
// CACHE, PAGE and FILES come before this: the name of the cache, the offline page, and the files that it loads.
addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([PAGE, ...FILES])).then(() => self.skipWaiting()));
});
addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("tonearm-offline-") && name !== CACHE;
  const tidy = caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))));
  event.waitUntil(Promise.all([tidy, self.registration.navigationPreload?.enable(), self.clients.claim()]));
});
const open = async (event) => {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch (error) {
    return (await caches.match(PAGE)) ?? Promise.reject(error);
  }
};
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(open(event));
  else if (FILES.includes(new URL(request.url).pathname)) {
    event.respondWith(caches.match(request.url).then((found) => found ?? fetch(request)));
  }
});
