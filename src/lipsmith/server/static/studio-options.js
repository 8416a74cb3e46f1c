// How the film is made: the engine and its options, quality, format, voice.
import { $, element, show, showError } from "./elements.js";
import { about } from "./page.js";
import { chose, onChoice, state, text } from "./studio-state.js";
import { locale, plain, put, word } from "./words.js";

let heard = null; // the file whose track was chosen

const engineOf = () => about.engines.find((one) => one.name === $("engine").value);

export function fillOptions() {
  const engines = about.engines.filter((one) => !one.for_tests), lacking = engines.filter((one) => one.unavailable);
  $("engine").replaceChildren(element("option", { value: "auto", word: "how.auto" }), ...engines.map(engineOption));
  $("unavailable").replaceChildren(...lacking.map((one) => element("p", {}, element("b", { textContent: `${one.name}: ` }), element("span", { lang: "en", textContent: one.unavailable }))));
  show(lacking.length > 0, "why-not");
  $("format").replaceChildren(...about.formats.map((one) => element("option", { textContent: one })));
  fillFaceChoices(0);
  fillEngineOptions();
  fillVoice();
}

function engineOption({ name, unavailable }) {
  const option = element("option", { value: name, disabled: Boolean(unavailable) });
  return unavailable ? put(option, "how.cannot", { name }) : plain(option, name);
}

/** Who speaks: by place, or by the number of a face. */
export function fillFaceChoices(count) {
  const before = $("faces").value;
  const numbers = Array.from({ length: count > 1 ? count : 0 }, (_, index) => put(element("option", { value: index + 1 }), "face.number", { number: index + 1 }));
  $("faces").replaceChildren(...["largest", "all", "left", "right"].map((one) => element("option", { value: one, word: `how.${one}` })), ...numbers);
  $("faces").value = before;
  if (!$("faces").value) $("faces").value = "largest";
}

function fillEngineOptions() {
  const engine = engineOf();
  plain($("about-engine"), engine ? `${engine.summary}. ${engine.needs}.` : "");
  const options = (engine?.options ?? []).filter((one) => !one.local && !["idle", "seed"].includes(one.name));
  show(options.length > 0, "own-options");
  $("engine-options").replaceChildren(...options.map(field));
}

function field({ name, default: usual, choices, help: title }) {
  const shown = name.replaceAll("_", " ");
  if (typeof usual === "boolean") {
    return element("label", { className: "tick", title }, element("input", { type: "checkbox", name, checked: usual, defaultChecked: usual }), element("span", { textContent: shown }));
  }
  const input = choices
    ? element("select", { name }, ...choices.map((one) => element("option", { value: one, textContent: one, selected: one === usual, defaultSelected: one === usual })))
    : element("input", { name, type: typeof usual === "number" ? "number" : "text", step: "any", placeholder: usual ?? "" });
  return element("label", { className: "field", title }, element("span", { textContent: shown }), input);
}

/** Languages by their names in the reader's language, then voices by their own. */
function fillVoice() {
  const { voice } = about;
  if (!voice) return;
  const chosen = $("voice").value, voices = voice.voices ?? [];
  const groups = [["languages", byName(voice.languages)], ["voices", voices.map((name) => [name, name])]].filter(([, offered]) => offered.length);
  const group = ([key, offered]) => element("optgroup", { label: word(`how.voice.${key}`) }, ...offered.map(([value, name]) => element("option", { value, textContent: name })));
  $("voice").replaceChildren(element("option", { value: "", word: "how.voice.auto" }), ...groups.map(group));
  $("voice").value = chosen;
  show(voice.languages.length + voices.length > 1, "voice-field");
}

const PLAIN = /^[a-z]{2,3}(-[a-z]{2}|-[0-9]{3})?$/i; // a language, perhaps of a country
/** Codes with the languages' names, by name. One that says more than a name could keeps its code; one without a name comes last. */
export function byName(codes) {
  const called = new Intl.DisplayNames([locale()], { type: "language", fallback: "none" });
  const find = (code) => { try { return called.of(code); } catch { return undefined; } };
  const nameOf = (code) => {
    const [language, place] = code.split("-"), base = find(language);
    const whole = PLAIN.test(code) && code.slice(0, 3) !== "ca-" && find(code); // eSpeak's ca-ba is of no country
    if (whole && !(place && whole.includes(place.toUpperCase()))) return whole;
    return base ? `${base} (${code})` : code;
  };
  const rank = ([code, name]) => Number(code === name);
  const ordered = (one, other) => rank(one) - rank(other) || one[1].localeCompare(other[1], locale());
  return codes.map((code) => [code, nameOf(code)]).sort(ordered);
}

/** The form fields of a text: what is said, by which voice, how fast. */
export function spoken() {
  if (state.speech || state.own || !text()) return {};
  const chosen = $("voice").value, speed = Number($("speed").value);
  const which = about.voice.languages.includes(chosen) ? { language: chosen } : { voice: chosen };
  return { text: text(), ...which, speed: speed === 1 ? null : speed };
}

function engineOptions() {
  const found = {};
  for (const input of $("engine-options").querySelectorAll("input, select")) {
    const { name, default: usual, choices } = engineOf().options.find((one) => one.name === input.name);
    const given = input.type === "checkbox" ? input.checked : input.value;
    if (given === "") continue;
    const value = choices ? choices.find((one) => String(one) === given) : typeof usual === "number" ? Number(given) : given;
    if (value !== usual) found[name] = value;
  }
  return found;
}

/** The options as JSON; of an avatar only the film's own. */
export function filmOptions(faces = true) {
  const film = { crf: Number($("quality").value) };
  if (!$("track-field").hidden && $("track").value) film.audio_track = Number($("track").value);
  if (state.avatar) return JSON.stringify(film);
  const background = $("background").value === "colour" ? $("colour").value : $("background").value;
  return JSON.stringify({ ...film, ...faceOptions(faces), background });
}

/** Those of the options that an avatar keeps too. */
export const faceOptions = (faces = true) => ({
  engine: $("engine").value, fps: $("fps").value, faces: faces ? $("faces").value : "largest", still: !$("moving").checked, engine_options: engineOptions(),
});

function optionChanged(event) {
  showError("how-trouble");
  if (event.target.id === "engine") fillEngineOptions();
  show($("background").value === "colour", "colour");
  if ($("background").value === "transparent" && $("format").value === "mp4") $("format").value = "webm";
  if (!["quality", "format", "voice", "speed"].includes(event.target.id)) chose("options");
}

/** What can be set for what was chosen. */
function offer() {
  show(!state.avatar, "picture-options");
  show(Boolean(about?.voice) && !state.speech && !state.own, "voice-options");
  const sound = state.speech ?? (state.own ? state.picture : null);
  if (sound !== heard) $("track").value = "";
  heard = sound;
  show(state.tracks > 1 || (Boolean(sound?.type.startsWith("video/")) && !state.tracks), "track-field");
  if (state.tracks) $("track").max = state.tracks;
}

$("how").addEventListener("change", optionChanged);
onChoice(offer);
document.addEventListener("words", () => about && fillVoice());
