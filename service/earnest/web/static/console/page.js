// The console: blocks by asking once a second, webhooks by the merchant's stream, and buttons that call the API.
import { page, t } from "../dom.js";
import { api, useKey, whenKeyed } from "./api.js";
import { watchBlocks, look } from "./blocks.js";
import { offer } from "./wallet.js";
import { watchWebhooks } from "./webhooks.js";

const outcome = document.getElementById("outcome");
const keyForm = document.getElementById("key-form");
const NUMBERS = new Set(["blocks", "advance_seconds", "depth", "times"]);

function tell(text, bad = false, link = null) {
  outcome.className = bad ? "bad" : "";
  outcome.replaceChildren(text, ...(link ? [" ", link] : []));
}

function bodyOf(form) {
  const fields = Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [name, NUMBERS.has(name) ? Number(value) : value]),
  );
  return form.dataset.do === "/v1/payments" ? { amount: fields } : fields;
}

async function act(path, body) {
  try {
    const told = await api(path, body);
    if (told.checkout_url) {
      const link = document.createElement("a");
      link.href = new URL(told.checkout_url).pathname;
      link.textContent = t("created.link");
      tell(t("created", { amount: `${told.amount.value} ${told.amount.symbol}` }), false, link);
    } else if (told.waiting) {
      const waiting = Object.entries(told.waiting).map(([method, times]) => `${method} × ${times}`);
      tell(waiting.length ? t("faults", { waiting: waiting.join(", ") }) : t("faults.none"));
    } else {
      tell(t("block", { number: told.number, time: told.timestamp.replace("T", " ").replace("Z", " UTC") }));
    }
  } catch (error) {
    tell(error.message, true);
  }
  look();
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if (form === keyForm) useKey(new FormData(form).get("key").trim());
  else act(form.dataset.do, bodyOf(form));
});
document.getElementById("forget").addEventListener("click", () => act("/v1/test/faults", {}));

offer();
watchBlocks();
whenKeyed((key) => {
  keyForm.hidden = key !== null;
  if (key !== null) watchWebhooks(key, () => useKey(null));
});
document.documentElement.dataset.ready = page.lang;
