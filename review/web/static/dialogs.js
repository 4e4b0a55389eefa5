"use strict";
// Dialogs that the server sends into #dialogs: opened when they arrive, closed when what they ask for is done. What goes
// wrong is said inside the dialog, for nothing outside it can be seen or read while it is open.
addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("dialogs");
  const messages = document.getElementById("messages");
  const open = () => box.querySelector("dialog[open]");

  // Not before htmx knows the forms in it: a key could send one the browser's way.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    const dialog = box.querySelector("dialog");
    if (event.detail.target === box && dialog && !dialog.open) {
      dialog.addEventListener("close", () => box.replaceChildren(), { once: true });
      dialog.showModal();
      dialog.querySelector("h2[tabindex]")?.focus(); // where there is one, so that Enter presses nothing yet
    }
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const problem = event.detail.target === messages && messages.querySelector(".bad") && open()?.querySelector("[data-problem]");
    if (problem) problem.replaceChildren(...messages.childNodes);
  });
  box.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) open()?.close();
  });
  for (const done of ["decided", "relabelled", "tied"]) document.body.addEventListener(done, () => open()?.close());
});
