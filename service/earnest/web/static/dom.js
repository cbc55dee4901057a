// Small helpers for elements and sentences, shared by all pages.

const main = document.getElementById("main");

/** What the server told this page: the `data-…` of its main element. */
export const page = main.dataset;

const words = JSON.parse(page.words || "{}");

/** Return a sentence of the page's language with its gaps `{name}` filled. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (gap, name) => String(values[name] ?? gap));
}

/** Make an element; texts are texts, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Tell those who hear the page instead of seeing it. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

/** Return an address or a hash as people compare them. */
export function short(text) {
  return text.length > 16 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text;
}

/** Return a plain decimal with its whole part in groups of three. */
export function grouped(value) {
  const [whole, fraction] = value.split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction === undefined ? "" : `.${fraction}`);
}

/** Keep something of this payment in this browser; without storage (a private window) the page works all the same. */
export const kept = {
  key: (name) => `earnest:${page.payment}:${name}`,
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(this.key(name)));
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      if (value === null) localStorage.removeItem(this.key(name));
      else localStorage.setItem(this.key(name), JSON.stringify(value));
    } catch {
      // Nothing is kept then.
    }
  },
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(button.parentElement.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return;
  }
  announce(t("copied"));
  const label = button.firstChild;
  const before = label.data;
  label.data = t("copied");
  setTimeout(() => (label.data = before), 1500);
});
