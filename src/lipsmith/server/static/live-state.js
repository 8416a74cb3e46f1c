// What the live page is doing, and the words for it.
import { $ } from "./elements.js";
import { put } from "./words.js";

export const state = {
  avatar: null, // the one that is shown
  session: null, // the server's answer, while one is open
  line: null, // pictures and sound, see webrtc.js and websocket.js
  way: "", // how they come
  events: null, // the session's events
  starts: new Map(), // speech -> when it came in, in seconds of the session's media
  wanted: false, // whether a session is to be
  microphone: null, // its stream, while it is on
  before: "", // what was shown when pictures and sound began to wait
  mutedBefore: false, // before the microphone muted the loudspeaker
};

const STALL = 700; // ms for which a stall is shown; no event tells of its end
let over = 0;

const LIGHTS = { idle: "on", speaking: "on", draining: "on", connecting: "busy", again: "busy", armed: "busy", stalled: "busy", over: "bad" };

/** Show what the session does. One that waits listens only while the microphone is on. */
export function say(now) {
  put($("state"), now === "idle" && state.microphone ? "state.listening" : `state.${now}`);
  $("light").className = `light ${LIGHTS[now] ?? ""}`;
  $("screen").dataset.state = now;
  if (state.line) $("interrupt").disabled = ["idle", "over"].includes(now);
}

/** Pictures and sound wait: show it until nothing has waited for a while, then what was shown before. */
export function stall() {
  clearTimeout(over);
  const now = $("screen").dataset.state;
  if (now !== "stalled") state.before = now;
  say("stalled");
  over = setTimeout(() => $("screen").dataset.state === "stalled" && say(state.before), STALL);
}
