// The developer's wallet: the buyer's account of the developer's chain, for checkouts in browsers that have no wallet. It
// signs whatever it is asked, without asking back; its key is known to the world. A browser has it once it opened the
// console, and only where this script is served: on the developer's chain. Source: EIP-6963, EIP-1193.

const FLAG = "earnest:developers-wallet";
const ICON =
  "data:image/svg+xml," +
  encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#17593f"/><path d="M8 8l-4 4 4 4M16 8l4 4-4 4M13.5 6l-3 12" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>');
const OWN = { wallet_requestPermissions: null, wallet_switchEthereumChain: null, wallet_addEthereumChain: null, wallet_revokePermissions: null };

async function request({ method, params = [] }) {
  if (method in OWN) return OWN[method];
  const answer = await fetch("/console/wallet", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ method, params }),
  });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.detail ?? `HTTP ${answer.status}`), { code: -32000 });
  return told.result;
}

const detail = Object.freeze({
  info: Object.freeze({
    uuid: "6b0b5c8e-5d0f-4a53-9c39-0f4f3d1c7a11",
    name: "Developer's wallet",
    icon: ICON,
    rdns: "localhost.earnest.developer",
  }),
  provider: Object.freeze({ request, on: () => {}, removeListener: () => {} }),
});

function announce() {
  dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
}

/** Let checkouts in this browser offer the wallet from now on. */
export function offer() {
  localStorage.setItem(FLAG, "yes");
}

if (localStorage.getItem(FLAG) === "yes") {
  addEventListener("eip6963:requestProvider", announce);
  announce();
}
