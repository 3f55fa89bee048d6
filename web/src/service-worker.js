// Keeps the shell of the console: the page, its script, its styles, its icons. With it the page opens without a network, and
// says that the realm can't be reached. Nothing else passes through here: no question, no answer, no money.
//
// The build fills in the files and the version, which changes with any of them (vite.config.ts). A new shell waits until
// the page says so: nobody's page changes under their hands.

/* global VERSION, FILES */

const NAME = `mtor-shell-${VERSION}`;

self.addEventListener("install", (event) => {
  const requests = FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const forget = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("mtor-shell-") && name !== NAME) await caches.delete(name);
    }
    await self.clients.claim();
  };
  event.waitUntil(forget());
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") void self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = event.request.method === "GET" && url.origin === location.origin && url.search === "" && FILES.includes(url.pathname);
  if (!ours) return;
  event.respondWith(
    caches
      .open(NAME)
      .then((cache) => cache.match(url.pathname))
      .then((kept) => kept ?? fetch(event.request)),
  );
});
