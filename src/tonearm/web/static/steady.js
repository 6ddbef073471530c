"use strict";
// What is read stays where it is when something comes above it; what has to move slides, or fades in for less motion.
(() => {
  const MOVERS = "main > :not(.tint), footer, main section, .head, .head > *, .head p, .cards > *, .names > *, .with-heart > *, .line > *, .line > div > *, td.why, .filters, .filters > a, .sheet-foot, tbody > tr, .tracks > li, .steps > li, .most li";
  const SLIDE = 240; // milliseconds
  const FADE = 160;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const moving = new Map(); // element -> by how much it is away from its place, or that it fades in, and since when
  let before; // element -> where the reader last saw it, of what is in view or near it
  let swaps = 0; // parts that are being swapped in
  let drawing = false;

  const clear = (element) => {
    for (const name of ["transform", "opacity"]) element.style.removeProperty(name);
    if (!element.getAttribute("style")) element.removeAttribute("style");
  };

  // Not an animation of the browser: a move that another one interrupts begins where it is seen.
  const draw = (now) => {
    for (const [element, { x, y, fades, since }] of moving) {
      const left = 1 - Math.max(0, now - since) / (fades ? FADE : SLIDE);
      if (left <= 0 || !element.isConnected) {
        moving.delete(element);
        clear(element);
      } else if (fades) element.style.opacity = (1 - left).toFixed(3);
      else element.style.transform = `translate(${(x * left ** 3).toFixed(2)}px, ${(y * left ** 3).toFixed(2)}px)`;
    }
    drawing = moving.size > 0;
    if (drawing) requestAnimationFrame(draw);
  };

  const move = (element, x, y) => {
    moving.set(element, { x, y, fades: still.matches, since: performance.now() });
    if (still.matches) element.style.opacity = 0;
    else element.style.transform = `translate(${x}px, ${y}px)`;
    if (!drawing) requestAnimationFrame(draw);
    drawing = true;
  };

  const remember = () => {
    before = new Map();
    for (const element of document.querySelectorAll(MOVERS)) {
      const box = element.getBoundingClientRect();
      if (box.width && box.bottom > -innerHeight && box.top < 2 * innerHeight) before.set(element, box);
    }
    requestAnimationFrame(() => { // the last moment before it is seen
      settle();
      before = undefined;
      if (swaps) remember();
    });
  };

  const keepPlace = () => {
    if (scrollY <= 0) return;
    for (const [element, { top }] of before) {
      if (top < 0 || top > innerHeight || !element.isConnected) continue;
      const moved = element.getBoundingClientRect().top - top;
      if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
      return;
    }
  };

  const settle = () => {
    if (!before) return;
    for (const element of moving.keys()) clear(element);
    keepPlace();
    const moves = new Map(); // element -> by how much it would have to move to be where it was
    for (const [element, was] of before) {
      if (!element.isConnected) continue;
      const box = element.getBoundingClientRect();
      moves.set(element, [was.left - box.left, was.top - box.top]);
    }
    for (const element of moving.keys()) if (!moves.has(element)) moving.delete(element);
    for (const [element, away] of moves) {
      const around = moves.get(element.parentElement?.closest(MOVERS)) ?? [0, 0];
      const [x, y] = away.map((by, axis) => by - around[axis]);
      if (Math.abs(x) >= 1 || Math.abs(y) >= 1) move(element, x, y);
      else if (moving.get(element)?.fades) element.style.opacity = 0;
      else moving.delete(element);
    }
  };

  document.addEventListener("htmx:before:swap", () => {
    swaps += 1;
    if (!before && !document.hidden) remember();
  });
  document.addEventListener("htmx:after:swap", settle);
  document.addEventListener("htmx:finally:swap", () => { swaps -= 1; });
})();
