// The page's parts that change: asked for when the service says so, and now and then; put in where they differ.
import { announce, page } from "../dom.js";
import { localise, setChainTime } from "../times.js";

const FAST_MS = 1000; // while something is on its way
const CALM_MS = 3000;
const TOLD_MS = 6000; // the stream tells of what happens; what time alone changes, the page has to see by itself
const HIDDEN_MS = 20000; // a tab that nobody looks at
const url = `/checkout/${page.payment}/parts?lang=${page.lang}`;
const parts = document.getElementById("parts");
const offline = document.getElementById("offline");
const shown = new Map();
const listeners = [];
let tag = null;
let timer = null;
let hurry = () => false;
let running = null;
let stream = null;

/** What the page says of the payment now. */
export function status() {
  return parts.querySelector("[data-part=status]").dataset;
}

/** Call `listener` after parts were put in. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Look more often while `isBusy()`. */
export function hurryWhile(isBusy) {
  hurry = isBusy;
}

/** Look now; resolves when the page shows what the service knows. */
export function refresh() {
  running ??= look().finally(() => (running = null));
  return running;
}

async function look() {
  clearTimeout(timer);
  try {
    const answer = await fetch(url, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 200) put(await answer.text());
    else if (answer.status !== 304) throw new Error(`status ${answer.status}`);
    tag = answer.headers.get("ETag");
    setChainTime(Number(answer.headers.get("Earnest-Chain-Time")));
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
  timer = setTimeout(refresh, pause());
}

function pause() {
  if (document.hidden) return HIDDEN_MS;
  if (hurry()) return FAST_MS;
  return stream?.readyState === EventSource.OPEN ? TOLD_MS : CALM_MS;
}

/** Listen to the service; it is asked all the same, so that nothing hangs on the stream. */
function listen() {
  stream = new EventSource(`/v1/checkout/${page.payment}/stream`);
  stream.addEventListener("payment", refresh);
  stream.addEventListener("error", refresh);
}

function put(html) {
  const next = new DOMParser().parseFromString(html, "text/html").body;
  const before = status().status;
  const focused = document.activeElement?.closest?.("[data-part]")?.dataset.part;
  const opened = new Set([...document.querySelectorAll("details[open]")].map((each) => each.dataset.way));
  const fresh = [...next.querySelectorAll("[data-part]")];
  const names = new Set(fresh.map((part) => part.dataset.part));
  let changed = false;
  for (const part of parts.querySelectorAll(":scope > [data-part]")) {
    if (names.has(part.dataset.part)) continue;
    part.remove();
    shown.delete(part.dataset.part);
    changed = true;
  }
  // They stand in the service's order, below what is on its way; the summary stays where it is.
  let place = document.getElementById("doing");
  for (const part of fresh) {
    const name = part.dataset.part;
    let now = document.querySelector(`[data-part="${name}"]`);
    if (!now || shown.get(name) !== part.outerHTML) {
      shown.set(name, part.outerHTML);
      changed = true;
      for (const way of part.querySelectorAll("details[data-way]")) way.open = opened.has(way.dataset.way);
      localise(part);
      now?.replaceWith(part);
      now = part;
    }
    if (name === "summary") continue;
    if (place.nextElementSibling !== now) place.after(now);
    place = now;
  }
  if (!changed) return;
  for (const listener of listeners) listener();
  const title = document.getElementById("status-title");
  if (before !== status().status) {
    announce(title.textContent);
    // What had the focus may be gone with its part; the keyboard goes on at the news.
    if (focused && document.activeElement === document.body) {
      title.tabIndex = -1;
      title.focus({ preventScroll: true });
    }
  }
}

/** Begin: take what the server rendered as it is, then keep looking. */
export function start() {
  for (const part of document.querySelectorAll("[data-part]")) shown.set(part.dataset.part, part.outerHTML);
  localise(document);
  listen();
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("online", () => {
    // After a long silence the browser may have given the stream up.
    if (stream.readyState === EventSource.CLOSED) listen();
    refresh();
  });
  addEventListener("offline", () => (offline.hidden = false));
  addEventListener("pageshow", (event) => event.persisted && refresh());
  timer = setTimeout(refresh, FAST_MS);
}
