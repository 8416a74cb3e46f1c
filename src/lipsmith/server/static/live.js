// The live page: a session over an avatar, seen and heard by WebRTC, or by a WebSocket where that does not get through.
import { $, about, avatarName, begin, call, element, follow, form, has, icon, listAvatars, over, put, show, showError, tileOf, word } from "./common.js";
import { byWebRtc } from "./webrtc.js";
import { byWebSocket } from "./websocket.js";

const TEXTS = {
  "title": ["Lipsmith live", "Lipsmith 实时"],
  "headline": ["A face that speaks now", "此刻就开口的面孔"],
  "stage": ["The avatar", "数字人"],
  "stage.empty": ["A portrait or a video becomes an avatar that speaks at once.", "用一张人像或一段视频，做一个即刻开口的数字人。"],
  "start": ["Start", "开始"],
  "mute": ["Mute the avatar", "静音"],
  "microphone": ["Microphone", "麦克风"],
  "microphone.on": ["The mouth follows your microphone. Its sound is muted for you; press the loudspeaker to hear it.", "嘴型正跟随您的麦克风。声音已为您静音，按扬声器可收听。"],
  "microphone.none": ["The microphone cannot be used: allow it in the browser. It works on https and on this machine only.", "无法使用麦克风：请在浏览器中允许。仅在 https 或本机上可用。"],
  "interrupt": ["Interrupt", "打断"],
  "end": ["End", "结束"],
  "gestures": ["Gestures", "动作"],
  "say.title": ["Let it speak", "让它说话"],
  "say.hint": ["What should it say?", "想让它说什么？"],
  "say.send": ["Say it", "说出来"],
  "say.no-voice": ["This server has no voice for typed text: choose a sound file, or use the microphone.", "此服务器没有配置文字朗读：请选择音频文件，或用麦克风说。"],
  "say.file": ["Say a sound file", "说音频文件"],
  "say.sending": ["Sending…", "正在发送……"],
  "say.sent": ["Says {seconds} s.", "正在说 {seconds} 秒。"],
  "who.title": ["Avatar", "数字人"],
  "who.new": ["New avatar", "新建数字人"],
  "who.making": ["Making it: {percent} %", "正在制作：{percent} %"],
  "who.progress": ["Progress", "进度"],
  "figures.title": ["Figures", "指标"],
  "figures.latency": ["Latency", "首帧延迟"],
  "figures.line": ["Round trip", "网络往返"],
  "figures.quality": ["Connection", "连接"],
  "figures.picture": ["Picture", "画面"],
  "log": ["What happened", "事件"],
  "quality.3": ["good", "良好"],
  "quality.2": ["fair", "一般"],
  "quality.1": ["poor", "较差"],
  "state.none": ["Not connected", "未连接"],
  "state.connecting": ["Connecting…", "正在连接……"],
  "state.again": ["Connecting again…", "正在重新连接……"],
  "state.idle": ["Listening", "待命"],
  "state.armed": ["About to speak", "即将开口"],
  "state.speaking": ["Speaking", "正在说话"],
  "state.draining": ["Speaking", "正在说话"],
  "state.stalled": ["Waiting for pictures", "等待画面"],
  "state.over": ["Ended", "已结束"],
  "event.ready": ["ready", "就绪"],
  "event.started": ["speech {utterance} came in", "语音 {utterance} 到达"],
  "event.speaking": ["speech {utterance} is shown", "语音 {utterance} 开始显示"],
  "event.finished": ["speech {utterance} is over", "语音 {utterance} 结束"],
  "event.idle": ["silent", "安静"],
  "event.interrupted": ["speech {utterance} was interrupted", "语音 {utterance} 被打断"],
  "event.stalled": ["picture and sound wait", "画面与声音等待中"],
  "event.buffer_full": ["more sound came than is kept", "声音缓冲已满"],
  "event.voice_failed": ["the voice failed", "朗读出错"],
  "event.failed": ["the engine failed", "引擎出错"],
  "event.closed": ["closed", "已关闭"],
  "event.hears": ["heard by {encoder}", "语音识别网络：{encoder}"],
  "event.line": ["connected by {way}", "通过 {way} 连接"],
  "event.lost": ["connection lost", "连接中断"],
  "lost": ["The connection was lost. Start again.", "连接已断开，请重新开始。"],
  "session-over": ["The session has ended. Start again.", "会话已结束，请重新开始。"],
  "too-many-sessions": ["Too many of your sessions are open.", "您打开的会话太多。"],
  "buffer-full": ["More is waiting to be said than is kept: wait a moment.", "等待说的内容太多，请稍候。"],
  "voice-error": ["The voice could not say this.", "语音无法朗读这段文字。"],
  "too-much-said": ["A long speech is being said: interrupt it, or wait.", "正在说较长的内容：请打断或等待。"],
};

