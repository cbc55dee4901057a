// The checkout's script: everything starts here.
import { kept, make, t } from "../dom.js";
import { countDown } from "../times.js";
import { discover, icon, onWallet, wallets } from "../wallets.js";
import * as deposit from "./deposit.js";
import { run } from "./flow.js";
import * as live from "./live.js";
import * as pending from "./pending.js";
import * as receipt from "./receipt.js";

function listWallets() {
  const place = document.getElementById("wallets");
  if (!place) return;
  const there = wallets();
  // The same buttons stay: one of them may have the focus.
  if (there.length && place.querySelectorAll("button").length === there.length) return;
  const buttons = there.map((wallet, index) =>
    make(
      "button",
      { type: "button", className: index ? "quiet" : "", onclick: () => run("fund", { wallet }) },
      icon(wallet),
      t("pay_with", { wallet: wallet.info.name }),
    ),
  );
  if (buttons.length) place.replaceChildren(...buttons);
  else if (searched) place.replaceChildren(make("p", { className: "faint" }, t("no_wallet")));
  document.getElementById("wallets-before").hidden = !buttons.length;
  if (searched && !buttons.length) document.querySelector("[data-way=phone]").open = true;
}

let searched = false;

document.getElementById("parts").addEventListener("click", (event) => {
  const button = event.target.closest("button[data-verb]");
  // A receipt can't be taken back, so one is enough.
  if (button?.dataset.verb === "receipt" && receipt.showAgain()) return;
  if (button) run(button.dataset.verb, { relayed: button.dataset.relayed === "yes" });
});
onWallet(listWallets);
live.onChange(listWallets);
live.onChange(countDown);
live.start();
countDown();
receipt.show();
receipt.offerScanned();
pending.resume();
deposit.resume();
discover(t("unnamed_wallet")).then(() => {
  searched = true;
  listWallets();
});
document.documentElement.dataset.ready = kept.get("pending") ? "busy" : "yes";
