// The map of a day: what is selected, shown and coloured, and the controls that change it.
//
// Titles were written by hostile people: they reach the page as text only, never as markup.

import { anchors, at, enclosed, load, View } from "./map/data.js";
import { FADED, HIDDEN, Painter, RINGED } from "./map/gl.js";
import { Lasso } from "./map/lasso.js";
import { count, List, make, many } from "./map/list.js";
import { Overlay } from "./map/overlay.js";
import { listen, listenToKeys } from "./map/pointer.js";
import { bytes, looks, swatch } from "./map/shapes.js";
import { Tip } from "./map/tip.js";

const box = document.getElementById("map-page");
const part = (name) => document.getElementById(`map-${name}`);
const canvas = part("points");
const dark = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let painter = null;
let again = () => {};
try {
  painter = new Painter(canvas, () => again()); // while the data is on its way
} catch (error) {
  complain(`${error.message} So there is no map, but every campaign is in the list.`);
}
load(box).then(start).catch((error) => complain(`The map could not be loaded. ${error.message}`));

function complain(message) {
  part("problem").textContent = message;
  part("problem").hidden = false;
  part("frame").classList.add("broken");
  box.setAttribute("aria-busy", "false");
}

function start({ points, campaigns, palette, shapes }) {
  const view = new View();
  const anchor = anchors(points, campaigns);
  const bySize = campaigns.map((_, place) => place).filter((place) => anchor[place] >= 0)
    .sort((a, b) => campaigns[b].prompts - campaigns[a].prompts || a - b);
  const words = campaigns.map((c) => `${c.title}\n${c.id}\n${c.objective}\n${c.head}`.toLowerCase());
  const shown = campaigns.map(() => true);
  const tiers = new Set(["actionable", "review", "benign"]);
  const list = new List(part("list"), part("more"), campaigns, {
    spot: (place, move) => spotted(place, move), placed: (place) => anchor[place] >= 0,
  });
  const overlay = new Overlay(part("names"));
  const tip = new Tip(part("tip"), points, campaigns);
  const lasso = new Lasso(view, lassoed, (path) => select(enclosed(points, shown, path)));

  let look = []; // [colour, shape] of each campaign
  let hues = []; // those of marks in the present colour scheme
  let colours = {}, rgb = {}; // those of the page as CSS says them, and all as bytes
  let selected = null; // campaigns, open points and their prompts, or null: nothing is selected
  let hover = -1; // the point under the pointer
  let spot = -1; // the campaign that the list points at
  let reserved = []; // where no name goes
  let queued = false;

  // -- drawing ---------------------------------------------------------------------------------------

  const pointed = () => (spot >= 0 ? spot : hover >= points.open ? points.campaign[hover] : -1);

  function readColours() {
    const style = getComputedStyle(box);
    const said = (name) => style.getPropertyValue(`--${name}`).trim();
    colours = { page: said("page"), ink: said("ink"), focus: said("focus"), field: said("field") };
    rgb = Object.fromEntries(Object.entries(colours).map(([name, colour]) => [name, bytes(colour)]));
    hues = palette[dark.matches ? "dark" : "light"];
    rgb.marks = hues.map(bytes);
  }

  function restyle() {
    const styles = new Uint8Array(4 * campaigns.length);
    const focus = pointed();
    campaigns.forEach((_, place) => {
      const [hue, shape] = look[place];
      const faded = selected && !selected.campaigns.has(place) && place !== focus;
      const flags = (shown[place] ? 0 : HIDDEN) | (faded ? FADED : 0) | (place === focus ? RINGED : 0);
      styles.set([...rgb.marks[hue], shape | flags], 4 * place);
    });
    painter?.styles(styles);
    redraw();
  }

  function draw() {
    queued = false;
    if (!painter || !view.width) return;
    const ratio = devicePixelRatio || 1;
    painter.draw(view, ratio, rgb, selected ? 0.3 : 0.55);
    overlay.clear(view, ratio);
    overlay.lasso(view, lasso, colours);
    const focus = pointed();
    const named = bySize.filter((place) => shown[place] && (!selected || selected.campaigns.has(place)));
    if (focus >= 0 && shown[focus]) named.unshift(focus);
    overlay.names(view, points, named.map((p) => [p, anchor[p], campaigns[p].title]), focus, reserved, colours);
  }

  function redraw() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { if (queued) draw(); });
  }

  function resize() {
    const frame = part("frame").getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    view.resize(frame.width, frame.height);
    for (const one of [canvas, part("names")]) {
      one.width = Math.round(frame.width * ratio);
      one.height = Math.round(frame.height * ratio);
    }
    reserved = [...part("frame").querySelectorAll(".map-buttons, .map-note")].map((one) => {
      const { left, top, right, bottom } = one.getBoundingClientRect();
      return [left - frame.left, top - frame.top, right - frame.left, bottom - frame.top];
    });
    draw(); // at once: a canvas is blank after its size was set
  }

  // -- moving ----------------------------------------------------------------------------------------

  function pan(dx, dy) {
    view.pan(dx, dy);
    redraw();
  }

  function zoom(factor, x, y) {
    view.zoom(factor, x, y);
    redraw();
  }

  function whole() {
    view.whole();
    redraw();
  }

  /** Bring a point into view without changing the zoom. */
  function bring(i) {
    const x = view.x(points.x[i]), y = view.y(points.y[i]), edge = 60;
    if (x >= edge && y >= edge && x <= view.width - edge && y <= view.height - edge) return;
    const started = performance.now(), length = calm.matches ? 0 : 250;
    let gone = 0;
    const step = (now) => {
      const t = length ? Math.max(0, Math.min(1, (now - started) / length)) : 1;
      const eased = t * (2 - t);
      pan((view.width / 2 - x) * (eased - gone), (view.height / 2 - y) * (eased - gone));
      gone = eased;
      if (t < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // -- pointing --------------------------------------------------------------------------------------

  function spotted(place, move = false) {
    spot = place;
    if (move) bring(anchor[place]);
    restyle();
  }

  function point(i, x, y) {
    const changed = i !== hover;
    hover = i;
    tip.show(i, x, y, view);
    canvas.classList.toggle("over", i >= 0 && !lasso.active);
    if (changed) restyle();
  }

  function click(x, y, add) {
    const i = at(points, view, shown, x, y);
    if (i < points.open) {
      clear();
      return;
    }
    const place = points.campaign[i];
    const before = add && selected ? selected : { campaigns: new Set(), open: 0, openPrompts: 0 };
    lasso.clear();
    const both = new Set(before.campaigns);
    if (!both.delete(place)) both.add(place);
    select(both.size || before.open ? { ...before, campaigns: both } : null);
  }

  function lassoed() {
    part("lasso").setAttribute("aria-pressed", String(lasso.active));
    part("hint").hidden = !lasso.active;
    canvas.classList.toggle("lassoing", lasso.active);
    redraw();
  }

  // -- keys ------------------------------------------------------------------------------------------

  function keys(event) {
    const drawing = lasso.active;
    const step = event.shiftKey ? 6 : drawing ? 24 : 60;
    const go = (dx, dy) => () => (drawing ? lasso.move(dx * step, dy * step) : pan(-dx * step, -dy * step));
    const always = {
      ArrowLeft: go(-1, 0), ArrowRight: go(1, 0), ArrowUp: go(0, -1), ArrowDown: go(0, 1),
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: whole, l: () => lasso.toggle(),
    };
    return drawing ? { ...always, " ": () => lasso.corner(), Enter: () => lasso.close() } : always;
  }

  // -- selecting and filtering -----------------------------------------------------------------------

  function select(found) {
    selected = found;
    refresh();
  }

  function clear() {
    if (!selected) return;
    lasso.clear();
    select(null);
  }

  function refresh() {
    const places = campaigns.map((_, place) => place)
      .filter((place) => shown[place] && (!selected || selected.campaigns.has(place)));
    list.show(places, (place) => [shapes[look[place][1]], hues[look[place][0]]]);
    const narrowed = places.length < campaigns.length;
    part("summary").textContent = summary(places);
    part("clear").hidden = !selected;
    part("work").hidden = !places.length || !(selected || narrowed);
    const { href, text } = List.work(places.map((place) => campaigns[place]));
    Object.assign(part("work"), { href, textContent: text });
    restyle();
  }

  function summary(places) {
    const prompts = places.reduce((sum, place) => sum + campaigns[place].prompts, 0);
    const all = selected ? selected.campaigns.size : campaigns.length;
    const of = places.length < all ? ` of ${count(all)}` : "";
    const text = `${many(places.length, "campaign")}${of}${selected ? " selected" : ""} with ${many(prompts, "prompt")}`;
    if (!selected) return `${text}.`;
    return `${text}; ${many(selected.open, "open point")} with ${many(selected.openPrompts, "prompt")}.`;
  }

  function filter() {
    const wanted = part("search").value.trim().toLowerCase();
    campaigns.forEach((c, place) => {
      shown[place] = tiers.has(c.tier) && words[place].includes(wanted);
    });
    refresh();
  }

  function recolour() {
    readColours();
    const chosen = looks(campaigns, part("colour").value);
    look = chosen.looks;
    part("key").replaceChildren(...chosen.key.map(([name, [hue, shape], number]) => {
      const mark = swatch(shapes[shape], hues[hue]);
      return make("li", "", mark, `${name} (${count(number)})`);
    }));
    refresh();
  }

  // -- start -----------------------------------------------------------------------------------------

  for (const tier of tiers) {
    const number = campaigns.filter((c) => c.tier === tier).length;
    const button = make("button", `map-tier ${tier}`, `${tier} ${count(number)}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const on = !tiers.delete(tier);
      if (on) tiers.add(tier);
      button.setAttribute("aria-pressed", String(on));
      filter();
    });
    part("tiers").append(button);
  }
  part("left-out").textContent = points.leftOut ? ` ${many(points.leftOut, "smaller open point")} left out.` : "";
  part("search").addEventListener("input", filter);
  part("colour").addEventListener("change", recolour);
  part("clear").addEventListener("click", clear);
  dark.addEventListener("change", recolour);

  if (painter) {
    again = redraw;
    painter.points(points);
    listen(canvas, () => lasso.active, {
      pan, zoom, click, point: (x, y) => point(at(points, view, shown, x, y), x, y), leave: () => point(-1),
      draw: (corners) => lasso.draw(corners), close: () => lasso.close(),
    });
    listenToKeys(canvas, keys);
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (lasso.active ? lasso.toggle(false) : clear());
    });
    part("in").addEventListener("click", () => zoom(1.4));
    part("out").addEventListener("click", () => zoom(1 / 1.4));
    part("fit").addEventListener("click", whole);
    part("lasso").addEventListener("click", () => lasso.toggle());
  }
  recolour();
  new ResizeObserver(resize).observe(part("frame")); // calls at once
  box.setAttribute("aria-busy", "false");
}
