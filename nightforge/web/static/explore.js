/* The course of a campaign to look into: crosshair, zoom, another scale, a click for the candidate. The picture that the
   server drew stays what is read without this file, and comes back with one press. */
(() => {
  "use strict";
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // A token may be `light-dark(a, b)`, which only the style engine resolves; canvas needs the colour itself.
  function colour(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }
  const digits = (value) => value == null ? "–" : Number(value.toPrecision(4)).toString();

  function columns(course) {
    const at = course.ordinals, best = [];
    let step = -1;
    for (const ordinal of at) {
      while (step + 1 < course.steps.length && course.steps[step + 1].at <= ordinal) step += 1;
      best.push(step < 0 ? null : course.steps[step].value);
    }
    const level = (value) => at.map(() => value);
    return [at, course.values, best, level(course.baseline), level(course.roof)];
  }

  function draw(box, course, log) {
    const muted = colour("--muted"), line = colour("--line"), font = `11px ${token("--sans")}`;
    const axis = {stroke: muted, font, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}};
    const title = course.unit ? `${course.metric} (${course.unit})` : course.metric;
    const value = (_, shown) => digits(shown);
    const series = [
      {label: "candidate", value: (_, shown) => shown == null ? "–" : `.${shown}`},
      {label: title, stroke: muted, paths: () => null, points: {show: true, size: 3.2, width: 0, fill: muted}, value},
      {label: "best so far", stroke: colour("--ember"), width: 2, paths: uPlot.paths.stepped({align: 1}), points: {show: false}, value},
      {label: "baseline", stroke: colour("--steel"), dash: [5, 4], points: {show: false}, value, show: course.baseline != null},
      {label: "roof", stroke: muted, dash: [1, 4], points: {show: false}, value, show: course.roof != null && course.roof_is_near},
    ];
    const plot = new uPlot({
      width: box.clientWidth, height: 320, series,
      scales: {x: {time: false}, y: log ? {distr: 3} : {}},
      axes: [{...axis, values: (_, shown) => shown.map((one) => Number.isInteger(one) ? one.toLocaleString("en") : "")}, {...axis, size: 56}],
      cursor: {points: {size: 8}, drag: {x: true, y: false}},
    }, columns(course), box);
    plot.over.addEventListener("click", () => {
      const {idx, left, top} = plot.cursor;
      if (idx == null || left < 0 || top < 0 || plot.select.width > 0) return;
      location.href = `/c/${course.campaign_id}/${course.ordinals[idx]}`;
    });
    return plot;
  }

  async function explore(button) {
    const card = button.closest("section"), picture = card.querySelector(".plotbox");
    const old = card.querySelector(".explored");
    // What somebody looks into is not redrawn under the hand.
    [card, card.parentElement].forEach((part) => part.toggleAttribute("hx-morph-skip", !old));
    if (old) {
      old.remove();
      picture.hidden = false;
      button.textContent = "Explore";
      return;
    }
    const answer = await fetch(button.dataset.explore, {headers: {accept: "application/json"}});
    if (!answer.ok) return;
    const course = await answer.json();
    const box = document.createElement("div"), scale = document.createElement("button");
    box.className = "explored";
    scale.type = "button";
    scale.textContent = "Logarithmic";
    scale.hidden = !course.values.every((value) => value == null || value > 0);
    picture.hidden = true;
    picture.after(box);
    let log = false, plot = draw(box, course, log);
    scale.addEventListener("click", () => {
      log = !log;
      scale.textContent = log ? "Linear" : "Logarithmic";
      plot.destroy();
      plot = draw(box, course, log);
      box.append(scale);
    });
    box.append(scale);
    button.textContent = "Back to the picture";
    new ResizeObserver(() => { if (box.isConnected) plot.setSize({width: box.clientWidth, height: 320}); }).observe(box);
  }

  const reveal = () => document.querySelectorAll("[data-explore][hidden]").forEach((button) => { button.hidden = false; });
  reveal();
  document.body.addEventListener("htmx:after:swap", reveal);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-explore]");
    if (button) explore(button);
  });
})();
