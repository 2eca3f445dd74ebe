// What every page needs: the menu of small screens, countdowns in lists, dialogs, the first error in focus, and the
// other tabs' news of who is signed in.

import { clockText } from "../room/clock.js";
import { followSession } from "./session.js";

const menuButton = document.querySelector("[data-menu-button]");
const menu = document.querySelector("[data-menu]");

menuButton?.addEventListener("click", () => {
  const open = menuButton.getAttribute("aria-expanded") !== "true";
  menuButton.setAttribute("aria-expanded", String(open));
  menu.toggleAttribute("data-open", open);
});

// A list's countdown needs no more than the server's time at rendering: the room keeps the exact one.
const countdowns = [...document.querySelectorAll("[data-countdown]")].map((element) => ({
  text: element.querySelector("[data-countdown-text]"),
  deadline: Number(element.dataset.countdown),
  ahead: Number(element.dataset.now) - performance.now(),
  over: element.dataset.over,
}));

function showCountdowns() {
  for (const { text, deadline, ahead, over } of countdowns) {
    const left = deadline - (performance.now() + ahead);
    text.textContent = left > 0 ? clockText(left) : over;
  }
}

if (countdowns.length > 0) {
  showCountdowns();
  setInterval(showCountdowns, 500);
}

for (const opener of document.querySelectorAll("[data-opens]")) {
  opener.addEventListener("click", () => document.getElementById(opener.dataset.opens)?.showModal());
}

for (const closer of document.querySelectorAll("[data-closes]")) {
  closer.addEventListener("click", () => closer.closest("dialog")?.close());
}

document.querySelector("[data-focus-first]")?.focus();

followSession();
