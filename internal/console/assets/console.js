// What htmx cannot do. Every page works without this file.
"use strict";

// A button with data-copy copies the command beside it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.parentElement.querySelector("code").textContent;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // No permission, or plain HTTP: select it, so that a key press copies.
    getSelection().selectAllChildren(button.parentElement.querySelector("code"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
});

function prepare(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

prepare(document);

document.addEventListener("htmx:after:swap", () => {
  prepare(document);
  // What was opened is what is read next.
  const panel = document.getElementById("panel");
  const heading = panel && panel.querySelector("[data-focus]");
  if (heading) {
    heading.removeAttribute("data-focus");
    heading.focus();
    for (const cell of document.querySelectorAll("a.cell.current")) {
      cell.classList.remove("current");
      cell.removeAttribute("aria-current");
    }
    const open = [...document.querySelectorAll("a.cell")].find((a) => a.pathname + a.search === location.pathname + location.search);
    if (open) {
      open.classList.add("current");
      open.setAttribute("aria-current", "true");
    }
  }
});

// Escape closes an open menu and gives the focus back.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
