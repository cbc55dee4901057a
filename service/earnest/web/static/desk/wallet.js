// Signing in by the wallet that is paid. Source: EIP-4361, EIP-6963.
import { make, t } from "../dom.js";
import { ask, discover, icon, onWallet, wallets } from "../wallets.js";

const form = document.getElementById("wallet");
const says = document.getElementById("wallet-says");

async function signIn(wallet) {
  says.textContent = t("wallet.waits");
  try {
    const [account] = await ask(wallet, "eth_requestAccounts");
    const answer = await fetch("/desk/sign_in/ask", { method: "POST", body: new URLSearchParams({ wallet: account }) });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    const hex = [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    form.elements.signature.value = await ask(wallet, "personal_sign", [`0x${hex}`, account]);
    form.elements.text.value = text;
    form.submit();
  } catch (error) {
    says.textContent = t(error.kind === "rejected" ? "wallet.rejected" : "wallet.failed");
  }
}

function show() {
  const buttons = wallets().map((wallet) =>
    make(
      "button",
      { type: "button", className: "quiet", onclick: () => signIn(wallet) },
      icon(wallet),
      t("wallet.with", { wallet: wallet.info.name }),
    ),
  );
  document.getElementById("wallets").replaceChildren(...buttons);
  form.hidden = buttons.length === 0;
}

onWallet(show);
discover(t("wallet.unnamed")).then(show);
