// The studio: a face, some speech, a film.
import { over } from "./api.js";
import { $, showError } from "./elements.js";
import { begin, ready } from "./page.js";
import { choosePicture, fillAvatars } from "./studio-face.js";
import { attach } from "./studio-film.js";
import { fillFilms } from "./studio-history.js";
import { fillOptions } from "./studio-options.js";
import { setSpeech } from "./studio-speech.js";
import { chose } from "./studio-state.js";
import { TEXTS } from "./studio-words.js";

/** Files that are dropped on a card or pasted anywhere. */
function takeFiles() {
  for (const [id, take] of [["face", choosePicture], ["speech-card", setSpeech]]) {
    const on = (name, act) => $(id).addEventListener(name, act);
    on("dragover", (event) => { event.preventDefault(); $(id).classList.add("over"); });
    on("dragleave", (event) => $(id).contains(event.relatedTarget) || $(id).classList.remove("over"));
    on("drop", (event) => { event.preventDefault(); $(id).classList.remove("over"); take(event.dataTransfer.files[0]); });
  }
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => /^(image|video|audio)\//.test(one.type));
    if (file) (file.type.startsWith("audio/") ? setSpeech : choosePicture)(file);
  });
}

takeFiles();
try {
  await begin(TEXTS);
  fillOptions();
  chose("begin");
  await fillAvatars();
  const running = (await fillFilms()).find((job) => job.kind === "dub" && !over(job));
  if (running) attach(running);
} catch (error) {
  showError("make-trouble", error);
}
ready();
