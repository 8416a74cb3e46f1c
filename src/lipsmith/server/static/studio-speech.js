// What is said: a text, a recording, a file, or the video's own sound.
import { $, clock, keepFocus, show, showError } from "./elements.js";
import { about } from "./page.js";
import { chose, onChoice, state, text } from "./studio-state.js";
import { plain, put, word } from "./words.js";

export function setSpeech(file, called) {
  if (!file) return;
  Object.assign(state, { speech: file, own: false, tracks: 0 });
  $("listen").src = URL.createObjectURL(file);
  if (called) put($("said-name"), ...called);
  else plain($("said-name"), file.name);
  show(true, "said", "listen");
  showError("speech-trouble");
  chose("speech");
}

function setOwn(on) {
  Object.assign(state, { own: on, speech: on ? null : state.speech, tracks: (on && state.preview?.audio_tracks) || 0 });
  if (on) { show(true, "said"); show(false, "listen"); put($("said-name"), "speech.own"); keepFocus("unsay"); }
  showError("speech-trouble");
  chose("speech");
}

function unsay() {
  Object.assign(state, { speech: null, own: false, tracks: 0 });
  $("speech").value = "";
  plain($("said-name"));
  show(false, "said");
  chose("speech");
  keepFocus("text", "record");
}

function remove() {
  state.declined = state.own;
  showError("speech-trouble");
  unsay();
}

/** A text takes the place of the video's own sound. */
function typed() {
  showError("speech-trouble");
  if (state.own && text()) { Object.assign(state, { own: false, tracks: 0 }); show(false, "said"); }
  chose("speech");
}

/** A video with sound speaks for itself, unless something else was chosen. */
function faceChosen() {
  const sounds = Boolean(state.preview && state.ownSound);
  show(sounds && !state.own, "own");
  if (sounds && !state.own && !state.speech && !text() && !state.declined) setOwn(true);
  if (!state.own && !state.speech) show(false, "said");
}

let recorder = null;
async function record() {
  showError("speech-trouble");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    return showError("speech-trouble", { kind: "speech.no-microphone" });
  }
  const pieces = [];
  const began = performance.now();
  const meter = listenTo(stream);
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    const time = clock((performance.now() - began) / 1000);
    const type = recorder.mimeType.split(";")[0] || "audio/webm";
    stream.getTracks().forEach((track) => track.stop());
    meter.close();
    recorder = null;
    show(false, "recording");
    show(true, "speech-choose");
    setSpeech(new File(pieces, `${word("speech.recording")}.${type.split("/")[1]}`, { type }), ["speech.recorded", { time }]);
    measure($("listen"));
    $("unsay").focus();
  };
  recorder.start(1000);
  show(true, "recording");
  show(false, "speech-choose", "said");
  $("stop").focus();
  drawLevel(meter, began);
}

function drawLevel(meter, began) {
  if (!recorder) return;
  const level = meter.level(), elapsed = performance.now() - began;
  $("meter").firstElementChild.style.transform = `scaleX(${level})`;
  $("meter").ariaValueNow = String(Math.round(100 * level));
  $("recorded").textContent = clock(elapsed / 1000);
  if (elapsed > about.media_minutes * 60e3) recorder.stop();
  else requestAnimationFrame(() => drawLevel(meter, began));
}

/** A recording does not say how long it is: the player learns it by looking for its end. */
function measure(player) {
  player.addEventListener("loadedmetadata", () => {
    if (Number.isFinite(player.duration)) return;
    player.addEventListener("durationchange", () => { player.currentTime = 0; }, { once: true });
    player.currentTime = 1e9;
  }, { once: true });
}

function listenTo(stream) {
  const sound = new AudioContext();
  const ear = sound.createAnalyser();
  const samples = new Float32Array(ear.fftSize);
  sound.createMediaStreamSource(stream).connect(ear);
  return {
    close: () => sound.close(),
    level() {
      ear.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
      return Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-9) / 5));
    },
  };
}

const on = (id, name, act) => $(id).addEventListener(name, act);
on("speech", "change", (event) => { setSpeech(event.target.files[0]); keepFocus("unsay"); });
on("text", "input", typed);
on("record", "click", record);
on("stop", "click", () => recorder?.stop());
on("own", "click", () => setOwn(true));
on("unsay", "click", remove);
document.addEventListener("speech-refused", unsay);
onChoice((what) => {
  if (what === "face") faceChosen();
  show(Boolean(about?.voice) && !state.speech, "typing");
  show(Boolean(state.ownSound) && !state.own, "own");
});
