// The API key: asked for when the server wants one, kept in this tab, forgotten on request.
import { ask } from "./dialogs.js";
import { $, show } from "./elements.js";
import { store } from "./storage.js";
import { put } from "./words.js";

export const key = () => store("tab", "key");
let asking = null;

/** Ask for the key; `wrong`: the last one was refused. Answers whether one was given. */
export function askKey(wrong = false) {
  const question = { title: "key.title", explain: "key.text", field: "key", action: "key.use", type: "password", most: 400 };
  asking ??= ask({ ...question, problem: wrong ? "key.wrong" : undefined }).then((given) => {
    asking = null;
    if (given) store("tab", "key", given);
    showSign(!given);
    return Boolean(given);
  });
  return asking;
}

/** Show the button that signs out, or, where a key is `needed`, the one that asks for it. */
export function showSign(needed = false) {
  $("sign").title = put($("sign").lastElementChild, needed ? "sign.in" : "sign.out").textContent;
  $("sign").classList.toggle("needed", needed);
  show(needed || Boolean(key()), "sign");
}

/** Forget the key and everything that was seen with it. */
export async function sign() {
  if (key()) {
    document.dispatchEvent(new Event("sign-out"));
    store("tab", "key", null);
  } else if (!(await askKey())) return;
  location.reload();
}
