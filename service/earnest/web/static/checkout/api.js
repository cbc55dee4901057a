// What the service prepares and sends: unsigned txs, typed data, and what it sends for the buyer.
import { page, t } from "../dom.js";

/** The service said no; `code` is its own word for why, `status` is that of HTTP; NaN where nothing answered. */
export class Refused extends Error {
  constructor(code, detail, status = NaN) {
    super(detail);
    this.code = code;
    this.status = status;
  }
}

async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { cache: "no-store", ...options });
  } catch {
    throw new Refused("offline", t("offline"));
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(told.code ?? "failed", told.detail ?? `HTTP ${answer.status}`, answer.status);
}

/** Return the unsigned tx or the typed data of a verb for an account. */
export async function prepare(verb, account, more = {}) {
  const query = new URLSearchParams({ from: account, ...more });
  const from = verb === "withdraw" ? `/checkout/${page.payment}` : `/v1/payments/${page.payment}`;
  return (await ask(`${from}/txs/${verb}?${query}`)).json();
}

function post(what, body) {
  const headers = { "Content-Type": "application/json" };
  return ask(`/checkout/${page.payment}/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Let the service send a verb; returns the tx's hash. */
export async function relay(verb, signed = null) {
  return (await (await post("relay", { verb, signed })).json()).hash;
}

/** Return the QR code of a receipt, as SVG drawn by the service. */
export async function receiptCode(signature) {
  return (await post("receipt_code", { signature })).text();
}

/** Return what lies at the deposit address. */
export async function deposit() {
  return (await ask(`/checkout/${page.payment}/deposit`)).json();
}
