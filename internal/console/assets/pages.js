// What single pages do beyond console.js. Every page works without this file.
"use strict";

// A stream that is connected says so beside its heading.
for (const [name, open] of [["htmx:sse:after:connection", true], ["htmx:sse:error", false], ["htmx:sse:close", false]]) {
  document.addEventListener(name, () => {
    for (const state of document.querySelectorAll("[data-live]")) state.hidden = !open;
  });
}

// A log that is followed stays at its end, unless the person scrolled up.
document.addEventListener("htmx:sse:before:message", (event) => {
  const frame = event.target.closest("[data-follow]");
  if (frame) frame.dataset.atEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 40 ? "yes" : "";
});
document.addEventListener("htmx:sse:after:message", (event) => {
  const frame = event.target.closest("[data-follow]");
  if (frame && frame.dataset.atEnd) frame.scrollTop = frame.scrollHeight;
});

// Test events that a person saved live in this browser, for each function.
const saved = document.querySelector("[data-saved-events]");
if (saved) {
  const key = "stagedoor-events-" + saved.dataset.savedEvents;
  const text = document.querySelector("[data-event-text]");
  const button = document.querySelector("[data-save-event]");
  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(key)) || {};
    } catch {
      return {};
    }
  };
  const show = () => {
    saved.replaceChildren(...Object.entries(read()).map(([name, event]) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.textContent = name;
      chip.title = "Saved in this browser";
      chip.addEventListener("click", () => {
        text.value = event;
        text.focus();
      });
      return chip;
    }));
  };
  if (button) {
    const form = document.querySelector("[data-event-name]");
    button.hidden = false;
    form.hidden = false;
    button.addEventListener("click", () => {
      const input = form.querySelector("input");
      const name = input.value.trim();
      if (!name) {
        input.focus();
        return;
      }
      const events = read();
      events[name] = text.value;
      try {
        localStorage.setItem(key, JSON.stringify(events));
      } catch {
        // Storage is full or forbidden: nothing was saved, and no chip appears.
      }
      show();
    });
  }
  show();
}

// In a narrow window the navigation is scrolled sideways: the current page's
// entry is in sight.
const current = document.querySelector(".side nav [aria-current]");
if (current && current.getBoundingClientRect().right > innerWidth) current.scrollIntoView({ block: "nearest", inline: "center" });

// In a narrow window the answer to a request stands below the form.
const answer = document.querySelector("[data-answer]");
if (answer && answer.getBoundingClientRect().top > innerHeight) answer.scrollIntoView();