const TRIES = 4; // to connect again
const STALL = 700; // ms for which a stall is shown; no event tells of its end
const state = { avatar: null, session: null, line: null, events: null, starts: new Map(), wanted: false, microphone: null, mutedBefore: false };

// ---- who ----
async function fillAvatars(choose) {
  const avatars = await listAvatars($("avatars"), state.avatar?.id, pick);
  show(avatars.length > 0, "avatars");
  const wanted = avatars.find((one) => one.id === choose) ?? (state.avatar ? null : avatars[0]);
  if (wanted) pick(wanted);
}

/** Show an avatar as a still; one that is connected is left first. */
async function pick(avatar) {
  if (state.session && state.avatar?.id !== avatar.id) await finish();
  state.avatar = avatar;
  for (const chip of $("avatars").querySelectorAll(".chip")) chip.ariaPressed = String(chip.textContent === avatar.id);
  if (state.session) return;
  show(false, "empty");
  show(true, "start");
  const sheet = await call("GET", avatar.links.preview, { as: "blob" }).then(createImageBitmap).catch(() => null);
  if (!sheet || state.avatar !== avatar) return;
  const [x, y, width, height] = tileOf(0, avatar.size);
  Object.assign($("still"), { width: avatar.size[0], height: avatar.size[1] });
  $("still").getContext("2d").drawImage(sheet, x, y, width, height, 0, 0, ...avatar.size);
  show(!state.session, "still");
}

async function makeAvatar(file) {
  if (!file) return;
  showError("who-trouble");
  const name = avatarName(file.name);
  const busy = (on) => { show(on, "progress"); $("picture").disabled = on; if (!on) { delete $("making").dataset.word; $("making").textContent = ""; $("picture").value = ""; } };
  const info = (share) => {
    $("progress").value = share;
    for (const place of state.wanted ? ["making"] : ["making", "state"]) put($(place), "who.making", { percent: Math.round(100 * share) });
  };
  busy(true);
  info(0);
  try {
    const job = await call("POST", "/v1/avatars", { body: form({ picture: file, id: name }) });
    follow(job, (now) => {
      if (!over(now)) return info(now.progress);
      busy(false);
      if (!state.wanted) say("none");
      if (now.state === "done") return fillAvatars(name);
      return showError("who-trouble", { kind: now.problem?.type ?? "unexpected", detail: now.problem?.detail });
    });
  } catch (error) {
    busy(false);
    if (!state.wanted) say("none");
    showError("who-trouble", error);
  }
}

// ---- the session ----
async function start() {
  if (!state.avatar || state.wanted) return;
  state.wanted = true;
  for (const place of ["trouble", "say-trouble"]) showError(place);
  show(false, "start");
  say("connecting");
  try {
    state.session = await call("POST", "/v1/sessions", { body: { avatar: state.avatar.id }, type: "application/json" });
    await connect();
    if (state.session.speech_encoder) note("hears", { encoder: state.session.speech_encoder });
    listen();
  } catch (error) {
    await finish();
    showError("trouble", error);
  }
}

