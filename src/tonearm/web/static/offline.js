"use strict";
// On the offline page: what was waiting when tonearm was last reached, and the page that was wanted as soon as it can be.
(() => {
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const TRY = 10000; // milliseconds between two attempts
  const root = document.documentElement.dataset.root;

  const show = () => {
    let known;
    try {
      known = JSON.parse(localStorage.getItem(`tonearm-waiting${root}`));
    } catch {
      return;
    }
    if (!known || !Number.isInteger(known.waiting) || !(known.at > 0)) return;
    const at = new Date(known.at);
    const time = `${at.getDate()} ${MONTHS[at.getMonth()]} ${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
    const plays = known.waiting === 1 ? "1 play was" : `${known.waiting.toLocaleString("en")} plays were`;
    const text = known.waiting
      ? `When this browser last reached it, on ${time}, ${plays} waiting. They're saved there, and are sent without this page.`
      : `When this browser last reached it, on ${time}, nothing was waiting.`;
    document.getElementById("last").textContent = text;
  };

  const again = async () => {
    if (document.hidden) return;
    try {
      if ((await fetch(`${root}/health`, { cache: "no-store" })).ok) location.reload();
    } catch { /* still away */ }
  };

  addEventListener("online", again);
  document.addEventListener("visibilitychange", again);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("again").href = location.href;
    setInterval(again, TRY);
  });
})();
