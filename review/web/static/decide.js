"use strict";
// Deciding by keys, on any page: in the dialog a digit decides for that reason at once, and a letter begins a reason in
// one's own words. `shoal.undo()` takes back what was decided last, and so does the button in the message about it.
addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("dialogs");
  const done = []; // requests that take back, the latest last

  document.body.addEventListener("decided", ({ detail }) => {
    if (detail.undo) done.push(detail.undo);
    const badge = document.getElementById("waiting");
    if (badge && detail.waiting != null) {
      badge.textContent = detail.waiting;
      badge.hidden = !detail.waiting;
    }
  });

  /** The dialog about these campaigns; nothing while another one is open or on its way. */
  let asking = false;
  shoal.decide = async (verdict, ids) => {
    if (asking || document.querySelector("dialog[open]") || !ids.length) return;
    asking = true;
    const query = new URLSearchParams([["verdict", verdict], ...ids.map((id) => ["on", id])]);
    try {
      await htmx.ajax("GET", `/decisions/new?${query}`, { target: "#dialogs", swap: "innerHTML" });
    } finally {
      asking = false;
    }
  };

  shoal.undo = () => {
    const last = done.pop();
    if (last) htmx.ajax("POST", last.path, { values: last.values, target: "#messages", swap: "innerHTML" });
    else shoal.tell("Nothing was decided here that could be taken back.");
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-undo]")) shoal.undo();
  });

  document.addEventListener("keydown", (event) => {
    const dialog = box.querySelector("dialog[open]");
    if (!dialog || event.ctrlKey || event.metaKey || event.altKey || event.repeat || shoal.typing(event.target)) return;
    if (/^[1-9]$/.test(event.key)) {
      const preset = dialog.querySelector(`[data-preset="${event.key}"]`);
      if (preset) preset.click();
    } else if (/^\p{L}$/u.test(event.key)) {
      dialog.querySelector("[data-own]")?.focus();
    }
  });
});
