// What the server sends, where it lies on the screen, and what lies where one points.

const MAGIC = 0x50414d53; // "SMAP", read as a little-endian number
const HEADER_BYTES = 16;
const MARGIN = 46;
const NEAR = 8; // pixels by which a pointer may miss a mark

/** Columns over `buffer`, without a copy. Throws where it holds something else. */
export function decode(buffer) {
  const header = buffer.byteLength < HEADER_BYTES ? [] : new Uint32Array(buffer, 0, HEADER_BYTES / 4);
  const [magic, n, open, leftOut] = header;
  const names = ["x", "y", "radius", "campaign", "prompts", "accounts"];
  if (magic !== MAGIC || buffer.byteLength !== HEADER_BYTES + names.length * 4 * n) {
    throw new Error("The server sent something else than points.");
  }
  const kinds = { campaign: Int32Array, prompts: Uint32Array, accounts: Uint32Array };
  const columns = names.map((name, k) =>
    [name, new (kinds[name] ?? Float32Array)(buffer, HEADER_BYTES + 4 * n * k, n)]);
  const drawn = new Uint8Array(buffer, HEADER_BYTES, 4 * 4 * n); // the first four columns
  return { n, open, leftOut, drawn, ...Object.fromEntries(columns) };
}

/** Points and campaigns, as the container's attributes say where. */
export async function load(box) {
  const [points, about] = await Promise.all(
    [box.dataset.points, box.dataset.campaigns].map(async (address) => {
      const answer = await fetch(address, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
      return answer;
    }),
  );
  return { points: decode(await points.arrayBuffer()), ...(await about.json()) };
}

/** The point of each campaign that bears its name, its largest, or -1. Points come the largest first. */
export function anchors(points, campaigns) {
  const found = campaigns.map(() => -1);
  for (let i = points.open; i < points.n; i++) {
    if (found[points.campaign[i]] < 0) found[points.campaign[i]] = i;
  }
  return found;
}

/** Places are about 0..1 with y upwards; on the screen they are CSS pixels with y downwards. */
export class View {
  width = 0;
  height = 0;
  base = 1; // pixels of one unit before zooming
  scale = 1;
  dx = 0;
  dy = 0;
  #untouched = true; // by the user: then it follows the size of the frame

  resize(width, height) {
    Object.assign(this, { width, height, base: Math.max(60, Math.min(width, height) - 2 * MARGIN) });
    if (this.#untouched) this.whole();
  }

  whole() {
    Object.assign(this, { scale: 1, dx: (this.width - this.base) / 2, dy: (this.height - this.base) / 2 });
    this.#untouched = true;
  }

  pan(dx, dy) {
    this.dx += dx;
    this.dy += dy;
    this.#untouched = false;
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(60, Math.max(0.5, this.scale * factor));
    const applied = scale / this.scale;
    this.dx = x - (x - this.dx) * applied;
    this.dy = y - (y - this.dy) * applied;
    this.scale = scale;
    this.#untouched = false;
  }

  x(place) {
    return place * this.base * this.scale + this.dx;
  }

  y(place) {
    return (1 - place) * this.base * this.scale + this.dy;
  }

  place(x, y) {
    const unit = this.base * this.scale;
    return [(x - this.dx) / unit, 1 - (y - this.dy) / unit];
  }

  /** Pixels of a unit of radius: marks grow more slowly than the distances between them. */
  get growth() {
    return this.base * Math.min(2.2, Math.max(0.7, this.scale ** 0.3));
  }

  /** Radius in pixels; the shader of gl.js says the same. */
  radius(points, i) {
    return Math.max(i < points.open ? 1.2 : 3.5, points.radius[i] * this.growth);
  }
}

/** The point at (x, y) on the screen, or -1; marks of campaigns win over open points. */
export function at(points, view, shown, x, y) {
  let best = -1, least = Infinity;
  for (let i = 0; i < points.n; i++) {
    const inside = i >= points.open;
    if (inside && !shown[points.campaign[i]]) continue;
    const dx = view.x(points.x[i]) - x, dy = view.y(points.y[i]) - y;
    const reach = view.radius(points, i) + NEAR;
    const square = dx * dx + dy * dy;
    const distance = square - (inside ? 40 : 0);
    if (square < reach * reach && distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

/** Whether a place is within a closed path of places; where the path crosses itself, even-odd. */
export function within(path, x, y) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [xi, yi] = path[i], [xj, yj] = path[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

/** What a path goes round: campaigns with a shown mark in it, and open points, counted. */
export function enclosed(points, shown, path) {
  const xs = path.map(([x]) => x), ys = path.map(([, y]) => y);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const campaigns = new Set();
  let open = 0, openPrompts = 0;
  for (let i = 0; i < points.n; i++) {
    const x = points.x[i], y = points.y[i];
    if (x < left || x > right || y < low || y > high || !within(path, x, y)) continue;
    if (i < points.open) {
      open += 1;
      openPrompts += points.prompts[i];
    } else if (shown[points.campaign[i]]) {
      campaigns.add(points.campaign[i]);
    }
  }
  return { campaigns, open, openPrompts };
}
