"use strict";
// Keeps the open page up to date: fetches a part again after an event that concerns it or when it is stale, counts waits
// and the playing track, shows times in the reader's time zone, and shows in the lamp whether the page is live.
// It also sends the reader's time zone to the service (for days and hours in statistics) and shows the results of forms.
(() => {
  const GATHER = 0.15; // seconds in which several events make one fetch, unless a part has its own
  const THIS_WEEK = 6 * 86400000; // milliseconds for which the name of a weekday is unambiguous
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const EVENTS = ["auth", "now-playing", "scrobble-status", "queue-updated", "import-progress", "heart"].map((name) => `lastfm:${name}`).concat("destination:changed", "destination:scrobble-status", "destination:heart");
  const readAt = new WeakMap(); // element -> when its numbers were current
  const fetches = new Map(); // id of a part -> when its next fetch is due, and its timer

  const twoDigits = (number) => String(number).padStart(2, "0");

  const span = (seconds) => {
    const whole = Math.max(0, Math.ceil(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.ceil(whole / 60)} min`;
    if (whole < 2 * 86400) return `${Math.ceil(whole / 3600)} h`;
    return `${Math.ceil(whole / 86400)} days`;
  };

  const clock = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) return `${minutes}:${twoDigits(whole % 60)}`;
    return `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}:${twoDigits(whole % 60)}`;
  };

  const isPast = (at) => at.getFullYear() !== new Date().getFullYear();
  const dayOf = (at) => `${at.getDate()} ${MONTHS[at.getMonth()]}${isPast(at) ? ` ${at.getFullYear()}` : ""}`;
  const moment = (at, full) => {
    const [past, day] = [isPast(at), dayOf(at)];
    return past && !full ? day : `${day} ${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
  };

  const by = (at) => {
    const day = DAYS[at.getDay()];
    const date = at - Date.now() < THIS_WEEK ? "" : ` ${at.getDate()} ${MONTHS[at.getMonth()]}`;
    return `${day}${date} ${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
  };

  const setText = (element, text) => {
    if (element.textContent === text) return;
    if (element.textContent.length !== text.length) document.dispatchEvent(new Event("tonearm:before:text")); // lines may break elsewhere
    element.textContent = text;
  };

  const fetchSoon = (part, wait) => {
    const { at, timer } = fetches.get(part.id) ?? {};
    const dueAt = Date.now() + wait;
    if (timer && at <= dueAt) return;
    clearTimeout(timer);
    const fetchNow = () => {
      fetches.delete(part.id);
      const current = document.getElementById(part.id); // it may have been swapped since
      if (current && !document.hidden) htmx.trigger(current, "stale");
    };
    fetches.set(part.id, { at: dueAt, timer: setTimeout(fetchNow, wait) });
  };

  const readPart = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const formats = { by: () => by(at), day: () => dayOf(at), time: () => `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}` };
      const kind = Object.keys(formats).find((name) => name in time.dataset);
      setText(time, kind ? formats[kind]() : moment(at, "full" in time.dataset));
    }
    for (const element of root.querySelectorAll("[data-in], [data-ago], [data-left], [data-clock], [data-elapsed], [data-arm]")) readAt.set(element, Date.now());
    const parts = [...root.querySelectorAll("[data-stale-in]")];
    if (root.matches?.("[data-stale-in]")) parts.push(root);
    for (const part of parts) fetchSoon(part, Math.min(Number(part.dataset.staleIn) * 1000, 3600000));
    oneStop(root);
    rememberWaiting(root);
    const titled = document.querySelector("[data-title]");
    if (titled) document.title = titled.dataset.title;
    showTint();
    tick();
  };

  const showTint = () => { // apart from what plays: nothing that moves may take it along
    const [tint, shown] = [document.getElementById("tint"), document.querySelector("[data-tint]")?.dataset.tint];
    if (!tint || tint.getAttribute("src") === (shown || null)) return;
    if (shown) tint.setAttribute("src", shown);
    else tint.removeAttribute("src");
    tint.hidden = !shown;
  };

  const WAITING = `tonearm-waiting${document.documentElement.dataset.root}`;
  const rememberWaiting = (root) => { // for the offline page
    const part = root.matches?.("[data-waiting]") ? root : root.querySelector("[data-waiting]");
    if (!part) return;
    try {
      localStorage.setItem(WAITING, JSON.stringify({ waiting: Number(part.dataset.waiting), at: Date.now() }));
    } catch { /* a browser that keeps nothing */ }
  };

  const tick = () => {
    const since = (element) => (Date.now() - (readAt.get(element) ?? Date.now())) / 1000;
    for (const element of document.querySelectorAll("[data-in]")) {
      setText(element, `in ${span(Number(element.dataset.in) - since(element))}`);
    }
    for (const element of document.querySelectorAll("[data-ago]")) {
      setText(element, `${span(Number(element.dataset.ago) + since(element))} ago`);
    }
    for (const element of document.querySelectorAll("[data-left]")) {
      setText(element, span(Number(element.dataset.left) - since(element)));
    }
    for (const element of document.querySelectorAll("[data-clock]")) {
      const max = Number(element.dataset.max ?? Infinity);
      setText(element, clock(Math.min(max, Number(element.dataset.clock) + since(element))));
    }
    turnArm();
    for (const bar of document.querySelectorAll("[data-elapsed]")) {
      const share = (Number(bar.dataset.elapsed) + since(bar)) / Number(bar.dataset.of);
      bar.querySelector(".done").setAttribute("width", `${Math.min(100, share * 100).toFixed(2)}%`);
    }
  };

  const turnArm = () => {
    for (const arm of document.querySelectorAll("[data-arm]")) {
      const [from, to, of, elapsed] = ["from", "to", "of", "arm"].map((name) => Number(arm.dataset[name]));
      const share = Math.min(1, (elapsed + (Date.now() - (readAt.get(arm) ?? Date.now())) / 1000) / of);
      arm.setAttribute("transform", `rotate(${(from + share * (to - from)).toFixed(2)} 222 28)`);
    }
  };

  const showLamp = (state, text) => {
    const element = document.getElementById("lamp");
    if (!element) return;
    element.hidden = false;
    element.dataset.state = state;
    setText(element, text);
  };

  const connectionLost = (event) => {
    if (event.target.id !== "lamp") return;
    if (event.detail?.status === 401) location.reload();
    showLamp("lost", "Offline");
  };

  const sendZone = () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || document.cookie.split("; ").includes(`zone=${zone}`)) return false;
    document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    return true;
  };
  const newZone = sendZone(); // before any part is fetched
  const showInZone = () => {
    if (document.querySelector("[data-zoned]")) location.reload();
    else for (const part of document.querySelectorAll("[data-stale-in]")) fetchSoon(part, 0);
  };

  let toastTimer;
  const toast = (message, undo) => {
    const element = document.getElementById("toast");
    if (!element || !message) return;
    setText(element, message);
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => setText(element, ""), undo ? 20000 : 8000);
    if (!undo) return;
    const button = document.createElement("button");
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      setText(element, "");
      htmx.ajax("POST", undo, { source: document.body, swap: "none" });
    });
    element.append(button);
  };

  // The form that an answer belongs to. A live page may have taken it away meanwhile: then htmx only notifies the document.
  const formOf = (event) => {
    const element = event.detail?.ctx?.sourceElement ?? event.target;
    return element.matches?.("form") ? element : undefined;
  };

  const formFailed = (event) => {
    if (!formOf(event)) return;
    toast(event.detail?.ctx?.text || "tonearm isn't responding. Try again in a moment.");
  };

  // A button that is disabled while its form is sent, or that disappears with its row, loses the keyboard's focus.
  let lastFocus; // the element that had the focus, and the ids round it: its row, the rows beside it, their containers
  const FOCUSABLE = ["[aria-current]", "a[href], button"];
  const idsAround = (element) => {
    const row = element.closest("[id]");
    const around = [row, row?.nextElementSibling, row?.previousElementSibling];
    for (let at = row?.parentElement?.closest("[id]"); at; at = at.parentElement?.closest("[id]")) around.push(at);
    return around.map((neighbour) => neighbour?.id).filter(Boolean);
  };
  const focusableIn = (id) => {
    const container = document.getElementById(id);
    return container && FOCUSABLE.map((selector) => container.querySelector(selector)).find(Boolean);
  };
  const keepFocus = () => {
    if (!lastFocus || document.activeElement !== document.body || !document.hasFocus()) return;
    const { element, around } = lastFocus;
    const target = element.isConnected ? element : around.map(focusableIn).find(Boolean);
    target?.focus({ preventScroll: true });
  };

  // The many links of a chart are one stop of the Tab key; the arrow keys go from one to the next.
  const links = (group) => [...group.querySelectorAll("a[href]")];
  const oneStop = (root) => {
    const groups = [...root.querySelectorAll("[data-one-stop]")];
    if (root.matches?.("[data-one-stop]")) groups.push(root);
    for (const group of groups) {
      const all = links(group);
      const stop = all.includes(document.activeElement) ? document.activeElement : all.at(-1);
      for (const link of all) link.setAttribute("tabindex", link === stop ? "0" : "-1");
    }
  };
  const middle = (link) => {
    const box = link.firstElementChild.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const next = (from, all, key) => {
    if (key === "Home") return all[0];
    if (key === "End") return all.at(-1);
    const [right, down] = DIRECTIONS[key];
    const [x, y] = middle(from);
    let [nearest, distance] = [undefined, Infinity];
    for (const link of all) {
      const [dx, dy] = middle(link).map((at, axis) => at - [x, y][axis]);
      const [ahead, aside] = right ? [dx * right, Math.abs(dy)] : [dy * down, Math.abs(dx)];
      if (ahead > 1 && ahead + aside * 8 < distance) [nearest, distance] = [link, ahead + aside * 8];
    }
    return nearest;
  };
  const arrowKey = (event) => {
    const group = event.target.closest?.("[data-one-stop]");
    if (!group || !(event.key in DIRECTIONS || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    next(event.target, links(group), event.key)?.focus();
    oneStop(group);
  };

  const showThreshold = () => {
    const slider = document.getElementById("percent");
    if (!slider) return;
    setText(document.getElementById("percent-shown"), `${slider.value}%`);
    for (const example of document.querySelectorAll("[data-length]")) {
      const max = Number(example.closest("[data-max]").dataset.max);
      setText(example, clock(Math.min(max, (Number(example.dataset.length) * slider.value) / 100)));
    }
  };

  const formDone = (event) => {
    const form = formOf(event);
    const { response, text } = event.detail?.ctx ?? {};
    if (!form || !(response?.status < 400)) return;
    const message = response.headers?.get("content-type")?.startsWith("text/plain") ? text : "";
    toast(message || form.dataset.done, response.headers?.get("tonearm-undo"));
  };

  const requestFailed = (event) => {
    formFailed(event);
    if (event.target.matches?.("[data-stale-in]")) fetchSoon(event.target, 5000);
    if (event.target.id !== "lamp") return; // the rest is for a stream that could not be opened
    connectionLost(event);
    streamAsked = false;
    setTimeout(openStream, 5000);
  };

  // A browser makes at most six connections to a host: a tab that was opened in the background takes none until it is seen.
  // The extension itself releases the stream of a tab that is left, and takes it up again.
  let streamAsked = false;
  const openStream = () => {
    const lamp = document.getElementById("lamp");
    if (!lamp || document.hidden || streamAsked) return;
    streamAsked = true;
    htmx.trigger(lamp, "open");
  };

  for (const name of EVENTS) {
    document.addEventListener(name, () => {
      for (const part of document.querySelectorAll(`[data-events~="${name}"]`)) fetchSoon(part, Number(part.dataset.gather ?? GATHER) * 1000);
    });
  }
  document.addEventListener("htmx:sse:after:connection", () => showLamp("live", "Live"));
  document.addEventListener("htmx:sse:error", connectionLost);
  document.addEventListener("htmx:sse:close", connectionLost);
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) connectionLost(event);
  });
  document.addEventListener("htmx:error", requestFailed);
  document.addEventListener("htmx:response:error", requestFailed);
  document.addEventListener("htmx:after:request", formDone);
  document.addEventListener("htmx:finally:request", () => setTimeout(keepFocus));
  document.addEventListener("pointerdown", () => { lastFocus = undefined; });
  document.addEventListener("focusin", ({ target }) => { lastFocus = { element: target, around: idsAround(target) }; });
  document.addEventListener("keydown", arrowKey);
  document.addEventListener("input", showThreshold);
  document.addEventListener("htmx:after:swap", (event) => {
    readPart(event.target);
    setTimeout(keepFocus);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    openStream();
    for (const part of document.querySelectorAll("[data-stale-in]")) fetchSoon(part, 0);
  });
  // Shows that a page is loading. A page from the browser's back/forward cache starts without it.
  addEventListener("beforeunload", () => document.body.classList.add("busy"));
  addEventListener("pageshow", () => document.body.classList.remove("busy"));
  document.addEventListener("DOMContentLoaded", () => {
    if (newZone) showInZone();
    document.querySelector(".filters [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    showLamp("waiting", "Connecting");
    openStream();
    readPart(document);
    setInterval(tick, 1000);
    navigator.serviceWorker?.register(`${document.documentElement.dataset.root}/worker.js`).catch(() => {}); // only over HTTPS
  });
})();
