"use strict";
// What is read stays where it is when something comes above it; what has to move slides, or fades in for less motion.
// Words cannot slide within their lines: where they become others, these fade in.
(() => {
  const WORDS = "main p, td.why, .who";
  const PARTS = "main > :not(.tint, #toast)"; // without what stays in the window
  const MOVERS = `${WORDS}, ${PARTS}, ${PARTS} > *, footer, main section, .head, .head > *, .cards > *, .names > *, .with-heart > *, .line > *, .line > div > *, .banner, .banner > *, .aside > *, td.acts, .filters, .filters > a, .sheet-foot, tbody > tr, .tracks > li, .steps > li, .most li`;
  const KEPT = "[id], form, button, input"; // what a reader may be using
  const COUNTING = "time, .count, [data-clock]"; // what page.js writes
  const SLIDE = 240; // milliseconds
  const FADE = 160;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const moving = new Map(); // element -> by how much it is away from its place, or that it fades in, and since when
  const reworded = new Set(); // elements whose words have become others since then
  let before; // element -> where the reader last saw it, of what is in view or near it
  let place = 0; // how far the page was scrolled then, and by what keeps its place since
  let swaps = 0; // parts that are being swapped in
  let drawing = false;

  const clear = (element) => {
    for (const name of ["transform", "opacity"]) element.style.removeProperty(name);
    if (!element.getAttribute("style")) element.removeAttribute("style");
  };

  const show = (element, { x, y, fades }, left) => {
    if (fades) element.style.opacity = (1 - left).toFixed(3);
    else element.style.transform = `translate(${(x * left ** 3).toFixed(2)}px, ${(y * left ** 3).toFixed(2)}px)`;
  };

  const leftOf = ({ fades, since }, now) => 1 - Math.max(0, now - since) / (fades ? FADE : SLIDE);

  // Not an animation of the browser: a move that another one interrupts begins where it is seen.
  const draw = (now) => {
    for (const [element, way] of moving) {
      const left = leftOf(way, now);
      if (left > 0 && element.isConnected) show(element, way, left);
      else {
        moving.delete(element);
        clear(element);
      }
    }
    drawing = moving.size > 0;
    if (drawing) requestAnimationFrame(draw);
  };

  const move = (element, x, y, fades = still.matches) => {
    const way = { x, y, fades, since: performance.now() };
    moving.set(element, way);
    show(element, way, 1);
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  };

  const remember = () => {
    before = new Map();
    place = scrollY;
    for (const element of document.querySelectorAll(MOVERS)) {
      const box = element.getBoundingClientRect();
      if (box.width && box.bottom > -innerHeight && box.top < 2 * innerHeight) before.set(element, box);
    }
    requestAnimationFrame(() => { // the last moment before it is seen
      settle();
      before = undefined;
      reworded.clear();
      if (swaps) remember();
    });
  };

  // By how much the reader has scrolled meanwhile, which is not undone. At its end, a page that is shorter now has done it.
  const scrolled = () => {
    const by = scrollY - place;
    return by < 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 1 ? 0 : by;
  };

  const keepPlace = (by) => {
    if (scrollY <= 0) return;
    for (const [element, { top }] of before) {
      if (top < 0 || top > innerHeight || !element.isConnected) continue;
      const moved = element.getBoundingClientRect().top - (top - by);
      const from = scrollY;
      if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
      place += scrollY - from;
      return;
    }
  };

  const settle = () => {
    if (!before) return;
    for (const element of moving.keys()) clear(element);
    const by = scrolled();
    keepPlace(by);
    const moves = new Map(); // element -> by how much it would have to move to be where it was
    for (const [element, was] of before) {
      if (!element.isConnected) continue;
      const box = element.getBoundingClientRect();
      moves.set(element, [was.left - box.left, was.top - by - box.top]);
    }
    for (const element of moving.keys()) if (!moves.has(element)) moving.delete(element);
    for (const [element, away] of moves) {
      const around = moves.get(element.parentElement?.closest(MOVERS)) ?? [0, 0];
      const [x, y] = away.map((by, axis) => by - around[axis]);
      const way = moving.get(element);
      if (reworded.has(element)) move(element, 0, 0, true);
      else if (Math.abs(x) >= 1 || Math.abs(y) >= 1) move(element, x, y);
      else if (way?.fades) show(element, way, Math.max(0, leftOf(way, performance.now())));
      else moving.delete(element);
    }
  };

  const watch = () => {
    if (!before && !document.hidden) remember();
  };

  const wordsOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/\d[\d,.]*/g, "0").replace(/\s+/g, " ");
    return node.matches?.(COUNTING) ? "" : [...node.childNodes].map(wordsOf).join("");
  };

  // htmx would make a sentence of another one that stood elsewhere, which moves it: other words are new ones.
  const reword = (element, changed) => {
    if (!element.matches(WORDS) || element.querySelector(KEPT) || element.contains(document.activeElement)) return;
    const words = wordsOf(element).trim();
    if (!words || words === wordsOf(changed).trim()) return;
    element.replaceChildren();
    if (before) reworded.add(element);
  };

  htmx.registerExtension("steady", { htmx_before_morph_node: (_, { oldNode, newNode }) => reword(oldNode, newNode) });

  document.addEventListener("htmx:before:swap", () => {
    swaps += 1;
    watch();
  });
  document.addEventListener("tonearm:before:text", watch);
  document.addEventListener("htmx:after:swap", settle);
  document.addEventListener("htmx:finally:swap", () => { swaps -= 1; });
})();
