// Choosing rows of a list for a form: all on the page at once, a count, and what was chosen stays so when the
// list is loaded anew or another of its pages comes. Without this file the boxes of one page work as they are.

"use strict";

const chosen = new Set();

function boxes() {
  const form = document.querySelector("form[data-chosen]");
  return form ? [...document.querySelectorAll(`input[type="checkbox"][form="${form.id}"]`)] : [];
}

function show() {
  const form = document.querySelector("form[data-chosen]");
  if (!form) return;
  const here = boxes();
  for (const box of here) box.checked = chosen.has(box.value);
  const all = document.querySelector(`[data-choose-all="${form.id}"]`);
  const ticked = here.filter((box) => box.checked).length;
  if (all) {
    all.hidden = false;
    all.checked = here.length > 0 && ticked === here.length;
    all.indeterminate = ticked > 0 && ticked < here.length;
  }
  const elsewhere = chosen.size - ticked;
  const count = form.querySelector("[data-chosen-count]");
  const images = chosen.size === 1 ? "1 image chosen" : `${chosen.size} images chosen`;
  count.textContent = chosen.size ? images + (elsewhere ? `, ${elsewhere} on other pages` : "") : "No image chosen";
  form.classList.toggle("some", chosen.size > 0);
  form.querySelector('button[type="reset"]').hidden = !chosen.size;
}

function keep(box) {
  if (box.checked) chosen.add(box.value);
  else chosen.delete(box.value);
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches?.("[data-choose-all]")) {
    for (const one of boxes()) {
      one.checked = box.checked;
      keep(one);
    }
    show();
  } else if (boxes().includes(box)) {
    keep(box);
    show();
  }
});

document.addEventListener("reset", (event) => {
  if (!event.target.matches("form[data-chosen]")) return;
  event.preventDefault();
  chosen.clear();
  show();
});

// What is chosen on other pages goes along.
document.addEventListener("formdata", (event) => {
  if (!event.target.matches("form[data-chosen]")) return;
  event.formData.delete("image");
  if (chosen.size) event.formData.set("image", [...chosen].join(","));
});

document.addEventListener("htmx:after:swap", show);

// A browser that comes back to the page may have kept the boxes as they were.
window.addEventListener("pageshow", () => {
  for (const box of boxes()) keep(box);
  show();
});
