// The campaigns beside the map: everything the map shows of a campaign is here as well, in words.

import { swatch } from "./shapes.js";

const PAGE = 100; // rows made at a time
const MOST_AT_ONCE = 50; // campaigns of a link to the queue

const format = new Intl.NumberFormat("en");

export const count = (number) => format.format(number);
export const many = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;

export function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content); // strings become text
  return element;
}

/** Text of others: it keeps its own direction. */
export const foreign = (text) => make("bdi", "", text);

export function age(c) {
  if (c.ageDays === null) return "age not known";
  return c.ageDays === 0 ? "first seen this day" : `known for ${many(c.ageDays, "day")}`;
}

export function facts(c) {
  const line = make("span", "map-facts", make("span", `map-tier ${c.tier}`, c.tier));
  line.append(` · ${many(c.prompts, "prompt")} · ${many(c.accounts, "account")}`);
  return line;
}

export class List {
  #box;
  #more;
  #rows = [];
  #shown = [];

  /**
   * `box` is the list, `more` the button that adds rows. `spot(place, move)` marks a campaign on the map, -1 none, and
   * with `move` brings it into view; `placed(place)` says whether the map has it.
   */
  constructor(box, more, campaigns, { spot, placed }) {
    this.#box = box;
    this.#more = more;
    this.campaigns = campaigns;
    this.spot = spot;
    this.placed = placed;
    more.addEventListener("click", () => {
      const first = this.#rows.length;
      this.#add();
      this.#rows[first].querySelector("a").focus();
    });
  }

  /** Show these campaigns, by position, with the marks they have on the map. */
  show(places, mark) {
    this.#shown = places;
    this.mark = mark;
    this.#rows = [];
    this.#box.replaceChildren();
    this.#add();
    if (!places.length) {
      this.#box.append(make("li", "map-empty", this.campaigns.length ? "Nothing matches." : "No campaigns on this day."));
    }
  }

  /** A link to the queue with the first of these campaigns, and what it says. */
  static work(campaigns) {
    const first = campaigns.slice(0, MOST_AT_ONCE);
    const which = first.length < campaigns.length ? `the first ${MOST_AT_ONCE} of these` :
      first.length === 1 ? "this one" : `these ${first.length}`;
    return {
      href: `/queue?on=${first.map((c) => encodeURIComponent(c.id)).join(",")}`,
      text: `Work on ${which} in the queue`,
    };
  }

  #add() {
    const next = this.#shown.slice(this.#rows.length, this.#rows.length + PAGE).map((place) => this.#row(place));
    this.#rows.push(...next);
    this.#box.append(...next);
    const left = this.#shown.length - this.#rows.length;
    this.#more.hidden = left === 0;
    this.#more.textContent = `Show ${Math.min(PAGE, left)} more of ${count(left)}`;
  }

  #row(place) {
    const c = this.campaigns[place];
    const find = make("button", "map-find", swatch(...this.mark(place)));
    find.type = "button";
    find.disabled = !this.placed(place);
    find.title = find.disabled ? "Not on the map" : "Show on the map";
    find.setAttribute("aria-label", `${find.title}: ${c.title}`);
    find.addEventListener("click", () => this.spot(place, true));
    const link = make("a", "map-title", foreign(c.title));
    link.href = `/campaigns/${encodeURIComponent(c.id)}`;
    const about = make("span", "map-about", c.objective, ` · ${age(c)}`);
    if (c.verdict) about.append(` · ${c.verdict}`);
    const row = make("li", "map-row", find, make("div", "map-text", link, facts(c), about));
    const placed = this.placed(place) ? place : -1;
    row.addEventListener("pointerenter", () => this.spot(placed));
    row.addEventListener("pointerleave", () => this.spot(-1));
    row.addEventListener("focusin", () => this.spot(placed));
    row.addEventListener("focusout", () => this.spot(-1));
    return row;
  }
}
