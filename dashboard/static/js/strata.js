// What HTML cannot do alone: copy, the search key, closing menus, relative times that stay true.
// Every page works without this file. Handlers stand on the document, so swapped parts need no wiring.

"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await copy(button.dataset.copy);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
    announce("Copied");
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
});

// navigator.clipboard exists only over TLS and on localhost; elsewhere a selection is copied the old way.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "only-read";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function announce(text) {
  const place = document.getElementById("announce");
  if (place) place.textContent = text;
}

// Relative times, by the rules of dashboard/templatetags/strata.py.
function ago(seconds) {
  const past = seconds >= 0;
  const s = Math.abs(seconds);
  const say = (n, unit) => (past ? `${n} ${unit} ago` : `in ${n} ${unit}`);
  if (s < 5) return "just now";
  if (s < 60) return say(Math.floor(s), "s");
  if (s < 3600) return say(Math.floor(s / 60), "min");
  if (s < 86400) return say(Math.floor(s / 3600), "h");
  const days = Math.floor(s / 86400);
  if (days === 1) return past ? "yesterday" : "in 1 day";
  return days < 45 ? say(days, "days") : null;
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = ago((Date.now() - Date.parse(element.dateTime)) / 1000);
    if (text && element.textContent !== text) element.textContent = text;
  }
}, 10000);
