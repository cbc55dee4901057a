// The wallets in this browser, as they announce themselves. Source: EIP-6963, EIP-1193.

const found = new Map();
const listeners = [];

/** An error of a wallet in our words: `kind` is rejected, busy, unknown_chain or failed. */
export class WalletError extends Error {
  constructor(kind, detail) {
    super(detail);
    this.kind = kind;
  }
}

const KINDS = { 4001: "rejected", "-32002": "busy", 4902: "unknown_chain" };

/** Ask a wallet; raises WalletError. */
export async function ask(wallet, method, params = []) {
  try {
    return await wallet.provider.request({ method, params });
  } catch (error) {
    const code = error?.data?.originalError?.code ?? error?.code;
    throw new WalletError(KINDS[code] ?? "failed", error?.message ?? String(error));
  }
}

/** Return the wallets that were found so far. */
export function wallets() {
  return [...found.values()];
}

/** Call `listener` whenever another wallet is found. */
export function onWallet(listener) {
  listeners.push(listener);
}

function add(wallet) {
  if (found.has(wallet.info.uuid)) return;
  found.set(wallet.info.uuid, wallet);
  for (const listener of listeners) listener();
}

/** Ask all wallets to announce themselves; those from before EIP-6963 stand in `window.ethereum` alone. */
export function discover(nameOfOld) {
  addEventListener("eip6963:announceProvider", ({ detail }) => {
    if (detail?.info?.uuid && typeof detail.provider?.request === "function") add(detail);
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  return new Promise((resolve) =>
    setTimeout(() => {
      if (found.size === 0 && typeof window.ethereum?.request === "function") {
        add({ info: { uuid: "window.ethereum", name: nameOfOld, icon: "" }, provider: window.ethereum });
      }
      resolve();
    }, 400),
  );
}

/** Return a wallet's icon as an element, null where it has none that may be shown. */
export function icon(wallet) {
  if (!/^data:image\/(png|webp|svg\+xml|jpeg|gif)[;,]/.test(wallet.info.icon ?? "")) return null;
  const image = document.createElement("img");
  image.src = wallet.info.icon;
  image.alt = "";
  return image;
}
