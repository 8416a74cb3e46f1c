// Earlier films: played again, or deleted.
import { address, call } from "./api.js";
import { nameOf } from "./avatars.js";
import { confirm } from "./dialogs.js";
import { $, element, icon, keepFocus, show, showError } from "./elements.js";
import { about } from "./page.js";
import { play } from "./studio-film.js";
import { has, isEnglish, put, when, word } from "./words.js";

const SHOWN = 60; // letters of a text that was said
let oldest = null;

export async function fillFilms(from = "/v1/jobs?limit=8", more = false) {
  const { jobs, next } = await call("GET", from);
  const lines = jobs.filter((job) => job.kind === "dub").map(line);
  if (more) $("films").append(...lines);
  else $("films").replaceChildren(...lines);
  oldest = next;
  show($("films").children.length > 0, "history");
  show(Boolean(next), "older");
  put($("keeping"), "history.keeping", { hours: about.keep_hours });
  return jobs;
}

function titleOf({ speech, text, picture, avatar }) {
  const quoted = text && `“${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}”`;
  return [avatar ? nameOf(avatar) : picture, quoted ?? speech].filter(Boolean).join(" + ");
}

/** Why a film failed; in Chinese our own word for it. */
const reason = ({ type, detail }) => (isEnglish() || !has(type) ? detail : word(type));

function line(job) {
  const done = job.state === "done", title = titleOf(job.request);
  const thumb = element("button", { type: "button", className: "thumb", label: "history.play", disabled: !done, onclick: () => play(job) }, icon(done ? "play" : "face"));
  if (done) thumbs.observe(Object.assign(thumb, { job }));
  const info = element("span", { className: "small soft" }, element("span", { word: `state.${job.state}` }), ` · ${when(job.created)}`);
  const why = job.problem ? [element("span", { className: "small why", textContent: reason(job.problem) })] : [];
  const bin = element("button", { type: "button", className: "plain icon", label: "history.delete" }, icon("bin"));
  const item = element("li", {}, thumb, element("div", {}, element("span", { className: "title", title, textContent: title }), info, ...why), bin);
  bin.addEventListener("click", () => remove(job, title, item));
  return item;
}

async function remove(job, title, item) {
  if (!(await confirm({ title: "history.sure", explain: "history.sure.text", action: "delete" }))) return;
  try {
    await call("DELETE", job.links.self);
  } catch (error) {
    showError("film-trouble", error);
    if (error.status !== 404) return;
  }
  const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector(".icon");
  item.remove();
  show($("films").children.length > 0, "history");
  if (next) next.focus();
  else keepFocus("make");
}

const thumbs = new IntersectionObserver((entries) => entries.forEach(async ({ isIntersecting, target }) => {
  if (!isIntersecting) return;
  thumbs.unobserve(target);
  const from = await address(target.job.id, target.job.links.result).catch(() => null);
  if (from) target.replaceChildren(element("video", { src: `${from}#t=0.4`, preload: "metadata", muted: true, playsInline: true, tabIndex: -1, ariaHidden: "true" }));
}));

$("older").addEventListener("click", () => fillFilms(oldest, true));
const renew = () => about && fillFilms().catch(() => {});
for (const name of ["films", "words"]) document.addEventListener(name, renew);
