// What is written and drawn over the points: names, the lasso, the cross that the keyboard moves.

const MOST_NAMES = 60;
const MOST_MARKS = 300; // that a name must not cover
const NAME_CHARACTERS = 30;
const LINE = 9, GAP = 6;

const touch = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

export class Overlay {
  #pen;
  #names = new Map(); // position of a campaign -> [its name, cut; its width]

  constructor(canvas) {
    this.#pen = canvas.getContext("2d");
  }

  clear(view, ratio) {
    this.#pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#pen.clearRect(0, 0, view.width, view.height);
  }

  /**
   * Names beside the largest marks, as many as fit without covering a name or another such mark.
   *
   * `candidates` are [position of a campaign, its point, its title], the one to name first first; the name of `focus`
   * may cover marks. `reserved` are boxes that no name may cover: [left, top, right, bottom].
   */
  names(view, points, candidates, focus, reserved, { page, ink }) {
    const pen = this.#pen;
    const marks = new Map();
    const titles = new Map();
    for (const [place, i, title] of candidates) {
      const x = view.x(points.x[i]), y = view.y(points.y[i]), r = view.radius(points, i);
      if (x + r < 0 || y + r < 0 || x - r > view.width || y - r > view.height) continue;
      marks.set(place, [x - r, y - r, x + r, y + r]);
      if (titles.size < MOST_NAMES) titles.set(place, title);
      if (marks.size === MOST_MARKS) break;
    }
    pen.font = "600 12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 4;
    pen.strokeStyle = page;
    pen.fillStyle = ink;
    const taken = [...reserved];
    for (const [place, title] of titles) {
      const [name, wide] = this.#name(place, title);
      const [x0, y0, x1, y1] = marks.get(place);
      const x = (x0 + x1) / 2, y = (y0 + y1) / 2;
      const spots = [
        [x1 + GAP, y], [x0 - GAP - wide, y], [x - wide / 2, y1 + GAP + LINE], [x - wide / 2, y0 - GAP - LINE],
      ];
      for (const [left, middle] of spots) {
        const box = [left - 3, middle - LINE, left + wide + 3, middle + LINE];
        if (box[0] < 0 || box[1] < 0 || box[2] > view.width || box[3] > view.height) continue;
        if (taken.some((other) => touch(box, other))) continue;
        if (place !== focus && [...marks].some(([other, mark]) => other !== place && touch(box, mark))) continue;
        taken.push(box);
        pen.strokeText(name, left, middle);
        pen.fillText(name, left, middle);
        break;
      }
    }
  }

  lasso(view, { path, closed, cross }, { page, focus }) {
    const pen = this.#pen;
    if (!path.length && !cross) return;
    pen.beginPath();
    for (const [x, y] of path) pen.lineTo(view.x(x), view.y(y));
    if (closed) pen.closePath();
    if (cross) {
      const [x, y] = cross;
      pen.lineTo(x, y);
      for (const [dx, dy] of [[12, 0], [0, 12]]) {
        pen.moveTo(x - dx, y - dy);
        pen.lineTo(x + dx, y + dy);
      }
    }
    pen.lineJoin = "round";
    pen.strokeStyle = page;
    pen.lineWidth = 4;
    pen.stroke();
    pen.strokeStyle = focus;
    pen.lineWidth = 2;
    pen.stroke();
    if (closed) {
      pen.globalAlpha = 0.08;
      pen.fillStyle = focus;
      pen.fill("evenodd");
      pen.globalAlpha = 1;
    }
  }

  #name(place, title) {
    if (!this.#names.has(place)) {
      const letters = Array.from(title);
      const cut = letters.slice(0, NAME_CHARACTERS - 1).join("").trimEnd();
      const name = letters.length > NAME_CHARACTERS ? `${cut}…` : title;
      this.#names.set(place, [name, this.#pen.measureText(name).width]);
    }
    return this.#names.get(place);
  }
}
