// From a button to a signature: wallet, network, account, what will be signed in words, then the wallet's own question.
import { grouped, kept, make, page, short, t } from "../dom.js";
import { choose, close, wait } from "../dialog.js";
import { WalletError, ask, icon, wallets } from "../wallets.js";
import { Refused, prepare, relay } from "./api.js";
import * as live from "./live.js";
import { follow } from "./pending.js";
import { keepReceipt } from "./receipt.js";
import { NotOurs, checkTx, checkTypedData, sayApproval, sayVerb, sentences } from "./signing.js";

const CHAIN = `0x${Number(page.chainId).toString(16)}`;
const COIN = "0x0000000000000000000000000000000000000000";
const OF_THE_BUYER = ["release", "release_with_receipt", "receipt", "dispute"];
const WITHOUT_A_WALLET = ["reclaim"];
const RECEIPT_MS = 800;

/** The reader closed the dialog: nothing more happens. */
class Left extends Error {}

let running = false;
/** Whether a wallet or the service was given something to send: from then on nobody knows that nothing came of it. */
let handed = false;

/** Do a verb, with a wallet if one is given; whatever goes wrong is told calmly and offered again. */
export async function run(verb, { wallet = null, relayed = false, usual = false } = {}) {
  if (running) return;
  running = true;
  handed = false;
  try {
    for (let again = true; again; ) again = await attempt(verb, wallet, relayed, usual);
  } finally {
    running = false;
    close();
  }
}

async function attempt(verb, wallet, relayed, usual) {
  try {
    if (relayed && WITHOUT_A_WALLET.includes(verb)) await relayPlainly(verb);
    else await talk(verb, wallet ?? (await pick()), relayed, usual);
    return false;
  } catch (error) {
    if (error instanceof Left) return false;
    return (await choose(...told(error), [{ label: t("again"), value: true }, { label: t("close"), value: false, quiet: true }])) ?? false;
  }
}

function told(error) {
  const text = (sentence) => [make("p", {}, sentence)];
  if (error instanceof WalletError && error.kind === "rejected") return [t("rejected.title"), text(t(handed ? "rejected_sent" : "rejected"))];
  if (error instanceof WalletError && error.kind === "busy") return [t("rejected.title"), text(t("busy"))];
  if (error instanceof NotOurs) return [t("error.title"), text(error.message)];
  return [t("error.title"), text(t(handed ? "error_sent" : "error", { detail: error.message }))];
}

/** Return a step's answer, or leave where the reader closed it. */
async function insist(step) {
  const answer = await step;
  if (answer === null) throw new Left();
  return answer;
}

/** Wait for a wallet while the dialog says what for. */
function during(text, work) {
  return new Promise((resolve, reject) => {
    wait(t("pending.title"), text, () => reject(new Left()));
    work.then(resolve, reject);
  });
}

async function pick() {
  const there = wallets();
  if (there.length === 0) {
    await choose(t("choose"), [make("p", {}, t("no_wallet"))], [{ label: t("close"), value: null, quiet: true }]);
    throw new Left();
  }
  const usual = there.find((each) => each.info.rdns === kept.get("wallet"));
  if (usual || there.length === 1) return usual ?? there[0];
  const buttons = there.map((each) => ({ label: t("use", { wallet: each.info.name }), value: each, quiet: true, icon: icon(each) }));
  return insist(choose(t("choose"), [], buttons));
}

async function talk(verb, wallet, relayed, usual) {
  let account = await connect(wallet);
  await onOurChain(wallet);
  account = await rightAccount(verb, wallet, account);
  kept.set("wallet", wallet.info.rdns);
  if (verb === "fund") return fund(wallet, account, usual);
  if (verb === "receipt") return signReceipt(wallet, account);
  if (verb === "release_with_receipt") return bySignature(verb, wallet, account, await preparing(verb, account));
  return byTx(verb, wallet, account);
}

