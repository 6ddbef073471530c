"use strict";
// The days of the history as a chart to zoom into: drag across it, and the statistics of that time are a click away.
(() => {
  const DAY = 86400;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const HEIGHT = 190;
  const MONTHS_OF = new Map([[28, 1], [91, 3], [182, 6], [365, 12], [730, 24], [1825, 60]].map(([days, months]) => [days * DAY, months]));
  const STEPS = [1, 2, 3, 7, 14].map((days) => days * DAY).concat([...MONTHS_OF.keys()]);
  const COUNTS = [1, 10, 100, 1000].flatMap((unit) => [unit, 2 * unit, 5 * unit]);

  const iso = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const dateText = (seconds) => {
    const day = new Date(seconds * 1000);
    return `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`;
  };
  const tickPlaces = (min, max, step) => {
    const months = MONTHS_OF.get(step);
    const ticks = [];
    if (!months) {
      for (let at = Math.ceil(min / DAY) * DAY; at <= max; at += step) ticks.push(at);
      return ticks;
    }
    const begin = new Date(min * 1000);
    let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth();
    for (month -= month % months; ; month += months) {
      const at = Date.UTC(Math.floor(month / 12), month % 12, 1) / 1000;
      if (at > max) return ticks;
      if (at >= min) ticks.push(at);
    }
  };
  const tick = (at, number, step) => {
    const day = new Date(at * 1000);
    const [month, year] = [day.getUTCMonth(), day.getUTCFullYear()];
    if (!MONTHS_OF.has(step)) return `${day.getUTCDate()} ${MONTHS[month]}`;
    if (step >= 365 * DAY) return String(year);
    return number === 0 || month === 0 ? `${MONTHS[month]} ${year}` : MONTHS[month];
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const played = (count) => (count === 1 ? "1 play" : `${count.toLocaleString("en")} plays`);

  // uPlot only handles the mouse: a finger that moves sideways is passed to it as mouse events.
  const passTouches = (over) => {
    const forward = (name, target) => (event) => {
      if (event.pointerType === "mouse") return;
      const { clientX, clientY } = event;
      target.dispatchEvent(new MouseEvent(name, { bubbles: true, clientX, clientY, movementX: 1, view: window }));
    };
    over.addEventListener("pointerdown", forward("mousedown", over));
    over.addEventListener("pointermove", forward("mousemove", over));
    over.addEventListener("pointerup", forward("mouseup", document));
    over.addEventListener("pointercancel", forward("mouseup", document));
  };

  const draw = (container, { first, counts }) => {
    const from = Date.parse(container.dataset.first) / 1000;
    const to = Date.parse(container.dataset.last) / 1000;
    const days = counts.map((_, number) => (first + number) * DAY);
    const begin = Math.max(0, days.findIndex((at) => at >= from));
    const end = days.findLastIndex((at) => at <= to) + 1;
    const xs = days.slice(begin, end);
    const ys = counts.slice(begin, end);
    if (xs.length < 2) return;
    const plot = container.querySelector(".zoom-plot");
    const label = container.querySelector("#zoom-label");
    const out = container.querySelector("#zoom-out");
    const go = container.querySelector("#zoom-go");
    const hint = label.textContent;
    const whole = [xs[0] - DAY / 2, xs.at(-1) + DAY / 2];

    const showRange = (chart) => {
      const { min, max } = chart.scales.x;
      if (min == null) return;
      const zoomed = max - min < whole[1] - whole[0] - 1;
      out.hidden = go.hidden = !zoomed;
      const low = xs.find((at) => at >= min) ?? xs[0];
      const high = xs.findLast((at) => at <= max) ?? xs.at(-1);
      let sum = 0;
      xs.forEach((at, number) => { if (at >= low && at <= high) sum += ys[number]; });
      label.textContent = zoomed ? `${dateText(low)} to ${dateText(high)}: ${played(sum)}` : hint;
      go.href = `${document.querySelector(".brand").pathname}history?period=${iso(low)}..${iso(high)}`;
    };

    const makeChart = () => {
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false }, font: "13px system-ui, sans-serif" };
      const chart = new uPlot(
        {
          width: plot.clientWidth,
          height: HEIGHT,
          tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
          padding: [8, 16, 0, 0],
          legend: { show: false },
          cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: true } },
          scales: { x: { min: whole[0], max: whole[1] }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
          axes: [
            { ...axis, grid: { show: false }, size: 30, space: 70, incrs: STEPS, splits: (_, __, min, max, step) => tickPlaces(min, max, step), values: (_, ats, __, ___, step) => ats.map((at, number) => tick(at, number, step)) },
            { ...axis, size: 42, incrs: COUNTS },
          ],
          series: [{}, { stroke: colour("--bar"), fill: colour("--bar"), width: 0, paths: uPlot.paths.bars({ size: [0.82, 40], align: 0 }), points: { show: false } }],
          hooks: {
            setScale: [(chart, key) => { if (key === "x") showRange(chart); }],
            setCursor: [(chart) => {
              const at = chart.cursor.idx;
              if (at != null && out.hidden) label.textContent = `${dateText(xs[at])}: ${played(ys[at])}`;
            }],
          },
        },
        [xs, ys],
        plot,
      );
      passTouches(chart.over);
      return chart;
    };

    let chart = makeChart();
    out.addEventListener("click", () => chart.setScale("x", { min: whole[0], max: whole[1] }));
    new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: HEIGHT })).observe(plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      const { min, max } = chart.scales.x;
      chart.destroy();
      chart = makeChart();
      chart.setScale("x", { min, max });
    });
  };

  document.addEventListener("DOMContentLoaded", async () => {
    const container = document.getElementById("zoom");
    if (!container) return;
    const answer = await fetch(container.dataset.counts);
    if (answer.ok) draw(container, await answer.json());
  });
})();