const WAYS = [["WebRTC", byWebRtc], ["WebSocket", byWebSocket]];
/** Connect by the first way that works. */
async function connect() {
  let last = null;
  for (const [way, open] of WAYS) {
    const parts = { session: state.session, video: $("video"), canvas: $("canvas"), lost: () => lose(parts), report };
    try {
      parts.line = await open(parts);
      if (!state.wanted) { parts.line.close(); return; }
      state.line = parts.line;
      state.way = way;
      enable(true);
      note("line", { way });
      state.line.mute($("mute").ariaPressed === "true");
      if (state.microphone) await state.line.speak(state.microphone);
      say("idle");
      return;
    } catch (error) {
      last = error;
      if (error.status && ![404, 405, 501].includes(error.status)) break;
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
      return await connect();
    } catch {
      await new Promise((done) => setTimeout(done, 500 * 2 ** attempt));
    }
  }
  if (state.wanted) { await finish(); showError("trouble", { kind: "lost" }); }
  return null;
}

async function finish() {
  const { session, line, events } = state;
  Object.assign(state, { session: null, line: null, events: null, wanted: false });
  state.starts.clear();
  events?.close();
  line?.close();
  await stopMicrophone();
  enable(false);
  say("none");
  for (const id of ["latency", "line", "quality", "stream"]) { delete $(id).dataset.word; $(id).textContent = "–"; }
  $("bars").dataset.bars = "";
  show(Boolean(state.avatar), "start", "still");
  show(!state.avatar, "empty");
  if (session) await call("DELETE", session.links.self).catch(() => {});
}

/** A button for each clip of the avatar that can be asked for. */
function fillGestures(on) {
  const offered = on ? state.avatar.clips.filter((name) => !["idle", "speaking"].includes(name)) : [];
  $("gestures").replaceChildren(...offered.map((clip) => element("button", { type: "button", textContent: clip.replaceAll("_", " "), onclick: () => gesture(clip) })));
  show(offered.length > 0, "gestures");
}

async function gesture(clip) {
  if (!state.session) return;
  await call("POST", `${state.session.links.self}/gesture`, { body: { clip }, type: "application/json" }).catch((error) => showError("trouble", error));
}

function enable(on) {
  fillGestures(on);
  show(on, "tools");
  show(!on, "still");
  if (on) show(false, "empty", "start");
  show(on && state.way === "WebRTC", "video");
  show(on && state.way === "WebSocket", "canvas");
  $("speech").disabled = $("send").disabled = !on;
  $("speech-label").classList.toggle("off", !on);
  if (!on) $("interrupt").disabled = true;
}

const LIGHTS = { idle: "on", speaking: "on", draining: "on", connecting: "busy", again: "busy", armed: "busy", stalled: "busy", over: "bad" };
function say(now) {
  put($("state"), `state.${now}`);
  $("light").className = `light ${LIGHTS[now] ?? ""}`;
  $("screen").dataset.state = now;
  if (state.line) $("interrupt").disabled = ["idle", "over"].includes(now);
}

// ---- what happens ----
function listen() {
  const { links, token } = state.session;
  const events = (state.events = new EventSource(token ? `${links.events}?token=${token}` : links.events));
  const on = (name, act) => events.addEventListener(name, (event) => { if (state.events === events) act(JSON.parse(event.data)); });
  on("ready", (info) => { say(info.state); note("ready"); });
  for (const name of ["started", "speaking", "finished", "idle", "interrupted", "stalled", "buffer_full", "voice_failed", "failed", "closed"]) {
    on(name, (info) => { note(name, info); HEARD[name]?.(info); });
  }
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
    $("latency").textContent = `${Math.round(1000 * latency)} ms`;
    say("speaking");
  },
  finished: ({ utterance }) => { state.starts.delete(utterance); forget(); },
  interrupted: () => { state.starts.clear(); forget(); say("idle"); },
  idle: () => { state.starts.clear(); say("idle"); },
  stalled: () => { say("stalled"); setTimeout(() => $("screen").dataset.state === "stalled" && say("speaking"), STALL); },
  voice_failed: ({ reason }) => showError("say-trouble", { kind: "voice-error", detail: reason }),
  failed: async ({ reason }) => { await finish(); showError("trouble", { kind: "unexpected", detail: reason }); },
  closed: async () => { await finish(); showError("trouble", { kind: "session-over" }); },
};
const forget = () => { delete $("sent").dataset.word; $("sent").textContent = ""; };

