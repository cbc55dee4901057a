// What makes the desk quicker; without scripts everything works all the same.
import { announce, t } from "../dom.js";
import { localise } from "../times.js";

const BUSY_MS = 1500;
const CALM_MS = 10000;

localise(document);

// Ticking: one for all, and how many there are.
const ticked = document.getElementById("ticked");
const all = document.getElementById("all");
if (ticked && all) {
  const count = document.getElementById("count");
  const boxes = [...ticked.querySelectorAll("input[name=payment]")];
  const buttons = [...ticked.querySelectorAll("button[data-batch]")];
  const show = () => {
    const chosen = boxes.filter((box) => box.checked);
    all.checked = chosen.length === boxes.length;
    all.indeterminate = chosen.length > 0 && !all.checked;
    count.textContent = chosen.length ? t("ticked", { count: chosen.length }) : count.dataset.many;
    for (const button of buttons) {
      button.disabled = !chosen.some((box) => box.dataset.batch === button.dataset.batch);
    }
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
    announce(count.textContent);
  });
  ticked.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
}

// Whoever types an amount or ticks a scope means the choice that it belongs to.
for (const field of document.querySelectorAll("[data-chooses]")) {
  field.addEventListener("input", () => (document.getElementById(field.dataset.chooses).checked = true));
}

// A deed is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A payment's page keeps itself up to date while something is to come.
async function look() {
  const live = document.getElementById("live");
  if (!live?.dataset.live) return;
  try {
    if (document.visibilityState === "visible") await renew(live);
  } catch {
    // The next look may be luckier.
  }
  setTimeout(look, document.getElementById("live").dataset.busy ? BUSY_MS : CALM_MS);
}

async function renew(live) {
  const answer = await fetch(location.href, { redirect: "manual" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  if (!fresh) return;
  localise(live);
  const before = live.querySelector(".marks")?.textContent;
  localise(fresh);
  if (fresh.innerHTML === live.innerHTML || live.contains(document.activeElement)) {
    // Whoever is reading or about to press something is not interrupted, unless the status has moved.
    if (fresh.querySelector(".marks")?.textContent === before) return;
  }
  live.replaceWith(document.adoptNode(fresh));
  const after = fresh.querySelector(".marks")?.textContent;
  if (after !== before) announce(after.trim());
}

const first = document.getElementById("live");
if (first?.dataset.live) setTimeout(look, first.dataset.busy ? BUSY_MS : CALM_MS);

document.documentElement.dataset.ready = "1";
