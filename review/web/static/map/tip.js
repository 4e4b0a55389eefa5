// The box beside the pointer that says what a point is.

import { age, facts, foreign, make, many } from "./list.js";

const AWAY = 16; // pixels from the pointer

export class Tip {
  #box;
  #point = -1;

  constructor(box, points, campaigns) {
    this.#box = box;
    this.points = points;
    this.campaigns = campaigns;
  }

  /** Describe point `i` at (x, y), or with -1 nothing. */
  show(i, x, y, view) {
    const box = this.#box;
    box.hidden = i < 0;
    if (i >= 0 && i !== this.#point) box.replaceChildren(...this.#about(i));
    this.#point = i;
    if (i < 0) return;
    const { width, height } = box.getBoundingClientRect();
    const left = x + AWAY + width > view.width ? x - AWAY - width : x + AWAY;
    const top = y + AWAY + height > view.height ? y - AWAY - height : y + AWAY;
    box.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  #about(i) {
    const { points } = this;
    const c = this.campaigns[points.campaign[i]];
    if (!c) {
      const size = `${many(points.prompts[i], "prompt")}, up to ${many(points.accounts[i], "account")}`;
      return [make("strong", "", "Open: in no campaign"), make("span", "map-facts", size)];
    }
    const about = make("span", "map-about", c.objective, ` · ${age(c)}`);
    if (c.verdict) about.append(` · ${c.verdict}`);
    return [make("strong", "", foreign(c.title)), facts(c), about, make("p", "map-head", foreign(c.head))];
  }
}
