// A tx on its way: shown until the page's status tells of it, also after a reload.
import { announce, kept, make, page, short, t } from "../dom.js";
import { ask, wallets } from "../wallets.js";
import * as live from "./live.js";

const LOOK_MS = 1500;
const REPLACED_MS = 8000; // the service may still have to see the tx that took its place
const DROPPED_MS = 90000;
const UNSEEN_MS = 180000; // nobody here can say what became of it
const box = document.getElementById("doing");
const parts = document.getElementById("parts");

/** Whether something is on its way. */
export function isPending() {
  return kept.get("pending") !== null;
}

/** Show a tx as on its way and watch it. `wallet` may be null where the service has sent it. */
export function follow(pending) {
  kept.set("pending", { seq: Number(live.status().seq), at: Date.now(), ...pending });
  show("busy", t("pending.title"), pending.relayed ? t("pending.relayed") : t("pending"), pending.hash);
  announce(t("pending.title"));
  box.scrollIntoView({ block: "nearest" });
  live.refresh();
  watch();
}

/** Go on after a reload. */
export function resume() {
  const pending = kept.get("pending");
  if (!pending) return;
  if (arrived(pending)) {
    done(pending);
    return;
  }
  show("busy", t("pending.title"), pending.relayed ? t("pending.relayed") : t("pending"), pending.hash);
  watch();
}

live.onChange(() => {
  const pending = kept.get("pending");
  if (pending && arrived(pending)) done(pending);
});
live.hurryWhile(isPending);

function arrived(pending) {
  // A withdrawal is no event of the payment: it has arrived when nothing is owed any more.
  if (pending.verb === "withdraw") return !document.querySelector("button[data-verb=withdraw]");
  return Number(live.status().seq) > pending.seq;
}

function done(pending) {
  kept.set("pending", null);
  delete parts.dataset.busy;
  if (pending.replaced) announce(t("sped_up"));
  box.hidden = true;
}

let watching = false;

async function watch() {
  if (watching) return;
  watching = true;
  try {
    for (let pending; (pending = kept.get("pending")); ) {
      if (arrived(pending)) {
        done(pending);
        break;
      }
      const wallet = pending.relayed ? null : wallets().find((each) => each.info.rdns === pending.wallet);
      if (wallet) await look(wallet, pending).catch(() => {});
      else if (Date.now() - pending.at > UNSEEN_MS) fail("late.title", "late");
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    watching = false;
  }
}

async function look(wallet, pending) {
  const receipt = await ask(wallet, "eth_getTransactionReceipt", [pending.hash]);
  if (!isStill(pending)) return; // the page's status told of it while the wallet was asked
  if (receipt) {
    if (BigInt(receipt.status ?? 1) === 0n) fail("failed.title", "failed");
    else show("busy", t("pending.title"), t("mined"), pending.hash);
    return;
  }
  const tx = await ask(wallet, "eth_getTransactionByHash", [pending.hash]);
  if (!isStill(pending)) return;
  if (tx) {
    kept.set("pending", { ...pending, nonce: Number(tx.nonce) });
    return;
  }
  const used = Number(await ask(wallet, "eth_getTransactionCount", [pending.from, "latest"]));
  if (!isStill(pending)) return;
  if (pending.nonce !== undefined && used > pending.nonce) {
    const replaced = pending.replaced ?? Date.now();
    kept.set("pending", { ...pending, replaced });
    if (Date.now() - replaced > REPLACED_MS) fail("replaced.title", "replaced");
  } else if (Date.now() - pending.at > DROPPED_MS) fail("failed.title", "dropped");
}

function isStill(pending) {
  return kept.get("pending")?.hash === pending.hash;
}

function fail(title, text) {
  kept.set("pending", null);
  delete parts.dataset.busy;
  show("failed", t(title), t(text));
  announce(t(title));
}

function show(kind, title, text, hash = null) {
  if (kind === "busy") parts.dataset.busy = "yes";
  const content = [make("h2", { id: "doing-title" }, title), make("p", {}, text)];
  if (hash) content.push(make("p", { className: "faint" }, link(hash)));
  if (box.className === `card doing ${kind}` && !box.hidden && box.children[1].textContent === text) return;
  box.className = `card doing ${kind}`;
  box.replaceChildren(...content);
  box.hidden = false;
}

function link(hash) {
  const text = t("tx", { hash: short(hash) });
  return page.explorer ? make("a", { href: `${page.explorer}/tx/${hash}`, rel: "noreferrer noopener", target: "_blank" }, text) : text;
}
