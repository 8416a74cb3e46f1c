// Elements of a page: found, made, shown; errors in their place.
import { has, isEnglish, label, put, word } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function element(tag, members = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "word") put(made, value);
    else if (name === "label") label(made, value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
export function icon(name) {
  const drawn = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  drawn.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `icons.svg#${name}`);
  drawn.append(use);
  return drawn;
}

export const show = (shown, ...elements) => elements.forEach((one) => { (typeof one === "string" ? $(one) : one).hidden = !shown; });

/** Whether the focus fell to nothing, or lies on what is hidden or cannot be pressed: then it needs a new place. */
export const focusIsLost = () => {
  const at = document.activeElement;
  return !at || at === document.body || at.disabled || !at.checkVisibility();
};
/** Give the focus to the first of these that can take it, if it was lost. */
export function keepFocus(...ids) {
  if (!focusIsLost()) return;
  ids.map((id) => $(id)).find((one) => one && !one.disabled && one.checkVisibility())?.focus({ preventScroll: true });
}

const SERVERS_OWN = /^(picture|speech|clip-\w+)(?= )/; // what the server calls an upload
/** What the server says, with the file called as the user calls it. */
const sentence = (detail, file) => {
  if (!file) return detail;
  return SERVERS_OWN.test(detail) ? detail.replace(SERVERS_OWN, `“${file}”`) : `“${file}”: ${detail}`;
};

/** Show an error where it belongs, or clear that place. Of a full or faulty server our own sentence comes first. */
export function showError(place, error, file) {
  place = typeof place === "string" ? $(place) : place;
  place.replaceChildren();
  Object.assign(place, { error, file });
  place.hidden = !error || error.name === "AbortError";
  if (place.hidden) return;
  const detail = error.detail && sentence(error.detail, file);
  const ours = has(error.kind) && (!detail || !isEnglish() || error.status >= 429);
  if (ours) place.append((!detail && file ? `“${file}”: ` : "") + word(error.kind));
  if (detail) place.append(ours ? element("small", { lang: "en", textContent: detail }) : detail);
  else if (!ours) place.append(error.message || word("unexpected"));
}

document.addEventListener("words", () => {
  for (const place of document.querySelectorAll(".trouble:not([hidden])")) if (place.error) showError(place, place.error, place.file);
});

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** The share as a whole percentage, in steps of ten: live regions read it aloud. */
export const tens = (share) => 10 * Math.floor(10 * share);
