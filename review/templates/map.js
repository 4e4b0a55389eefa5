"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { points, campaigns } = data;
  const n = points.x.length;
  const canvas = document.getElementById("map");
  const pen = canvas.getContext("2d");
  const tip = document.getElementById("tip");
  const list = document.getElementById("list");
  const search = document.getElementById("search");
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const tiers = ["actionable", "review", "benign"];
  const number = new Intl.NumberFormat("en");
  const MARGIN = 46;
  const NEAR = 8;
  const ROUND_FROM = 2.4;

  const state = {
    scale: 1, dx: 0, dy: 0, // screen = place * base * scale + shift
    chosen: -1, hover: -1,
    shown: campaigns.map(() => true),
    tiers: new Set(tiers),
  };
  let width = 0, height = 0, base = 1, queued = false;

  // -- helpers ---------------------------------------------------------------------------------------

  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const many = (count, one, more) => `${number.format(count)} ${count === 1 ? one : more}`;
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (place) => {
    const palette = darkScheme.matches ? data.palette.dark : data.palette.light;
    return palette[place % palette.length];
  };
  const shape = (place) => data.shapes[Math.floor(place / data.palette.light.length) % data.shapes.length];

  const outline = (context, kind, x, y, r) => {
    const polygon = (sides, turn, size) => {
      for (let i = 0; i < sides; i++) {
        const angle = turn + (2 * Math.PI * i) / sides;
        context[i ? "lineTo" : "moveTo"](x + size * Math.cos(angle), y + size * Math.sin(angle));
      }
      context.closePath();
    };
    context.beginPath();
    if (kind === "square") polygon(4, Math.PI / 4, r * 1.2);
    else if (kind === "diamond") polygon(4, 0, r * 1.2);
    else if (kind === "triangle") polygon(3, -Math.PI / 2, r * 1.3);
    else if (kind === "wedge") polygon(3, Math.PI / 2, r * 1.3);
    else if (kind === "hexagon") polygon(6, 0, r * 1.1);
    else context.arc(x, y, r, 0, 2 * Math.PI);
  };

  // -- what is drawn in which order ------------------------------------------------------------------

  const radius = (i) => {
    const grown = Math.min(2.2, Math.max(0.7, Math.pow(state.scale, 0.3)));
    return Math.max(points.campaign[i] < 0 ? 1.2 : 3.5, points.radius[i] * base * grown);
  };
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) =>
    (points.campaign[a] >= 0) - (points.campaign[b] >= 0) || points.prompts[b] - points.prompts[a] || a - b);
  const anchors = campaigns.map(() => -1); // the largest mark of each campaign bears its name
  for (const i of order) {
    const c = points.campaign[i];
    if (c >= 0 && anchors[c] < 0) anchors[c] = i;
  }

  const screenX = (i) => points.x[i] * base * state.scale + state.dx;
  const screenY = (i) => (1 - points.y[i]) * base * state.scale + state.dy;
  const visible = (i) => points.campaign[i] < 0 || state.shown[points.campaign[i]];

  const outside = (x, y) => x < -30 || y < -30 || x > width + 30 || y > height + 30;

  function draw() {
    queued = false;
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const page = ink("--page"), field = ink("--field"), text = ink("--ink");
    const focus = state.chosen >= 0 ? state.chosen : state.hover >= 0 ? points.campaign[state.hover] : -1;
    pen.globalAlpha = focus >= 0 ? 0.25 : 0.55;
    pen.fillStyle = field;
    for (const i of order) {
      const x = screenX(i), y = screenY(i), r = radius(i);
      if (points.campaign[i] >= 0 || outside(x, y)) continue;
      if (r < ROUND_FROM) {
        pen.fillRect(x - r, y - r, 2 * r, 2 * r); // too small to tell from a disc, and many times faster
      } else {
        pen.beginPath();
        pen.arc(x, y, r, 0, 2 * Math.PI);
        pen.fill();
      }
    }
    for (const i of order) {
      const x = screenX(i), y = screenY(i), c = points.campaign[i];
      if (c < 0 || !state.shown[c] || outside(x, y)) continue;
      const faded = focus >= 0 && c !== focus, ringed = i === state.hover || c === state.chosen;
      outline(pen, shape(c), x, y, radius(i));
      pen.globalAlpha = faded ? 0.2 : 0.88;
      pen.fillStyle = colour(c);
      pen.fill();
      pen.globalAlpha = faded ? 0.3 : 1;
      pen.lineWidth = ringed ? 2 : 1;
      pen.strokeStyle = ringed ? text : page;
      pen.stroke();
    }
    pen.globalAlpha = 1;
    names(focus, page, text);
  }

  /** Names beside the largest marks, as many as fit without covering a name or another such mark. */
  function names(focus, page, text) {
    const LINE = 9, GAP = 6;
    const touch = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    const shown = campaigns.map((_, c) => c).filter((c) =>
      anchors[c] >= 0 && state.shown[c] && (state.chosen < 0 || c === state.chosen));
    const marks = new Map(shown.map((c) => {
      const x = screenX(anchors[c]), y = screenY(anchors[c]), r = radius(anchors[c]);
      return [c, [x - r, y - r, x + r, y + r]];
    }));
    const taken = [];
    pen.font = "600 12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    shown.sort((a, b) => (b === focus) - (a === focus) || campaigns[b].prompts - campaigns[a].prompts || a - b);
    for (const c of shown) {
      const title = Array.from(campaigns[c].title);
      const name = title.length > 30 ? title.slice(0, 29).join("").trimEnd() + "…" : campaigns[c].title;
      const wide = pen.measureText(name).width;
      const [x0, y0, x1, y1] = marks.get(c);
      const x = (x0 + x1) / 2, y = (y0 + y1) / 2;
      const places = [
        [x1 + GAP, y], [x0 - GAP - wide, y], [x - wide / 2, y1 + GAP + LINE], [x - wide / 2, y0 - GAP - LINE],
      ];
      for (const [left, middle] of places) {
        const box = [left - 3, middle - LINE, left + wide + 3, middle + LINE];
        if (box[0] < 0 || box[1] < 0 || box[2] > width || box[3] > height) continue;
        if (taken.some((other) => touch(box, other))) continue;
        if (c !== focus && [...marks].some(([other, mark]) => other !== c && touch(box, mark))) continue;
        taken.push(box);
        pen.lineWidth = 4;
        pen.strokeStyle = page;
        pen.strokeText(name, left, middle);
        pen.fillStyle = text;
        pen.fillText(name, left, middle);
        break;
      }
    }
  }

  const redraw = () => {
    if (!queued) {
      queued = true;
      requestAnimationFrame(draw);
    }
  };

  // -- view ------------------------------------------------------------------------------------------

  function resize() {
    const ratio = devicePixelRatio || 1;
    const first = width === 0;
    const box = canvas.parentElement.getBoundingClientRect();
    width = box.width;
    height = box.height;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    base = Math.max(60, Math.min(width, height) - 2 * MARGIN);
    if (first || state.scale === 1) whole();
    draw(); // at once: a canvas is blank after its size was set
  }

  const whole = () => Object.assign(state, { scale: 1, dx: (width - base) / 2, dy: (height - base) / 2 });

  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = Math.min(60, Math.max(0.5, state.scale * factor));
    const applied = scale / state.scale;
    state.dx = x - (x - state.dx) * applied;
    state.dy = y - (y - state.dy) * applied;
    state.scale = scale;
    redraw();
  }

  const pan = (dx, dy) => {
    state.dx += dx;
    state.dy += dy;
    redraw();
  };

  /** Bring a campaign into view without changing the zoom. */
  function show(c) {
    const i = anchors[c];
    if (i < 0) return;
    const x = screenX(i), y = screenY(i), edge = 60;
    if (x >= edge && y >= edge && x <= width - edge && y <= height - edge) return;
    const from = [state.dx, state.dy], to = [state.dx + width / 2 - x, state.dy + height / 2 - y];
    const started = performance.now(), length = calm.matches ? 0 : 250;
    const step = (now) => {
      const t = length ? Math.min(1, (now - started) / length) : 1;
      const eased = t * (2 - t);
      state.dx = from[0] + (to[0] - from[0]) * eased;
      state.dy = from[1] + (to[1] - from[1]) * eased;
      redraw();
      if (t < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // -- pointing --------------------------------------------------------------------------------------

  function at(x, y) {
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      if (!visible(i)) continue;
      const dx = screenX(i) - x, dy = screenY(i) - y, r = radius(i) + NEAR;
      const distance = dx * dx + dy * dy - (points.campaign[i] >= 0 ? 40 : 0); // campaigns win over dust
      if (dx * dx + dy * dy < r * r && distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }

  function point(i, x, y) {
    const changed = i !== state.hover;
    state.hover = i;
    tip.hidden = i < 0;
    canvas.classList.toggle("over", i >= 0);
    if (i >= 0) {
      if (changed) describe(i);
      const box = tip.getBoundingClientRect();
      const left = x + 16 + box.width > width ? x - 16 - box.width : x + 16;
      const top = y + 16 + box.height > height ? y - 16 - box.height : y + 16;
      tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
    }
    if (changed) redraw();
  }

  function describe(i) {
    const c = campaigns[points.campaign[i]];
    const size = `${many(points.prompts[i], "prompt", "prompts")}, up to ${many(points.accounts[i], "account", "accounts")}`;
    if (!c) {
      tip.replaceChildren(make("strong", "", "No campaign"), make("div", "facts", size));
      return;
    }
    const title = make("strong", "", c.title);
    title.dir = "auto";
    const facts = make("div", "facts");
    facts.append(make("span", c.tier, c.tier), ` · ${many(c.prompts, "prompt", "prompts")} · ${many(c.accounts, "account", "accounts")}`);
    const head = make("div", "head", Array.from(c.template).slice(0, 160).join(""));
    head.dir = "auto";
    tip.replaceChildren(title, facts, head);
  }

  const held = new Map(); // pointers that are down
  let moved = 0, pinch = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = 0;
    pinch = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) {
      point(at(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
      return;
    }
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (held.size === 1) {
      moved += Math.abs(event.offsetX - before[0]) + Math.abs(event.offsetY - before[1]);
      if (moved > 4) {
        point(-1);
        pan(event.offsetX - before[0], event.offsetY - before[1]);
      }
    } else {
      const [a, b] = [...held.values()];
      const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) zoom(apart / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pinch = apart;
      moved = 99;
    }
  });
  const release = (event) => {
    const click = held.delete(event.pointerId) && moved <= 4 && event.type === "pointerup";
    pinch = 0;
    if (!click) return;
    const i = at(event.offsetX, event.offsetY);
    choose(i < 0 ? -1 : points.campaign[i], true);
    if (event.pointerType !== "mouse") point(i, event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => point(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(2, event.offsetX, event.offsetY));
  canvas.addEventListener("keydown", (event) => {
    const keys = {
      ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0),
      ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: () => { whole(); redraw(); },
    };
    if (keys[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(-1);
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });
  document.getElementById("in").addEventListener("click", () => zoom(1.4));
  document.getElementById("out").addEventListener("click", () => zoom(1 / 1.4));
  document.getElementById("fit").addEventListener("click", () => { whole(); redraw(); });

  // -- list ------------------------------------------------------------------------------------------

  const rows = campaigns.map((c, place) => {
    const item = make("li");
    const button = make("button", "row");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    const swatch = make("canvas");
    swatch.width = swatch.height = 36;
    swatch.setAttribute("aria-hidden", "true");
    const title = make("span", "title", c.title);
    title.dir = "auto";
    const sub = make("span", "sub");
    sub.append(make("span", c.tier, c.tier), ` · ${c.objective}`);
    if (anchors[place] < 0) sub.append(" · not on the map");
    button.append(
      swatch, title, make("span", "many", many(c.accounts, "account", "accounts")),
      sub, make("span", "many", many(c.prompts, "prompt", "prompts")),
    );
    button.addEventListener("click", () => choose(state.chosen === place ? -1 : place));
    button.addEventListener("mouseenter", () => { if (state.chosen < 0 && anchors[place] >= 0) { state.hover = anchors[place]; redraw(); } });
    button.addEventListener("mouseleave", () => { state.hover = -1; redraw(); });
    item.append(button);
    list.append(item);
    return { item, button, swatch };
  });
  const nothing = make("li", "empty", campaigns.length ? "Nothing matches." : "No campaigns on this day.");
  list.append(nothing);

  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = rows.filter((row) => !row.item.hidden).map((row) => row.button);
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });

  function swatches() {
    rows.forEach(({ swatch }, place) => {
      const context = swatch.getContext("2d");
      context.clearRect(0, 0, 36, 36);
      outline(context, shape(place), 18, 18, 12);
      context.fillStyle = colour(place);
      context.fill();
    });
  }

  function details(c) {
    const box = make("div", "more");
    const template = make("p", "template");
    template.dir = "auto";
    for (const part of c.template.split(/(\{[a-z]{1,12}\})/)) { // slots as the label writes them
      if (part) template.append(/^\{[a-z]{1,12}\}$/.test(part) ? make("span", "slot", part) : part);
    }
    const reasons = make("ul");
    for (const reason of c.reasons) reasons.append(make("li", "", reason));
    const command = make("p");
    command.append(make("code", "", `shoal show ${c.id}`));
    box.append(template, reasons, command);
    return box;
  }

  function choose(place, scroll = false) {
    if (state.chosen >= 0) {
      const old = rows[state.chosen];
      old.item.classList.remove("chosen");
      old.button.setAttribute("aria-expanded", "false");
      old.item.lastElementChild.remove();
    }
    state.chosen = place;
    if (place >= 0) {
      const { item, button } = rows[place];
      item.classList.add("chosen");
      button.setAttribute("aria-expanded", "true");
      item.append(details(campaigns[place]));
      if (scroll && innerWidth > 800) item.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
      show(place);
    }
    redraw();
  }

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    campaigns.forEach((c, place) => {
      const words = `${c.title}\n${c.id}\n${c.objective}\n${c.template}`.toLowerCase();
      state.shown[place] = state.tiers.has(c.tier) && words.includes(wanted);
      rows[place].item.hidden = !state.shown[place];
      count += state.shown[place];
    });
    nothing.hidden = count > 0;
    document.getElementById("matches").textContent =
      count === campaigns.length ? "" : `${number.format(count)} of ${many(campaigns.length, "campaign", "campaigns")}`;
    if (state.chosen >= 0 && !state.shown[state.chosen]) choose(-1);
    redraw();
  }

  for (const tier of tiers) {
    const count = campaigns.filter((c) => c.tier === tier).length;
    if (!count) continue;
    const button = make("button", tier, `${tier} ${number.format(count)}`);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const on = !state.tiers.delete(tier);
      if (on) state.tiers.add(tier);
      button.setAttribute("aria-pressed", String(on));
      filter();
    });
    document.getElementById("tiers").append(button);
  }
  search.addEventListener("input", filter);

  // -- start -----------------------------------------------------------------------------------------

  const inside = campaigns.reduce((sum, c) => sum + c.prompts, 0);
  document.getElementById("counts").textContent =
    `${many(campaigns.length, "campaign", "campaigns")} · ${many(inside, "prompt", "prompts")} in them · run ${data.run}`;
  document.getElementById("key").textContent =
    "Near means alike, but marks in one place are moved apart. Area: prompts. Grey: no campaign." +
    (data.leftOut ? ` ${number.format(data.leftOut)} smaller grey marks are left out.` : "");
  darkScheme.addEventListener("change", () => { swatches(); redraw(); });
  swatches();
  filter();
  resize();
  new ResizeObserver(resize).observe(canvas.parentElement);
})();
