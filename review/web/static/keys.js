"use strict";
// Keys of every page. Pages add theirs with `shoal.key("j", action)`; nothing is a key while somebody types.
const shoal = (() => {
  const actions = new Map();
  const places = { q: "/queue", m: "/map", o: "/operators", r: "/runs", l: "/allow-list", p: "/proposals", a: "/audit" };
  let going = -Infinity; // when g was pressed

  const typing = (target) =>
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type='checkbox'], [type='radio'])"));

  const key = (name, action) => actions.set(name, action);

  /** Say something in the live region that every page has. */
  const tell = (text, bad = false) => {
    const box = document.getElementById("messages");
    const line = document.createElement("p");
    line.className = bad ? "message bad" : "message";
    line.textContent = text;
    box.replaceChildren(line);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open]") && event.key !== "Escape") return;
    if (performance.now() - going < 1500 && places[event.key]) {
      going = -Infinity;
      event.preventDefault();
      location.assign(places[event.key]);
      return;
    }
    going = event.key === "g" ? performance.now() : -Infinity;
    const action = actions.get(event.key);
    if (action && action(event) !== false) event.preventDefault();
  });

  const help = () => {
    const dialog = document.getElementById("help");
    if (dialog) dialog.showModal();
  };
  key("?", help);
  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-help]");
    if (button) button.addEventListener("click", help);
    document.body.addEventListener("htmx:sendError", () => tell("The server cannot be reached. Nothing was changed.", true));
  });

  return { key, tell, typing };
})();
