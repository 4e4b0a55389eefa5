"use strict";
// The queue by keys. One campaign is the current one: its row is marked, its title has the focus, and the pane beside the
// list tells of it. Once it is decided it leaves, and the next one is current; the list comes anew from the server.
addEventListener("DOMContentLoaded", () => {
  const list = document.getElementById("queue-list");
  const glance = document.getElementById("glance");
  const words = document.getElementById("words");
  const bulk = document.getElementById("bulk"); // who may not decide has none
  const selected = new Set();
  let current = "";
  let place = 0; // of the current row, for when it is gone
  let awaited = ""; // to be the current one as soon as a list has it
  let anchor = ""; // where a range begins
  let glancing = 0;
  const narrow = matchMedia("(max-width: 1080px)"); // there the pane lies over the list, and waits until somebody acts

  const rows = () => [...list.querySelectorAll("tr[data-id]")];
  const row = (id) => rows().find((one) => one.dataset.id === id);

  // -- the current row ----------------------------------------------------------------------------------

  const look = (id) => {
    clearTimeout(glancing);
    if (!id) glance.replaceChildren();
    else if (glance.dataset.id !== id) {
      glancing = setTimeout(() => {
        htmx.ajax("GET", `/campaigns/${id}/glance`, { source: glance, target: glance, swap: "innerHTML" });
      }, 60); // who holds j down asks for the last one only
    }
    glance.dataset.id = id;
  };

  const goTo = (next, focus = true, glanceToo = true) => {
    for (const one of rows()) {
      one.toggleAttribute("aria-current", false);
      if (one === next) one.setAttribute("aria-current", "true");
    }
    current = next ? next.dataset.id : "";
    place = next ? rows().indexOf(next) : 0;
    if (glanceToo) look(current);
    if (!next || !focus) return;
    next.querySelector(".title").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };

  const step = (by) => {
    const all = rows();
    const next = all[Math.min(Math.max(place + by, 0), all.length - 1)];
    awaited = "";
    if (next) goTo(next);
  };

  const inList = () => list.contains(document.activeElement);
  const atRest = () => !document.querySelector("dialog[open]") && !shoal.typing(document.activeElement);

  // -- the selection ------------------------------------------------------------------------------------

  const showSelection = () => {
    for (const one of rows()) {
      const box = one.querySelector(".pick input");
      if (box) box.checked = selected.has(one.dataset.id);
      one.classList.toggle("selected", selected.has(one.dataset.id));
    }
    if (!bulk) return;
    bulk.hidden = !selected.size;
    const elsewhere = [...selected].filter((id) => !row(id)).length;
    bulk.querySelector("[data-selected]").textContent =
      `${selected.size} selected` + (elsewhere ? `, ${elsewhere} of them on other pages` : "");
  };

  const select = (id, on = !selected.has(id)) => {
    if (!bulk || !id) return;
    if (on) selected.add(id);
    else selected.delete(id);
    anchor = id;
    showSelection();
  };

  const selectUpTo = (id) => {
    if (!bulk || !id) return;
    const names = rows().map((one) => one.dataset.id);
    const [from, to] = [names.indexOf(anchor), names.indexOf(id)].sort((a, b) => a - b);
    for (const name of names.slice(Math.max(from, 0), to + 1)) selected.add(name);
    anchor = id;
    showSelection();
  };

  const clear = () => {
    selected.clear();
    anchor = "";
    showSelection();
  };

  // -- deciding -----------------------------------------------------------------------------------------

  const decide = (verdict) => {
    if (bulk) shoal.decide(verdict, selected.size ? [...selected] : current ? [current] : []);
  };

  const refresh = () => {
    const page = list.querySelector("table")?.dataset.page ?? 1;
    htmx.ajax("POST", "/queue/search", { source: "#filters", target: "#queue-list", values: { page } });
  };

  document.body.addEventListener("decided", ({ detail: { gone, back } }) => {
    const all = rows();
    const leave = new Set(gone);
    const next = all.slice(place).find((one) => !leave.has(one.dataset.id)) ?? all.findLast((one) => !leave.has(one.dataset.id));
    for (const id of gone) selected.delete(id);
    if (list.querySelector("table")?.dataset.decision === "undecided") {
      for (const one of all) if (leave.has(one.dataset.id)) one.remove();
    }
    if (leave.has(current)) goTo(next, false);
    awaited = back[0] ?? "";
    glance.dataset.id = ""; // what was said of a campaign has changed
    refresh();
  });

  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status === 409) refresh(); // it is not as the list shows it
  });

  document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== list) return;
    const all = rows();
    const back = row(awaited);
    if (back) awaited = "";
    goTo(back ?? row(current) ?? all[Math.min(place, all.length - 1)], atRest());
    showSelection();
  });

  // -- keys and clicks ----------------------------------------------------------------------------------

  shoal.key("j", () => step(1));
  shoal.key("k", () => step(-1));
  shoal.key("ArrowDown", () => inList() && step(1));
  shoal.key("ArrowUp", () => inList() && step(-1));
  for (const name of ["Enter", "o"]) {
    shoal.key(name, (event) => {
      if (name === "Enter" && event.target.closest("a, button, summary")) return false;
      row(current)?.querySelector(".title").click();
      return true;
    });
  }
  shoal.key("x", () => select(current));
  shoal.key("X", () => selectUpTo(current));
  shoal.key("a", () => decide("confirmed"));
  shoal.key("d", () => decide("dismissed"));
  shoal.key("w", () => decide("watch"));
  if (bulk) shoal.key("u", () => shoal.undo());
  shoal.key("/", () => words.focus());
  shoal.key("Escape", () => {
    if (document.querySelector("dialog[open], details.menu[open]")) return false;
    clear();
    return true;
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    if (event.key === "Escape" && words.value) {
      words.value = "";
      htmx.trigger(words, "search");
    }
    event.preventDefault();
    words.blur();
    goTo(row(current));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  });

  list.addEventListener("focusin", ({ target }) => {
    const one = target.closest("tr[data-id]");
    if (one && one.dataset.id !== current) goTo(one, false);
  });
  list.addEventListener("click", (event) => {
    const everything = event.target.closest("[data-everything]");
    if (everything) {
      for (const id of everything.dataset.everything.split(" ")) selected.add(id);
      showSelection();
    }
    const one = event.target.closest("tr[data-id]");
    if (!one) return;
    const box = event.target.closest(".pick input");
    if (box && event.shiftKey) selectUpTo(one.dataset.id);
    else if (box) select(one.dataset.id, box.checked);
    if (box || !event.target.closest("a")) goTo(one);
  });
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-verdict]");
    if (button) decide(button.dataset.verdict);
    if (target.closest("[data-clear]")) clear();
    if (target.closest("[data-hide]")) look("");
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });

  goTo(rows()[0], false, !narrow.matches);
});
