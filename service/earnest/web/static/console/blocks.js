// Blocks as they come, newest on top; those that a reorg dropped stay, struck through.
import { announce, make, short, t } from "../dom.js";

const LOOK_MS = 1000;
const HIDDEN_MS = 10000;
const MOST_ROWS = 60;
const rows = document.getElementById("block-rows");
const offline = document.getElementById("offline");
const time = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
const shown = new Map(); // hash → { block, row }
let chain = []; // hashes of the blocks that count, newest first
let final = null;
let timer = null;
let looking = null;

/** Begin to look. */
export function watchBlocks() {
  look();
}

/** Look now. */
export function look() {
  looking ??= ask().finally(() => (looking = null));
  return looking;
}

async function ask() {
  clearTimeout(timer);
  try {
    const answer = await fetch(`/console/blocks?have=${chain[0] ?? ""}`, { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    put(await answer.json());
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  }
  timer = setTimeout(look, document.hidden ? HIDDEN_MS : LOOK_MS);
}

function put(told) {
  final = told.final;
  document.getElementById("head").textContent = told.head.number;
  document.getElementById("final").textContent = final ?? "–";
  document.getElementById("time").textContent = time.format(told.head.time * 1000);
  const oldest = told.blocks.at(-1);
  if (oldest) {
    // What stands below the oldest of the new ones still counts; everything else at those heights is gone.
    const from = chain.indexOf(oldest.parent);
    const kept = from < 0 ? [] : chain.slice(from);
    const fresh = new Set(told.blocks.map((each) => each.hash));
    for (const hash of chain.slice(0, from < 0 ? chain.length : from)) if (!fresh.has(hash)) drop(hash, told.head.number);
    for (const block of told.blocks.toReversed()) if (!shown.has(block.hash)) add(block);
    chain = [...told.blocks.map((each) => each.hash), ...kept].slice(0, MOST_ROWS);
  }
  for (const { block, row } of shown.values()) badge(block, row);
}

function add(block) {
  const txs = block.txs.map((tx) =>
    make("li", { className: tx.failed ? "failed" : "", title: tx.hash },
      `${tx.from} → ${tx.to ?? ""} `, make("strong", {}, tx.does),
      tx.failed ? ` ${t("tx.failed")}` : "", tx.gas === null ? "" : ` · ${tx.gas.toLocaleString()} ${t("gas")}`),
  );
  const row = make("li", {},
    make("div", { className: "first" },
      make("strong", { className: "number" }, String(block.number)),
      make("code", { title: block.hash }, short(block.hash)),
      make("span", { className: "badge", hidden: true }),
      make("span", { className: "when faint" }, time.format(block.time * 1000))),
    txs.length ? make("ul", {}, ...txs) : null);
  shown.set(block.hash, { block, row });
  rows.prepend(row);
  while (rows.children.length > MOST_ROWS) {
    const last = rows.lastElementChild;
    for (const [hash, each] of shown) if (each.row === last) shown.delete(hash);
    last.remove();
  }
}

function drop(hash, head) {
  const found = shown.get(hash);
  // A page that was asleep for long was told the newest alone: what is older than those is not gone.
  if (!found || found.block.number < head - 100) return;
  found.row.className = "gone";
  found.dropped = true;
  announce(t("dropped", { number: found.block.number }));
}

function badge(block, row) {
  const mark = row.querySelector(".badge");
  const gone = row.className === "gone";
  mark.hidden = !gone && (final === null || block.number > final);
  mark.className = gone ? "badge warn" : "badge";
  mark.textContent = gone ? t("gone") : t("final");
}