function note(name, info = {}) {
  const last = $("log").firstElementChild;
  if (last?.name === name) { last.lastElementChild.textContent = `× ${++last.count}`; return; }
  const at = element("time", { textContent: info.pts === undefined ? "" : `${info.pts.toFixed(2)} s` });
  const text = put(element("span"), has(`event.${name}`) ? `event.${name}` : name, { ...info });
  $("log").prepend(Object.assign(element("li", {}, at, text, element("span")), { name, count: 1 }));
  while ($("log").children.length > 100) $("log").lastChild.remove();
}

/** Figures of the line: round trip in ms, pictures a second, their size, share of lost packets. */
function report({ trip, fps, width, height, lost, way }) {
  if (!state.session) return; // it was measured while the session ended
  $("line").textContent = trip === null ? "–" : `${Math.round(trip)} ms`;
  const short = fps < 0.6 * rate() || lost > 0.1, fair = fps < 0.9 * rate() || lost > 0.02 || trip > 300;
  const bars = short ? 1 : fair ? 2 : 3;
  $("bars").dataset.bars = bars;
  put($("quality"), `quality.${bars}`);
  $("stream").textContent = width ? `${width} × ${height} · ${Math.round(fps)}/s · ${way}` : "–";
}
const rate = () => { const [over, under = 1] = state.session.fps.split("/"); return over / under; };

// ---- speaking ----
async function saySound(file) {
  if (!file || !state.session) return;
  showError("say-trouble");
  put($("sent"), "say.sending");
  try {
    const { seconds } = await call("POST", `${state.session.links.self}/speak`, { body: form({ speech: file }) });
    put($("sent"), "say.sent", { seconds: seconds.toFixed(1) });
  } catch (error) {
    forget();
    showError("say-trouble", error);
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
    await call("POST", `${state.session.links.self}/text`, { body: { text }, type: "application/json" });
  } catch (error) {
    $("text").value ||= text;
    showError("say-trouble", error);
  }
  forget();
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
  return state.line?.speak(state.microphone);
}

async function stopMicrophone() {
  const stream = state.microphone;
  if (!stream) return;
  state.microphone = null;
  stream.getTracks().forEach((track) => track.stop());
  $("microphone").ariaPressed = "false";
  show(false, "microphone-words");
  mute(state.mutedBefore);
  await state.line?.speak(null);
}

function mute(on) {
  $("mute").ariaPressed = String(on);
  $("mute").replaceChildren(icon(on ? "sound-off" : "sound"));
  state.line?.mute(on);
}

// ---- the page itself ----
const on = (id, name, act) => $(id).addEventListener(name, act);
on("start", "click", start);
on("end", "click", finish);
on("interrupt", "click", interrupt);
on("mute", "click", () => mute($("mute").ariaPressed !== "true"));
on("microphone", "click", microphone);
on("speech", "change", (event) => saySound(event.target.files[0]));
on("picture", "change", (event) => makeAvatar(event.target.files[0]));
on("say", "submit", sayText);
on("text", "keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) sayText(event); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("interrupt").disabled) interrupt(); });
addEventListener("pagehide", () => state.session && call("DELETE", state.session.links.self, { keep: true }).catch(() => {}));
enable(false);
say("none");
try {
  await begin(TEXTS);
  show(Boolean(about.voice), "say", "send");
  show(!about.voice, "no-voice");
  await fillAvatars();
} catch (error) {
  showError("trouble", error);
}
document.body.dataset.ready = "";