async function connect(wallet) {
  const accounts = await during(t("connecting"), ask(wallet, "eth_requestAccounts"));
  if (!accounts?.length) throw new WalletError("rejected", "");
  return accounts[0];
}

async function onOurChain(wallet) {
  const network = page.network;
  while (BigInt(await ask(wallet, "eth_chainId")) !== BigInt(page.chainId)) {
    const button = { label: t("switch", { network }), value: true };
    await insist(choose(t("wrong_chain.title"), [make("p", {}, t("wrong_chain", { network }))], [button, { label: t("cancel"), value: null, quiet: true }]));
    try {
      await during(t("in_wallet"), ask(wallet, "wallet_switchEthereumChain", [{ chainId: CHAIN }]));
    } catch (error) {
      if (error.kind !== "unknown_chain") throw error;
      throw new Error(t("unknown_chain", { network, chain_id: page.chainId }));
    }
  }
}

async function rightAccount(verb, wallet, account) {
  const buyer = live.status().buyer;
  while (OF_THE_BUYER.includes(verb) && buyer && account.toLowerCase() !== buyer.toLowerCase()) {
    const text = t("wrong_account", { buyer: short(buyer), account: short(account) });
    const asked = choose(t("wrong_account.title"), [make("p", {}, text)], [{ label: t("again"), value: true }, { label: t("cancel"), value: null, quiet: true }]);
    const answer = await Promise.race([asked, accountChanged(wallet)]);
    if (answer === null) throw new Left();
    if (answer === true) await ask(wallet, "wallet_requestPermissions", [{ eth_accounts: {} }]).catch(() => {});
    account = (await ask(wallet, "eth_accounts"))[0] ?? account;
  }
  return account;
}

function accountChanged(wallet) {
  return new Promise((resolve) => {
    const heard = () => {
      wallet.provider.removeListener?.("accountsChanged", heard);
      resolve("changed");
    };
    wallet.provider.on?.("accountsChanged", heard);
  });
}

async function enough(wallet, account) {
  const asked =
    page.token === COIN
      ? ask(wallet, "eth_getBalance", [account, "latest"])
      : ask(wallet, "eth_call", [{ to: page.token, data: `0x70a08231${account.slice(2).toLowerCase().padStart(64, "0")}` }, "latest"]);
  const has = await asked.then(BigInt).catch(() => null);
  if (has === null || has >= BigInt(page.amount)) return;
  const shown = `${decimal(has)} ${page.symbol}`;
  throw new Error(t("too_little", { has: shown, needs: page.shown }));
}

function decimal(units) {
  const places = Number(page.decimals);
  const digits = units.toString().padStart(places + 1, "0");
  if (places === 0) return grouped(digits);
  const rest = digits.slice(-places).replace(/0+$/, "").padEnd(2, "0");
  return grouped(`${digits.slice(0, -places)}.${rest}`);
}

async function fund(wallet, account, usual) {
  await enough(wallet, account);
  const signed = page.relay && page.token !== COIN && !usual ? await freeWay(account) : null;
  if (signed) {
    const done = await bySignature(signed.verb, wallet, account, signed, true);
    if (done) return;
  }
  await byTx("fund", wallet, account);
}

/** Return what to sign where the token takes signatures and nothing has to be mined before; else null. */
async function freeWay(account) {
  for (const verb of ["fund_with_authorization", "fund_with_permit2"]) {
    try {
      const toSign = await preparing(verb, account);
      if (toSign.before.length === 0) return toSign;
    } catch (error) {
      if (!(error instanceof Refused) || error.code === "offline") throw error;
    }
  }
  return null;
}

function preparing(verb, account) {
  return during(t("preparing"), prepare(verb, account));
}

