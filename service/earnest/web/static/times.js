// Times in the reader's own zone, and how far away they are by the chain's clock.
import { page } from "./dom.js";

const locale = document.documentElement.lang;
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const zoned = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always" });
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

// The chain's clock decides, and on a chain for tests it may be days away from the reader's.
let ahead = 0;

/** Take the chain's time (Unix seconds) as it is now. */
export function setChainTime(seconds) {
  if (seconds > 0) ahead = seconds - Date.now() / 1000;
}

/** Say how far away a Unix time is: "in 3 hours"; empty where it is too far to matter. */
export function distance(seconds) {
  const left = seconds - (Date.now() / 1000 + ahead);
  for (const [unit, size] of UNITS) {
    if (Math.abs(left) >= size) return relative.format(Math.trunc(left / size), unit);
  }
  return relative.format(Math.trunc(left), "second");
}

/** Show every time under an element in the reader's zone. */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.textContent = exact.format(at);
    time.title = zoned.format(at);
  }
}

/** Show beside the end of a time how far away it is, wherever the page has one now. */
export function countDown() {
  for (const time of document.querySelectorAll(".until time")) {
    const far = time.parentElement.querySelector(".relative") ?? document.createElement("span");
    far.className = "relative";
    far.textContent = distance(Date.parse(time.dateTime) / 1000);
    time.after(far);
  }
}

setInterval(countDown, 10000);

setChainTime(Number(page.now));
