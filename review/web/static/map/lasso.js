// A shape drawn round marks, with a pointer or with keys: those move a cross and set a corner where it stands.

export class Lasso {
  active = false; // whether dragging draws
  path = []; // places, so that the shape stays with the marks
  closed = false;
  cross = null; // where the keys draw, in CSS pixels
  #view;
  #changed;
  #done;

  /** `changed()` is called when it looks different, `done(path)` when it was closed. */
  constructor(view, changed, done) {
    this.#view = view;
    this.#changed = changed;
    this.#done = done;
  }

  /** Start with nothing drawn, or stop; what is closed stays. */
  toggle(on = !this.active) {
    this.active = on;
    this.cross = null;
    if (on || !this.closed) this.clear();
    this.#changed();
  }

  clear() {
    this.path = [];
    this.closed = false;
  }

  /** Corners on the screen, in place of what was drawn. */
  draw(corners) {
    this.closed = false;
    this.path = corners.map(([x, y]) => this.#view.place(x, y));
    this.#changed();
  }

  move(dx, dy) {
    const { width, height } = this.#view;
    const [x, y] = this.cross ?? [width / 2, height / 2];
    this.cross = [Math.min(width, Math.max(0, x + dx)), Math.min(height, Math.max(0, y + dy))];
    this.#changed();
  }

  corner() {
    this.move(0, 0);
    this.path.push(this.#view.place(...this.cross));
    this.#changed();
  }

  close() {
    if (this.path.length < 3) return;
    this.closed = true;
    this.toggle(false);
    this.#done(this.path);
  }
}
