// What the avatar is to say, the microphone and the loudspeaker.
import { call, form } from "./api.js";
import { $, icon, show, showError } from "./elements.js";
import { say, state } from "./live-state.js";
import { plain, put } from "./words.js";

export const clearSent = () => plain($("sent"));

async function saySound(file) {
  if (!file || !state.session) return;
  showError("say-trouble");
  put($("sent"), "say.sending");
  try {
    const { seconds } = await call("POST", `${state.session.links.self}/speak`, { body: form({ speech: file }) });
    put($("sent"), "say.sent", { seconds: seconds.toFixed(1) });
  } catch (error) {
    clearSent();
    showError("say-trouble", error, error.kind === "sound-error" ? file.name : undefined);
  }
  $("speech").value = "";
}

async function sayText(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !state.session) return;
  showError("say-trouble");
  put($("sent"), "say.sending");
  try {
    $("text").value = ""; // at once: the answer comes when it sounds, and the next line may be typed by then
    await call("POST", `${state.session.links.self}/text`, { body: { text } });
  } catch (error) {
    $("text").value ||= text;
    showError("say-trouble", error);
  }
  if (state.session) clearSent();
}

async function interrupt() {
  if (!state.session) return;
  stopMicrophone();
  await call("POST", `${state.session.links.self}/interrupt`).catch((error) => showError("trouble", error));
}

async function microphone() {
  showError("trouble");
  if (state.microphone) return stopMicrophone();
  try {
    state.microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch {
    return showError("trouble", { kind: "microphone.none" });
  }
  state.mutedBefore = $("mute").ariaPressed === "true";
  mute(true);
  $("microphone").ariaPressed = "true";
  put($("microphone-words"), "microphone.on");
  show(true, "microphone-words");
  if ($("screen").dataset.state === "idle") say("idle");
  return state.line?.speak(state.microphone);
}

export async function stopMicrophone() {
  const stream = state.microphone;
  if (!stream) return;
  state.microphone = null;
  stream.getTracks().forEach((track) => track.stop());
  $("microphone").ariaPressed = "false";
  show(false, "microphone-words");
  mute(state.mutedBefore);
  if ($("screen").dataset.state === "idle") say("idle");
  await state.line?.speak(null);
}

function mute(on) {
  $("mute").ariaPressed = String(on);
  $("mute").replaceChildren(icon(on ? "sound-off" : "sound"));
  state.line?.mute(on);
}

const isAsked = () => document.querySelector("dialog[open]");
$("interrupt").addEventListener("click", interrupt);
$("mute").addEventListener("click", () => mute($("mute").ariaPressed !== "true"));
$("microphone").addEventListener("click", microphone);
$("speech").addEventListener("change", (event) => saySound(event.target.files[0]));
$("say").addEventListener("submit", sayText);
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) sayText(event); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("interrupt").disabled && !isAsked()) interrupt(); });
