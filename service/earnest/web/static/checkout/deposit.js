// Plain transfers: looks at the deposit address while somebody waits for it, and lets the service take in what came.
import { grouped, kept, page, t } from "../dom.js";
import { deposit, relay } from "./api.js";
import * as live from "./live.js";
import { follow, isPending } from "./pending.js";

const LOOK_MS = 4000;
let looking = false;

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-deposit]");
  if (!button) return;
  kept.set("deposit", button.dataset.deposit);
  look();
});

/** Go on looking after a reload. */
export function resume() {
  if (kept.get("deposit")) look();
}

async function look() {
  if (looking) return;
  looking = true;
  try {
    for (let why; (why = kept.get("deposit")); ) {
      const expected = why === "fund" ? "created" : "expired";
      if (live.status().status !== expected) kept.set("deposit", null);
      else if (!isPending()) await once(why);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    looking = false;
  }
}

async function once(why) {
  try {
    const { there, enough } = await deposit();
    const shown = { there: `${grouped(there.value)} ${there.symbol}` };
    if (there.base_units === "0") say(t("deposit.nothing"));
    else if (why === "fund" && !enough) say(t("deposit.less", shown));
    else {
      say(why === "fund" ? t("deposit.enough", shown) : t("deposit.back"));
      if (!page.relay) return;
      const hash = await relay("collect");
      if (why === "fund") follow({ verb: "collect", hash, relayed: true });
      else kept.set("deposit", null);
    }
  } catch (error) {
    say(error.message);
  }
}

function say(text) {
  const place = document.querySelector(".deposit-state");
  if (place && place.textContent !== text) place.textContent = text;
}