/** Sign typed data and let the service send it; false where the reader chose a usual tx instead. */
async function bySignature(verb, wallet, account, toSign, mayChange = false) {
  checkTypedData(verb, toSign.typed_data);
  const chosen = await review([sayVerb(verb, live.status().held)], account, t("review.free"), verb, mayChange);
  if (chosen === "usual") return false;
  const signature = await sign(wallet, account, toSign);
  const hash = await during(t("preparing"), handing(() => relay(verb, { signature, ...toSign.come_back_with })));
  follow({ verb, hash, relayed: true });
  return true;
}

async function signReceipt(wallet, account) {
  const toSign = await preparing("release_with_receipt", account);
  checkTypedData("release_with_receipt", toSign.typed_data);
  await review([sayVerb("receipt", live.status().held)], account, null, "receipt");
  await keepReceipt(await sign(wallet, account, toSign));
}

function sign(wallet, account, toSign) {
  return during(t("in_wallet"), ask(wallet, "eth_signTypedData_v4", [account, JSON.stringify(toSign.typed_data)]));
}

async function byTx(verb, wallet, account) {
  let prepared = await preparing(verb, account);
  const all = [...prepared.before, prepared];
  all.forEach(checkTx);
  await review([...prepared.before.map(sayApproval), sayVerb(verb, live.status().held)], account, t("review.gas"), verb);
  while (prepared.before.length) {
    await mined(wallet, await send(wallet, account, prepared.before[0]));
    prepared = await preparing(verb, account);
    [...prepared.before, prepared].forEach(checkTx);
  }
  const hash = await send(wallet, account, prepared);
  // Its nonce tells later whether another tx has taken its place.
  const tx = await ask(wallet, "eth_getTransactionByHash", [hash]).catch(() => null);
  follow({ verb, hash, from: account, wallet: wallet.info.rdns, ...(tx ? { nonce: Number(tx.nonce) } : {}) });
}

function send(wallet, account, tx) {
  const hex = (number) => `0x${BigInt(number).toString(16)}`;
  const asked = { from: account, to: tx.to, data: tx.data, value: hex(tx.value), gas: hex(tx.gas), chainId: CHAIN };
  return during(t("in_wallet"), handing(() => ask(wallet, "eth_sendTransaction", [asked])));
}

/** Let something be sent; only who says no, or refuses it, has surely not sent it. */
async function handing(send) {
  const before = handed;
  handed = true;
  try {
    return await send();
  } catch (error) {
    const refused = error instanceof WalletError ? ["rejected", "busy"].includes(error.kind) : error instanceof Refused && error.status < 500;
    if (refused) handed = before;
    throw error;
  }
}

async function mined(wallet, hash) {
  const look = async () => {
    for (;;) {
      const receipt = await ask(wallet, "eth_getTransactionReceipt", [hash]);
      if (receipt && BigInt(receipt.status ?? 1) === 0n) throw new Error(t("failed"));
      if (receipt) return;
      await new Promise((resolve) => setTimeout(resolve, RECEIPT_MS));
    }
  };
  await during(t("pending.approve"), look());
}

async function relayPlainly(verb) {
  await review([sayVerb(verb, live.status().held)], null, t("review.relayed"), verb);
  follow({ verb, hash: await during(t("preparing"), handing(() => relay(verb))), relayed: true });
}

function review(steps, account, cost, verb, mayChange = false) {
  const notes = [sentences(steps)];
  if (account) notes.push(make("p", { className: "faint" }, t("review.account", { account: short(account), network: page.network })));
  const buyer = live.status().buyer;
  if (verb.startsWith("fund") && buyer && account && buyer.toLowerCase() !== account.toLowerCase()) {
    notes.push(make("p", { className: "notice" }, t("review.refunds", { buyer: short(buyer) })));
  }
  if (cost) notes.push(make("p", { className: "faint" }, cost));
  const buttons = [{ label: account ? t("continue") : t("yes"), value: "go" }];
  if (mayChange) buttons.push({ label: t("other_way"), value: "usual", quiet: true });
  buttons.push({ label: t("cancel"), value: null, quiet: true });
  return insist(choose(t("review.title"), notes, buttons));
}
