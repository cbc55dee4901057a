// What a wallet is asked to sign: said in words, and checked to be about this payment and nothing else.
import { make, page, t } from "../dom.js";

const PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3";
const APPROVE = "0x095ea7b3";

const same = (one, other) => String(one).toLowerCase() === String(other).toLowerCase();

/** What the service prepared is not about this payment. */
export class NotOurs extends Error {}

function insist(holds) {
  if (!holds) throw new NotOurs(t("not_ours"));
}

/** Check that an unsigned tx calls this payment's escrow, or approves exactly its amount; raises NotOurs. */
export function checkTx(tx) {
  insist(Number(tx.chain_id) === Number(page.chainId));
  if (same(tx.to, page.escrow)) {
    insist(BigInt(tx.value) <= BigInt(page.amount));
    return;
  }
  insist(same(tx.to, page.token) && tx.value === "0" && tx.data.startsWith(APPROVE) && tx.data.length === 138);
  const spender = `0x${tx.data.slice(34, 74)}`;
  insist(same(spender, page.escrow) && [0n, BigInt(page.amount)].includes(approved(tx)));
}

/** Check that typed data gives this payment's escrow this payment's amount, or is its receipt; raises NotOurs. */
export function checkTypedData(verb, { domain, message }) {
  insist(Number(domain.chainId) === Number(page.chainId));
  if (verb === "release_with_receipt") insist(same(domain.verifyingContract, page.escrow) && same(message.id, page.payment));
  else if (verb === "fund_with_authorization") {
    insist(same(domain.verifyingContract, page.token) && same(message.to, page.escrow));
    insist(message.value === page.amount && same(message.nonce, page.payment));
  } else {
    insist(same(domain.verifyingContract, PERMIT2) && same(message.spender, page.escrow));
    insist(same(message.permitted.token, page.token) && String(message.permitted.amount) === page.amount);
  }
}

/** Return what is signed, one sentence a step, as a list. */
export function sentences(steps) {
  const rows = steps.map((sentence, index) =>
    make(
      "li",
      {},
      steps.length > 1 ? make("span", { className: "number" }, t("step", { number: index + 1, count: steps.length })) : null,
      sentence,
    ),
  );
  return make("ol", { className: "say" }, ...rows);
}

/** Return a verb in words. */
export function sayVerb(verb, held) {
  return t(`say.${verb}`, { amount: page.shown, merchant: page.merchant, terms: page.terms, held });
}

/** Return an approval in words. */
export function sayApproval(tx) {
  return approved(tx) === 0n ? t("say.reset") : t("say.approve", { amount: page.shown });
}

function approved(tx) {
  return BigInt(`0x${tx.data.slice(74)}`);
}
