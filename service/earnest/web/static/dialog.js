// The one dialog of a page: each step of a talk with a wallet replaces the one before.
import { make, t } from "./dom.js";

const dialog = document.getElementById("dialog");
const title = document.getElementById("dialog-title");
const body = document.getElementById("dialog-body");
let closed = () => {};

dialog.addEventListener("close", () => closed());

/** Show a step; resolves with the chosen button's value, or null when the reader closes the dialog. */
export function choose(heading, content, buttons) {
  return new Promise((resolve) => {
    closed = () => resolve(null);
    const made = buttons.map((button) =>
      make(
        "button",
        {
          type: "button",
          className: button.quiet ? "quiet" : "",
          onclick: () => {
            closed = () => {};
            resolve(button.value);
          },
        },
        ...(button.icon ? [button.icon] : []),
        button.label,
      ),
    );
    put(heading, [...content, make("div", { className: buttons.some((each) => each.icon) ? "choose" : "buttons" }, ...made)]);
  });
}

/** Show a step that waits for the wallet; `onClose` is called if the reader closes it before. */
export function wait(heading, text, onClose = () => {}) {
  closed = onClose;
  const cancel = make("button", { type: "button", className: "quiet", onclick: () => dialog.close() }, t("cancel"));
  put(heading, [make("p", {}, text), make("div", { className: "buttons" }, cancel)]);
}

/** Close it without a word. */
export function close() {
  closed = () => {};
  if (dialog.open) dialog.close();
}

function put(heading, content) {
  title.textContent = heading;
  body.replaceChildren(...content);
  if (!dialog.open) dialog.showModal();
  title.focus();
}
