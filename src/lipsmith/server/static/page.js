// The beginning of every page: its language, its bar, and what the server takes.
import { call } from "./api.js";
import { $ } from "./elements.js";
import { showSign, sign } from "./key.js";
import { learn, otherLanguage, translate } from "./words.js";

export let about = null; // limits, engines and voice of the server

export async function begin(words) {
  learn(words);
  translate();
  $("language").addEventListener("click", otherLanguage);
  $("sign").addEventListener("click", sign);
  showSign();
  about = await call("GET", "/v1/about");
  showSign();
}

/** Show the page: it was hidden while nothing was known, so that nothing jumps. */
export const ready = () => { document.body.dataset.ready = ""; };
