// What was chosen in the studio, and who hears of it.
import { $, showError } from "./elements.js";

export const state = {
  picture: null, // the file
  avatar: null, // or an avatar of the client
  preview: null, // what the server saw in the file
  speech: null, // a file or a recording
  own: false, // the video's own sound speaks
  ownSound: false, // the video has sound
  declined: false, // but it was removed
  tracks: 0, // of the sound that speaks; 0: unknown
  job: null, // the one that is made or shown
};

export const SMALL = 12e6; // bytes of a picture or speech that may be sent for each preview
export const text = () => $("text").value.trim();
export const isSaid = () => Boolean(state.speech || state.own || text());
export const isBusy = () => !$("working").hidden;

/** Hear of every change of what was chosen; `act` gets "face", "speech" or "options". */
export const onChoice = (act) => document.addEventListener("choice", ({ detail }) => act(detail));
export const chose = (what) => document.dispatchEvent(new CustomEvent("choice", { detail: what }));

const PLACES = {
  "picture-error": "face-trouble", "face-error": "face-trouble", "sound-error": "speech-trouble", "voice-error": "speech-trouble", "no-voice": "speech-trouble",
  "option-error": "how-trouble", "engine-unavailable": "how-trouble", "weights-missing": "how-trouble",
};
const FILES = { "face-trouble": "picture", "speech-trouble": "speech" };

/** Show an error where it belongs, and name the file that it is about. */
export function blame(error, otherwise) {
  const place = PLACES[error.kind] ?? otherwise;
  const isAbout = place in FILES && (PLACES[error.kind] === place || error.kind === "too-large");
  showError(place, error, isAbout ? state[FILES[place]]?.name : undefined);
  if (place === "how-trouble") $("how").open = true;
  if (error.kind === "sound-error" && state.speech) document.dispatchEvent(new Event("speech-refused"));
}
