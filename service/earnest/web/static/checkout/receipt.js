// The receipt at the door: signed by the buyer, shown as a code, taken by whoever scans it.
import { announce, kept } from "../dom.js";
import { receiptCode, relay } from "./api.js";
import * as live from "./live.js";
import { follow } from "./pending.js";

const LINK = /^#receipt=(0x[0-9a-fA-F]{2,8192})$/;

/** Keep a signed receipt in this browser and show its code; it is drawn now, so that showing it needs no connection. */
export async function keepReceipt(signature) {
  kept.set("receipt", { code: await receiptCode(signature), hidden: false });
  show();
  document.getElementById("receipt")?.scrollIntoView({ block: "nearest" });
}

/** Show a receipt that was signed before; false where there is none. */
export function showAgain() {
  const receipt = kept.get("receipt");
  if (receipt) kept.set("receipt", { ...receipt, hidden: false });
  show();
  if (receipt) document.getElementById("receipt")?.scrollIntoView({ block: "nearest" });
  return receipt !== null;
}

/** Show the kept receipt while it can be used. */
export function show() {
  const box = document.getElementById("receipt");
  const receipt = kept.get("receipt");
  if (!box || !receipt) return;
  box.hidden = receipt.hidden;
  const drawn = new DOMParser().parseFromString(receipt.code, "text/html").querySelector("svg");
  if (drawn) document.getElementById("receipt-code").replaceChildren(drawn);
}

/** Offer to take a receipt that was scanned. */
export function offerScanned() {
  const signature = LINK.exec(location.hash)?.[1];
  const card = document.getElementById("receipt-scanned");
  const usable = () => ["funded", "delivered", "disputed"].includes(live.status().status);
  if (!signature) return;
  card.hidden = !usable();
  live.onChange(() => (card.hidden = !usable()));
  document.getElementById("receipt-take").addEventListener("click", async (event) => {
    event.target.disabled = true;
    try {
      follow({ verb: "release_with_receipt", hash: await relay("release_with_receipt", { signature }), relayed: true });
      card.hidden = true;
    } catch (error) {
      event.target.disabled = false;
      card.querySelector("p").textContent = error.message;
      announce(error.message);
    }
  });
}

document.addEventListener("click", (event) => {
  if (event.target.id !== "receipt-hide") return;
  kept.set("receipt", { ...kept.get("receipt"), hidden: true });
  show();
});
live.onChange(show);
