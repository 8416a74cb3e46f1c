// A session over an avatar, seen and heard by WebRTC, or by a WebSocket where that does not get through.
import { call } from "./api.js";
import { $, element, icon, keepFocus, show, showError } from "./elements.js";
import { clearFigures, note, report, showLatency } from "./live-figures.js";
import { clearSent, stopMicrophone } from "./live-sound.js";
import { say, stall, state } from "./live-state.js";
import { byWebRtc } from "./webrtc.js";
import { byWebSocket } from "./websocket.js";
import { put } from "./words.js";

const TRIES = 4; // to connect again
const FADING = 300; // ms, as the style sheet has it
const WAYS = [["WebRTC", byWebRtc], ["WebSocket", byWebSocket]];
const EVENTS = ["started", "speaking", "finished", "idle", "interrupted", "stalled", "buffer_full", "voice_failed", "failed", "closed"];

async function start() {
  if (!state.avatar) return;
  if (state.wanted) return void finish(); // it is still connecting
  state.wanted = true;
  for (const place of ["trouble", "say-trouble"]) showError(place);
  offerStart("cancel", "close");
  say("connecting");
  try {
    const session = await call("POST", "/v1/sessions", { body: { avatar: state.avatar.id } });
    if (!state.wanted) return void call("DELETE", session.links.self).catch(() => {});
    state.session = session;
    await connect();
    if (state.session !== session) return;
    if (session.speech_encoder) note("hears", { encoder: session.speech_encoder });
    listen();
  } catch (error) {
    if (!state.wanted) return;
    await finish();
    showError("trouble", error);
  }
}

/** Connect by the first way that works. */
async function connect() {
  let last = null;
  for (const [way, open] of WAYS) {
    const parts = { session: state.session, video: $("video"), canvas: $("canvas"), lost: () => lose(parts), report };
    try {
      parts.line = await open(parts);
      if (!state.wanted) { parts.line.close(); return; }
      Object.assign(state, { line: parts.line, way });
      enable(true);
      note("line", { way });
      state.line.mute($("mute").ariaPressed === "true");
      if (state.microphone) await state.line.speak(state.microphone);
      say("idle");
      return;
    } catch (error) {
      last = error;
      if (!state.wanted || (error.status && ![404, 405, 501].includes(error.status))) break;
    }
  }
  throw last;
}

/** The line broke: try again on the same session, then give up. */
async function lose(parts) {
  if (!state.wanted || parts.line !== state.line) return;
  note("lost");
  state.line.close(true);
  state.line = null;
  say("again");
  for (let attempt = 0; attempt < TRIES && state.wanted; attempt += 1) {
    try {
      await connect();
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
    }
  }
  if (state.wanted) { await finish(); showError("trouble", { kind: "lost" }); }
}

export async function finish() {
  const { session, line, events } = state;
  Object.assign(state, { session: null, line: null, events: null, wanted: false });
  state.starts.clear();
  events?.close();
  line?.close();
  stopMicrophone();
  enable(false);
  say("none");
  clearFigures();
  if (session) await call("DELETE", session.links.self).catch(() => {});
}

function offerStart(key, sign) {
  put($("start").lastElementChild, key);
  $("start").firstElementChild.replaceWith(icon(sign));
}

/** Show the session's controls, or those that begin one; the focus goes along. */
export function enable(on) {
  fillGestures(on);
  offerStart("start", "play");
  $("speech").disabled = $("send").disabled = !on;
  $("speech-label").classList.toggle("off", !on);
  for (const id of ["mute", "microphone", "end"]) $(id).disabled = !on;
  show(on && state.way === "WebRTC", "video");
  show(on && state.way === "WebSocket", "canvas");
  show(!on && Boolean(state.avatar), "start");
  show(!state.avatar, "empty");
  if (on) {
    clearSent();
    keepFocus("text", "microphone");
    hideStill();
    return;
  }
  $("interrupt").disabled = true;
  if (state.avatar) put($("sent"), "say.first");
  $("still").classList.remove("going");
  show(Boolean(state.avatar), "still");
  keepFocus("start");
}

/** The still lies over the pictures until the first of them is on the screen, and then fades. */
function hideStill() {
  const hide = () => {
    if (!state.line) return;
    $("still").classList.add("going");
    setTimeout(() => state.line && show(false, "still"), FADING);
  };
  if (state.way === "WebRTC" && $("video").requestVideoFrameCallback) $("video").requestVideoFrameCallback(hide);
  else hide();
}

/** A button for each clip of the avatar that can be asked for. */
function fillGestures(on) {
  const offered = on ? state.avatar.clips.filter((name) => !["idle", "speaking"].includes(name)) : [];
  $("gestures").replaceChildren(...offered.map((clip) => element("button", { type: "button", textContent: clip.replaceAll("_", " "), onclick: () => gesture(clip) })));
  show(offered.length > 0, "gestures");
}

async function gesture(clip) {
  if (!state.session) return;
  await call("POST", `${state.session.links.self}/gesture`, { body: { clip } }).catch((error) => showError("trouble", error));
}

// ---- what happens ----
function listen() {
  const { links, token } = state.session;
  const events = (state.events = new EventSource(token ? `${links.events}?token=${token}` : links.events));
  const on = (name, act) => events.addEventListener(name, (event) => { if (state.events === events) act(JSON.parse(event.data)); });
  on("ready", (info) => { say(info.state); note("ready"); });
  for (const name of EVENTS) on(name, (info) => { note(name, info); HEARD[name]?.(info); });
  events.onerror = () => events.readyState === EventSource.CLOSED && state.events === events && renew();
}

async function renew() {
  try {
    const { token } = await call("POST", `${state.session.links.self}/token`);
    state.session.token = token;
    listen();
  } catch (error) {
    await finish();
    showError("trouble", error.status === 404 ? { kind: "session-over" } : error);
  }
}

const HEARD = {
  started: ({ utterance, pts }) => { state.starts.set(utterance, pts); if (state.starts.size === 1) say("armed"); },
  speaking: ({ latency }) => {
    showLatency(latency);
    say("speaking");
  },
  finished: ({ utterance }) => { state.starts.delete(utterance); clearSent(); },
  interrupted: () => { state.starts.clear(); clearSent(); say("idle"); },
  idle: () => { state.starts.clear(); say("idle"); },
  stalled: stall,
  voice_failed: ({ reason }) => showError("say-trouble", { kind: "voice-error", detail: reason }),
  failed: async ({ reason }) => { await finish(); showError("trouble", { kind: "unexpected", detail: reason, status: 500 }); },
  closed: async () => { await finish(); showError("trouble", { kind: "session-over" }); },
};

/** The page goes, or its key: the session goes too. */
function leave() {
  if (state.session) call("DELETE", state.session.links.self, { keep: true }).catch(() => {});
}

$("start").addEventListener("click", start);
$("end").addEventListener("click", finish);
addEventListener("pagehide", leave);
document.addEventListener("sign-out", leave);
