// How marks look: which colour and shape says what, and the same shapes for the list and the key.

const AGES = [
  ["first seen this day", 0], ["1 to 6 days", 6], ["7 to 29 days", 29], ["30 days or more", Infinity],
];
const NO_AGE = "age not known";
const NO_DECISION = "no decision";

/** What a campaign counts as, in each way of colouring but the first, where each campaign is a kind of its own. */
const KIND = {
  tier: (c) => c.tier,
  objective: (c) => c.objective,
  age: (c) => (c.ageDays === null ? NO_AGE : AGES.find(([, most]) => c.ageDays <= most)[0]),
  decision: (c) => c.verdict ?? NO_DECISION,
};
const ORDER = {
  tier: ["actionable", "review", "benign"],
  age: [...AGES.map(([name]) => name), NO_AGE],
  decision: ["confirmed", "watch", "dismissed", NO_DECISION],
};
const FIRST_COLOURS = [1, 4, 2, 0, 5, 3]; // of the palette: vermilion, orange, green, blue, sky, purple

/** {looks, key}: [colour, shape] by position in `campaigns`, and what each says: [name, [colour, shape], count]. */
export function looks(campaigns, way) {
  if (way === "campaign") {
    return { looks: campaigns.map((_, place) => [place % 6, Math.floor(place / 6) % 6]), key: [] };
  }
  const kinds = campaigns.map(KIND[way]);
  const counts = new Map();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const byCount = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([kind]) => kind);
  const order = ORDER[way] ?? byCount;
  const look = new Map(order.map((kind, k) => [kind, [FIRST_COLOURS[k % 6], (k + Math.floor(k / 6)) % 6]]));
  return {
    looks: kinds.map((kind) => look.get(kind)),
    key: order.filter((kind) => counts.has(kind)).map((kind) => [kind, look.get(kind), counts.get(kind)]),
  };
}

const CORNERS = { // [number, turn, distance in radii]
  square: [4, Math.PI / 4, 1.2],
  triangle: [3, -Math.PI / 2, 1.3],
  diamond: [4, 0, 1.2],
  wedge: [3, Math.PI / 2, 1.3],
  hexagon: [6, 0, 1.1],
};

/** A mark of 18 by 18 pixels. */
export function swatch(shape, colour) {
  const make = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const image = make("svg", { viewBox: "-9 -9 18 18", width: 18, height: 18, "aria-hidden": "true" });
  if (!CORNERS[shape]) {
    image.append(make("circle", { r: 6, fill: colour }));
    return image;
  }
  const [sides, turn, far] = CORNERS[shape];
  const corners = Array.from({ length: sides }, (_, k) => {
    const angle = turn + (2 * Math.PI * k) / sides;
    return `${6 * far * Math.cos(angle)},${6 * far * Math.sin(angle)}`;
  });
  image.append(make("polygon", { points: corners.join(" "), fill: colour }));
  return image;
}

/** A CSS colour as three bytes. */
export function bytes(colour) {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
