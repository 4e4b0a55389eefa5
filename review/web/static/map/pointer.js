// Mouse, pen, fingers and keys on the map: moving it, pointing at marks, drawing a lasso round them.

const CLICK = 4; // pixels that a click may move
const STEP = 3; // pixels between two corners of a lasso

/** How far two fingers are from each other, and the middle between them. One is a middle by itself. */
function spread(held) {
  const [a, b = a] = [...held.values()];
  return [Math.hypot(a[0] - b[0], a[1] - b[1]), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

/**
 * Call `on.pan(dx, dy)`, `on.zoom(factor, x, y)`, `on.point(x, y)`, `on.leave()`, `on.click(x, y, add)`,
 * `on.draw(corners)` while a lasso is drawn and `on.close(corners)` when it is done; all in CSS pixels.
 *
 * `lassoing()` says whether dragging draws; with Shift it always does.
 */
export function listen(canvas, lassoing, on) {
  const held = new Map(); // pointers that are down, and where
  let moved = 0, corners = null;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = 0;
    if (corners) on.draw([]); // a second finger: it is a pinch
    corners = held.size === 1 && (lassoing() || event.shiftKey) ? [[event.offsetX, event.offsetY]] : null;
  });

  canvas.addEventListener("pointermove", (event) => {
    const place = [event.offsetX, event.offsetY];
    const before = held.get(event.pointerId);
    if (!before) {
      on.point(...place);
      return;
    }
    const far = Math.hypot(place[0] - before[0], place[1] - before[1]);
    if (corners && far < STEP) return;
    const [apart, x, y] = spread(held);
    held.set(event.pointerId, place);
    moved += far;
    if (held.size > 1) { // marks stay under the fingers
      const [apartNow, xNow, yNow] = spread(held);
      on.pan(xNow - x, yNow - y);
      if (apart) on.zoom(apartNow / apart, xNow, yNow);
      moved = Infinity;
    } else if (corners) {
      corners.push(place);
      on.draw(corners);
    } else if (moved > CLICK) {
      on.leave();
      on.pan(place[0] - before[0], place[1] - before[1]);
    }
  });

  const release = (event) => {
    if (!held.delete(event.pointerId)) return;
    const drawn = corners;
    corners = null;
    if (drawn?.length > 2 && event.type === "pointerup") on.close(drawn);
    else if (drawn?.length > 1) on.draw([]);
    else if (moved <= CLICK && event.type === "pointerup") on.click(event.offsetX, event.offsetY, event.shiftKey);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => on.leave());
  canvas.addEventListener("dblclick", (event) => on.zoom(2, event.offsetX, event.offsetY));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    on.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.offsetX, event.offsetY);
  }, { passive: false });
}

/** Call the function that `keys(event)` has for a key, if any; keys held with Ctrl, Alt or Meta are the browser's. */
export function listenToKeys(canvas, keys) {
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const act = keys(event)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
