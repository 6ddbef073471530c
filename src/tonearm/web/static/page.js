"use strict";
// Keeps the open page true: fetches a part anew when an event concerns it or when it says that it is stale,
// counts waits and tracks along, tells moments in the reader's own time, and lets the lamp say whether this is live.
// It also tells the service the reader's time zone (for days and hours in statistics) and shows what a form was refused for.
(() => {
  const GATHER = 0.15; // seconds in which several events make one fetch, unless a part says otherwise
  const THIS_WEEK = 6 * 86400000; // milliseconds for which the name of a day says which day it is
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const EVENTS = ["auth", "now-playing", "scrobble-status", "queue-updated", "import-progress"].map((name) => `lastfm:${name}`);
  const seen = new WeakMap(); // element -> when its numbers were true
  const due = new Map(); // id of a part -> timer of its next fetch

  const two = (number) => String(number).padStart(2, "0");

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
    if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
    return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  };

  const moment = (at, full) => {
    const past = at.getFullYear() !== new Date().getFullYear();
    const day = `${at.getDate()} ${MONTHS[at.getMonth()]}${past ? ` ${at.getFullYear()}` : ""}`;
    return past && !full ? day : `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
  };

  const by = (at) => {
    const day = DAYS[at.getDay()];
    const date = at - Date.now() < THIS_WEEK ? "" : ` ${at.getDate()} ${MONTHS[at.getMonth()]}`;
    return `${day}${date} ${two(at.getHours())}:${two(at.getMinutes())}`;
  };

  const write = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };

  const fetchSoon = (part, wait) => {
    const { at, timer } = due.get(part.id) ?? {};
    const then = Date.now() + wait;
    if (timer && at <= then) return;
    clearTimeout(timer);
    const fetchNow = () => {
      due.delete(part.id);
      const there = document.getElementById(part.id);
      if (there && !document.hidden) htmx.trigger(there, "stale");
    };
    due.set(part.id, { at: then, timer: setTimeout(fetchNow, wait) });
  };

  const read = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      const said = { by: () => by(at), time: () => `${two(at.getHours())}:${two(at.getMinutes())}` };
      const kind = Object.keys(said).find((name) => name in time.dataset);
      write(time, kind ? said[kind]() : moment(at, "full" in time.dataset));
    }
    for (const element of root.querySelectorAll("[data-in], [data-ago], [data-left], [data-clock], [data-elapsed], [data-arm]")) seen.set(element, Date.now());
    const parts = [...root.querySelectorAll("[data-stale-in]")];
    if (root.matches?.("[data-stale-in]")) parts.push(root);
    for (const part of parts) fetchSoon(part, Math.min(Number(part.dataset.staleIn) * 1000, 3600000));
    oneStop(root);
    const titled = document.querySelector("[data-title]");
    if (titled) document.title = titled.dataset.title;
    tick();
  };

  const tick = () => {
    const since = (element) => (Date.now() - (seen.get(element) ?? Date.now())) / 1000;
    for (const element of document.querySelectorAll("[data-in]")) {
      write(element, `in ${span(Number(element.dataset.in) - since(element))}`);
    }
    for (const element of document.querySelectorAll("[data-ago]")) {
      write(element, `${span(Number(element.dataset.ago) + since(element))} ago`);
    }
    for (const element of document.querySelectorAll("[data-left]")) {
      write(element, span(Number(element.dataset.left) - since(element)));
    }
    for (const element of document.querySelectorAll("[data-clock]")) {
      const most = Number(element.dataset.most ?? Infinity);
      write(element, clock(Math.min(most, Number(element.dataset.clock) + since(element))));
    }
    turn();
    for (const bar of document.querySelectorAll("[data-elapsed]")) {
      const share = (Number(bar.dataset.elapsed) + since(bar)) / Number(bar.dataset.of);
      bar.querySelector(".done").setAttribute("width", `${Math.min(100, share * 100).toFixed(2)}%`);
    }
  };

  const turn = () => {
    for (const arm of document.querySelectorAll("[data-arm]")) {
      const [from, to, of, elapsed] = ["from", "to", "of", "arm"].map((name) => Number(arm.dataset[name]));
      const share = Math.min(1, (elapsed + (Date.now() - (seen.get(arm) ?? Date.now())) / 1000) / of);
      arm.setAttribute("transform", `rotate(${(from + share * (to - from)).toFixed(2)} 222 28)`);
    }
  };

  const lamp = (state, words) => {
    const element = document.getElementById("lamp");
    if (!element) return;
    element.hidden = false;
    element.dataset.state = state;
    write(element, words);
  };

  const lost = (event) => {
    if (event.target.id !== "lamp") return;
    if (event.detail?.status === 401) location.reload();
    lamp("lost", "Offline");
  };

  const tellZone = () => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || document.cookie.split("; ").includes(`zone=${zone}`)) return;
    document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    if (document.querySelector("[data-zoned]")) location.reload();
  };

  let toastTimer;
  const toast = (words, undo) => {
    const element = document.getElementById("toast");
    if (!element || !words) return;
    write(element, words);
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => write(element, ""), undo ? 20000 : 8000);
    if (!undo) return;
    const button = document.createElement("button");
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      write(element, "");
      htmx.ajax("POST", undo, { source: document.body, swap: "none" });
    });
    element.append(button);
  };

  // The form that an answer belongs to. A live page may have taken it away meanwhile: then htmx tells the document alone.
  const formOf = (event) => {
    const element = event.detail?.ctx?.sourceElement ?? event.target;
    return element.matches?.("form") ? element : undefined;
  };

  const refused = (event) => {
    if (!formOf(event)) return;
    toast(event.detail?.ctx?.text || "tonearm isn't responding. Try again in a moment.");
  };

  // A button that is switched off while its form is on its way, or that goes with what it did, loses the keyboard's place.
  let last; // the element that had the focus, and the ids of where it stands: its row, the rows beside it, what they are in
  const WITHIN = ["[aria-current]", "a[href], button"];
  const places = (element) => {
    const row = element.closest("[id]");
    const around = [row, row?.nextElementSibling, row?.previousElementSibling];
    for (let at = row?.parentElement?.closest("[id]"); at; at = at.parentElement?.closest("[id]")) around.push(at);
    return around.map((one) => one?.id).filter(Boolean);
  };
  const within = (place) => {
    const there = document.getElementById(place);
    return there && WITHIN.map((what) => there.querySelector(what)).find(Boolean);
  };
  const stay = () => {
    if (!last || document.activeElement !== document.body || !document.hasFocus()) return;
    const { element, around } = last;
    const there = element.isConnected ? element : around.map(within).find(Boolean);
    there?.focus({ preventScroll: true });
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
    let [best, least] = [undefined, Infinity];
    for (const link of all) {
      const [dx, dy] = middle(link).map((at, place) => at - [x, y][place]);
      const [ahead, aside] = right ? [dx * right, Math.abs(dy)] : [dy * down, Math.abs(dx)];
      if (ahead > 1 && ahead + aside * 8 < least) [best, least] = [link, ahead + aside * 8];
    }
    return best;
  };
  const step = (event) => {
    const group = event.target.closest?.("[data-one-stop]");
    if (!group || !(event.key in DIRECTIONS || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    next(event.target, links(group), event.key)?.focus();
    oneStop(group);
  };

  const slide = () => {
    const slider = document.getElementById("percent");
    if (!slider) return;
    write(document.getElementById("percent-shown"), `${slider.value} %`);
    for (const example of document.querySelectorAll("[data-length]")) {
      const most = Number(example.closest("[data-most]").dataset.most);
      write(example, clock(Math.min(most, (Number(example.dataset.length) * slider.value) / 100)));
    }
  };

  const done = (event) => {
    const form = formOf(event);
    const { response, text } = event.detail?.ctx ?? {};
    if (!form || !(response?.status < 400)) return;
    const said = response.headers?.get("content-type")?.startsWith("text/plain") ? text : "";
    toast(said || form.dataset.done, response.headers?.get("tonearm-undo"));
  };

  const failed = (event) => {
    refused(event);
    if (event.target.matches?.("[data-stale-in]")) fetchSoon(event.target, 5000);
    if (event.target.id !== "lamp") return; // what follows is about a stream that did not even begin
    lost(event);
    setTimeout(() => htmx.trigger(event.target, "again"), 5000);
  };

  for (const name of EVENTS) {
    document.addEventListener(name, () => {
      for (const part of document.querySelectorAll(`[data-hears~="${name}"]`)) fetchSoon(part, Number(part.dataset.gather ?? GATHER) * 1000);
    });
  }
  document.addEventListener("htmx:sse:after:connection", () => lamp("live", "Live"));
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:close", lost);
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) lost(event);
  });
  document.addEventListener("htmx:error", failed);
  document.addEventListener("htmx:response:error", failed);
  document.addEventListener("htmx:after:request", done);
  document.addEventListener("htmx:finally:request", () => setTimeout(stay));
  document.addEventListener("pointerdown", () => { last = undefined; });
  document.addEventListener("focusin", ({ target }) => { last = { element: target, around: places(target) }; });
  document.addEventListener("keydown", step);
  document.addEventListener("input", slide);
  document.addEventListener("htmx:after:swap", (event) => {
    read(event.target);
    setTimeout(stay);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const part of document.querySelectorAll("[data-stale-in]")) fetchSoon(part, 0);
  });
  // A sign of life while a page is on its way. One that comes from the browser's memory begins without it.
  addEventListener("beforeunload", () => document.body.classList.add("busy"));
  addEventListener("pageshow", () => document.body.classList.remove("busy"));
  document.addEventListener("DOMContentLoaded", () => {
    tellZone();
    document.querySelector(".filters [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    lamp("waiting", "Connecting");
    read(document);
    setInterval(tick, 1000);
  });
})();
