// What the merchant is told, as it comes: the newest of what came before, and then the stream, which goes on after a break.
import { make, short, t } from "../dom.js";
import { api } from "./api.js";

const BACK_MS = 2000;
const MOST_ROWS = 100;
const rows = document.getElementById("hook-rows");
const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
let following = null;

/** Follow with this key from now on; `refused` is called when the service does not take it. */
export async function watchWebhooks(key, refused) {
  following?.abort();
  const mine = (following = new AbortController());
  rows.replaceChildren();
  try {
    const before = await api("/v1/events?limit=20");
    for (const event of before.data.toReversed()) add(event);
    let last = before.data[0]?.id ?? null;
    while (!mine.signal.aborted) {
      last = await connection(key, last, mine.signal, refused);
      await new Promise((resolve) => setTimeout(resolve, BACK_MS));
    }
  } catch {
    // The key was refused, which the page says, or another one follows now.
  }
}

async function connection(key, last, signal, refused) {
  const headers = { Authorization: `Bearer ${key}`, Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
  try {
    const answer = await fetch("/v1/stream", { headers, signal, cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) refused();
    if (!answer.ok) return last;
    let buffer = "";
    for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
      const parts = (buffer + text).split("\n\n");
      buffer = parts.pop();
      for (const part of parts) last = take(part) ?? last;
    }
  } catch {
    // It broke off; the next one begins where this one ended.
  }
  return last;
}

function take(part) {
  const fields = new Map(part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  if (fields.has("data")) add(JSON.parse(fields.get("data")));
  return fields.get("id");
}

function add(event) {
  const payment = event.data;
  document.getElementById("none").hidden = true;
  rows.prepend(
    make("li", { title: event.id },
      make("div", { className: "first" },
        make("strong", {}, event.type.replace("payment.", "")),
        make("span", {}, `${payment.amount.value} ${payment.amount.symbol}`),
        make("a", { href: `/checkout/${payment.id}` }, short(payment.id)),
        payment.order_reference ? make("span", { className: "faint" }, payment.order_reference) : null,
        make("span", { className: "badge" }, t("status", { status: payment.status, finality: payment.finality ?? "–" })),
        make("span", { className: "when faint" }, time.format(new Date(event.timestamp))))),
  );
  while (rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
}
