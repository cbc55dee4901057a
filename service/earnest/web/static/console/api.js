// The merchant's key, which `earnest dev` puts behind the # of the link, where no server sees it; and calls with it.
import { t } from "../dom.js";

const KEPT = "earnest:console:key";
const listeners = [];
let key = takeKey();

function takeKey() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return sessionStorage.getItem(KEPT);
  sessionStorage.setItem(KEPT, given);
  // Neither the address bar nor a screenshot of it has to show the key.
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

/** Use another key from now on; null: ask for one. */
export function useKey(other) {
  key = other;
  if (other === null) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, other);
  for (const each of listeners) each(key);
}

/** Call `listener` with the key, now and whenever it is another. */
export function whenKeyed(listener) {
  listeners.push(listener);
  listener(key);
}

addEventListener("hashchange", () => {
  const given = takeKey();
  if (given !== key) useKey(given);
});

/** Call the API: a POST where there is a body. Throws an error that people can read. */
export async function api(path, body = null) {
  if (key === null) throw new Error(t("key.missing"));
  const headers = { Authorization: `Bearer ${key}` };
  if (body) Object.assign(headers, { "Content-Type": "application/json" });
  const how = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  let answer;
  try {
    answer = await fetch(path, { ...how, cache: "no-store" });
  } catch {
    throw new Error(t("unreachable"));
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401) useKey(null);
  if (!answer.ok) throw new Error(told.detail ?? `HTTP ${answer.status}`);
  return told;
}
