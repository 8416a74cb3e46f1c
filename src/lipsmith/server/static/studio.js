// The studio: a face, some speech, a film.
import { $, about, address, avatarName, begin, call, clock, element, follow, form, has, icon, listAvatars, locale, over, put, show, showError, tileOf, when, word } from "./common.js";

const TEXTS = {
  "title": ["Lipsmith studio", "Lipsmith 工作室"],
  "headline": ["Make a face speak", "让面孔开口说话"],
  "intro": ["A portrait or a video, and some speech: a film comes out.", "一张人像或一段视频，加上一段语音，就能生成影片。"],
  "face.title": ["Who speaks", "谁来说话"],
  "face.choose": ["Choose a portrait or a video", "选择人像或视频"],
  "face.drop": ["or drop it here, or paste a picture", "也可以拖放到这里，或粘贴图片"],
  "face.another": ["Another", "换一个"],
  "face.everyone": ["Everyone speaks", "所有人都说话"],
  "face.keep": ["Keep as avatar", "保存为数字人"],
  "face.keeping": ["Keeping it: {percent} %", "正在保存：{percent} %"],
  "face.kept": ["Kept as “{name}”. It is ready for films and for the live page.", "已保存为“{name}”，可用于影片和实时页面。"],
  "face.avatars": ["Or one of your avatars", "或者选择已有的数字人"],
  "face.avatar": ["Your avatar “{name}”", "您的数字人“{name}”"],
  "face.looking": ["Looking for faces…", "正在寻找面孔……"],
  "face.sending": ["Sending… {percent} %", "正在上传…… {percent} %"],
  "face.one": ["One face, in a picture of {size} px.", "图片 {size} 像素，找到一张面孔。"],
  "face.many": ["{count} faces: press the one that is to speak.", "{count} 张面孔：请点选说话的人。"],
  "face.one.later": ["One face, {seconds} s into the video, in a picture of {size} px.", "视频第 {seconds} 秒，图片 {size} 像素，找到一张面孔。"],
  "face.many.later": ["{count} faces, {seconds} s into the video: press the one that is to speak.", "视频第 {seconds} 秒有 {count} 张面孔：请点选说话的人。"],
  "face.number": ["Face {number}", "面孔 {number}"],
  "face.group": ["Who speaks", "谁来说话"],
  "speech.title": ["What is said", "说什么"],
  "speech.record": ["Record", "录音"],
  "speech.choose": ["Choose a file", "选择文件"],
  "speech.own": ["The video's own sound", "视频自带的声音"],
  "speech.stop": ["Stop", "停止"],
  "speech.level": ["Loudness", "音量"],
  "speech.recording": ["Recording", "录音"],
  "speech.no-microphone": ["The microphone cannot be used: allow it in the browser. It works on https and on this machine only.", "无法使用麦克风：请在浏览器中允许。仅在 https 或本机上可用。"],
  "how.title": ["Options", "选项"],
  "how.engine": ["Engine", "引擎"],
  "how.auto": ["the best that runs here", "自动选择最佳"],
  "how.faces": ["Who speaks", "谁来说话"],
  "how.largest": ["the largest face", "最大的面孔"],
  "how.all": ["everyone", "所有人"],
  "how.left": ["leftmost", "最左边"],
  "how.right": ["rightmost", "最右边"],
  "how.fps": ["Pictures a second", "每秒帧数"],
  "how.fps.source": ["as the video", "与视频相同"],
  "how.moving": ["A portrait blinks and moves slightly", "人像会眨眼并轻微移动"],
  "how.background": ["Background", "背景"],
  "how.keep": ["keep", "保留"],
  "how.transparent": ["transparent", "透明"],
  "how.colour": ["a colour", "纯色"],
  "how.quality": ["Quality", "画质"],
  "how.small": ["small file", "小文件"],
  "how.good": ["good", "良好"],
  "how.best": ["best", "最佳"],
  "how.format": ["File", "文件格式"],
  "how.own": ["More of this engine", "此引擎的更多选项"],
  "make": ["Make the film", "生成影片"],
  "missing.both": ["Choose a face and some speech first.", "请先选择面孔和语音。"],
  "missing.face": ["Choose a face first.", "请先选择面孔。"],
  "missing.speech": ["Record or choose some speech first.", "请先录音或选择语音。"],
  "film.title": ["Film", "影片"],
  "film.empty": ["The face, its first words and then the film appear here.", "面孔、试看和成片会显示在这里。"],
  "film.tasting": ["Trying the picture…", "正在试做……"],
  "film.taste": ["Preview: the picture above speaks the loudest moment of the speech.", "试看：上图试说语音中最响亮的一刻。"],
  "film.again": ["Play the try again", "再看一次试看"],
  "film.progress": ["Progress", "进度"],
  "film.left": ["about {time} left", "大约还需 {time}"],
  "film.download": ["Download", "下载"],
  "film.cancelled": ["Cancelled.", "已取消。"],
  "film.sound": ["Your browser cannot play this kind of file; the download is whole.", "浏览器无法播放此格式，但可以完整下载。"],
  "stage.sending": ["Sending", "正在上传"],
  "stage.queued": ["Waiting, {count} before it", "排队中，前面还有 {count} 个"],
  "stage.begin": ["Beginning", "正在开始"],
  "stage.open": ["Listening to the speech", "正在读取语音"],
  "stage.look": ["Looking for faces", "正在寻找面孔"],
  "stage.prepare": ["Preparing the face", "正在准备面孔"],
  "stage.speak": ["Drawing the film", "正在绘制影片"],
  "stage.commit": ["Finishing", "即将完成"],
  "history.title": ["Earlier films", "以前的影片"],
  "history.older": ["Older ones", "更早的"],
  "history.play": ["Play this film", "播放这部影片"],
  "history.delete": ["Delete", "删除"],
  "history.sure": ["Really delete?", "确定删除？"],
  "history.keeping": ["Films are kept for {hours} hours.", "影片会保留 {hours} 小时。"],
  "state.queued": ["waiting", "排队中"],
  "state.running": ["being made", "制作中"],
  "state.failed": ["failed", "失败"],
  "state.cancelled": ["cancelled", "已取消"],
  "state.done": ["done", "完成"],
};

const SMALL = 12e6; // bytes of a picture or speech that may be sent for each trial
const FRAMES = [0, 0.5, 1.5, 3, 6]; // seconds into a large video at which faces are looked for, one after the other
const state = {
  picture: null, // the file
  avatar: null, // or an avatar's name
  preview: null, // what the server saw in the file
  speech: null, // a file or a recording
  own: false, // the video's own sound
  job: null, // the one that is made or shown
  turn: 0, // counts choices, so that late answers are dropped
};

// ---- who speaks ----
function choosePicture(file) {
  if (!file) return;
  Object.assign(state, { picture: file, avatar: null, preview: null, own: false });
  const turn = ++state.turn;
  const film = file.type.startsWith("video/");
  const shown = element(film ? "video" : "img", film ? { muted: true, playsInline: true, preload: "auto" } : { alt: file.name });
  shown.src = URL.createObjectURL(file) + (film ? "#t=0.01" : "");
  shown.onerror = () => show(false, shown);
  $("view").replaceChildren(shown);
  $("faces").value = "largest";
  showError("face-trouble");
  show(false, "drop", "own", "everyone", "kept");
  show(true, "chosen", "keep", "view");
  pressAvatar();
  look(file, film && file.size > SMALL ? shown : null, turn);
  refresh();
}

/** Ask the server who is in the picture. Of a large video single frames are sent, until one has a face, if the browser can show it. */
async function look(file, film, turn) {
  show(true, "looking");
  put($("seen"), "face.looking");
  try {
    const sent = (share) => turn === state.turn && share < 1 && put($("seen"), "face.sending", { percent: Math.round(100 * share) });
    const done = (share) => (share < 1 ? sent(share) : put($("seen"), "face.looking"));
    let preview;
    for (const seconds of film ? FRAMES : [0]) {
      const frame = film && (await frameAt(film, seconds));
      if (frame === null && seconds && preview) break; // the film is shorter
      const seen = await call("POST", "/v1/previews", { body: form({ picture: frame ?? file, options: filmOptions(false) }), sent: done });
      if (turn !== state.turn) return;
      if (!preview || seen.faces.length) preview = frame ? { ...seen, kind: "video", has_sound: true, shown_at: seconds } : seen;
      if (!frame || seen.faces.length) break;
    }
    state.preview = preview;
    drawView();
    taste();
  } catch (error) {
    if (turn !== state.turn) return;
    put($("seen"), "").textContent = "";
    blame(error, "face-trouble");
  } finally {
    if (turn === state.turn) { show(false, "looking"); refresh(); }
  }
}

/** The film's frame at so many seconds as a picture; null if the browser cannot show it. */
function frameAt(film, seconds) {
  if (seconds && !(seconds < film.duration)) return Promise.resolve(null);
  return new Promise((resolve) => {
    const grab = () => {
      const canvas = element("canvas", { width: film.videoWidth, height: film.videoHeight });
      canvas.getContext("2d").drawImage(film, 0, 0);
      canvas.toBlob((blob) => resolve(blob && new File([blob], "first.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
    };
    if (seconds) {
      film.addEventListener("seeked", grab, { once: true });
      film.currentTime = seconds;
    } else if (film.readyState >= 2) grab();
    else film.addEventListener("loadeddata", grab, { once: true });
    film.addEventListener("error", () => resolve(null), { once: true });
    setTimeout(() => resolve(null), 5000);
  });
}

function drawView() {
  const { view, faces, size, kind, has_sound: sound, shown_at: at } = state.preview;
  $("view").replaceChildren(element("img", { src: view, alt: state.picture.name }));
  show(true, "view");
  const boxes = element("div", { role: "radiogroup" });
  boxes.dataset.label = "face.group";
  boxes.ariaLabel = word("face.group");
  const ordered = [...faces].sort((a, b) => a.box[0] + a.box[2] - b.box[0] - b.box[2]);
  ordered.forEach((face, index) => {
    const [x0, y0, x1, y1] = face.box;
    const box = element("button", { type: "button", className: "box", role: "radio", onclick: () => chooseFace(String(index + 1)) }, element("b", { textContent: index + 1, ariaHidden: "true" }));
    box.dataset.label = "face.number";
    box.said = { number: index + 1 };
    box.ariaLabel = box.title = word("face.number", box.said);
    box.style.left = `${(100 * x0) / size[0]}%`;
    box.style.top = `${(100 * y0) / size[1]}%`;
    box.style.width = `${(100 * (x1 - x0)) / size[0]}%`;
    box.style.height = `${(100 * (y1 - y0)) / size[1]}%`;
    box.face = face;
    boxes.append(box);
  });
  boxes.addEventListener("keydown", stepThroughFaces);
  $("view").append(boxes);
  const said = { size: size.join(" × "), count: faces.length, seconds: (at ?? 0).toFixed(1) };
  if (faces.length) put($("seen"), `face.${faces.length > 1 ? "many" : "one"}${at ? ".later" : ""}`, said);
  else { $("seen").textContent = ""; show(false, "keep"); showError("face-trouble", { kind: "face-error" }); }
  fillFaces(faces.length);
  show(faces.length > 1, "everyone");
  show(kind === "video" && sound, "own");
  if (kind === "video" && sound && !state.speech) setOwn(true);
  markFaces();
}

function stepThroughFaces(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const boxes = [...event.currentTarget.children];
  const next = boxes[(boxes.indexOf(document.activeElement) + step + boxes.length) % boxes.length];
  next.focus();
  next.click();
}

function chooseFace(which) {
  $("faces").value = which;
  markFaces();
  taste();
}

/** Show on the picture who speaks by the choice of faces. */
function markFaces() {
  const which = $("faces").value;
  const boxes = [...$("view").querySelectorAll(".box")];
  boxes.forEach((box, index) => {
    const speaks = { all: true, left: index === 0, right: index === boxes.length - 1, largest: index === largest(boxes) }[which] ?? index === Number(which) - 1;
    box.ariaChecked = String(speaks);
    box.tabIndex = speaks || (index === 0 && !boxes.some((one) => one.ariaChecked === "true")) ? 0 : -1;
  });
  $("everyone").ariaPressed = String(which === "all");
  $("everyone").classList.toggle("main", which === "all");
}

const largest = (boxes) => {
  const areas = boxes.map((box) => parseFloat(box.style.width) * parseFloat(box.style.height));
  return areas.indexOf(Math.max(...areas));
};

function chooseAvatar(avatar) {
  Object.assign(state, { picture: null, avatar: avatar.id, preview: null, own: false });
  const turn = ++state.turn;
  const chip = [...$("avatars").querySelectorAll(".chip")].find((one) => one.textContent === avatar.id);
  const canvas = element("canvas", { width: 1, height: 1 });
  const from = chip?.querySelector("canvas");
  if (from) { canvas.width = from.width; canvas.height = from.height; canvas.getContext("2d").drawImage(from, 0, 0); }
  $("view").replaceChildren(canvas);
  put($("seen"), "face.avatar", { name: avatar.id });
  showError("face-trouble");
  show(true, "chosen", "view");
  show(false, "drop", "keep", "everyone", "own", "looking", "kept");
  pressAvatar();
  if (turn === state.turn) { clearTaste(); refresh(); }
}

const pressAvatar = () => {
  for (const chip of $("avatars").querySelectorAll(".chip")) chip.ariaPressed = String(chip.textContent === state.avatar);
};

function forgetPicture() {
  Object.assign(state, { picture: null, avatar: null, preview: null, own: false });
  state.turn += 1;
  $("picture").value = "";
  show(false, "chosen", "own");
  show(true, "drop");
  showError("face-trouble");
  pressAvatar();
  clearTaste();
  refresh();
  $("picture").focus();
}

async function keep() {
  const name = avatarName(state.picture.name);
  const { engine, fps, faces, still, engine_options } = JSON.parse(filmOptions());
  $("keep").disabled = true;
  show(true, "kept");
  put($("kept"), "face.keeping", { percent: 0 });
  try {
    const options = JSON.stringify({ engine, fps, faces, still, engine_options });
    const job = await call("POST", "/v1/avatars", { body: form({ picture: state.picture, id: name, options }) });
    follow(job, (info) => {
      if (!over(info)) return put($("kept"), "face.keeping", { percent: Math.round(100 * info.progress) });
      $("keep").disabled = false;
      show(info.state === "done", "kept");
      if (info.state !== "done") return showError("face-trouble", problemOf(info));
      put($("kept"), "face.kept", { name });
      return fillAvatars();
    });
  } catch (error) {
    $("keep").disabled = false;
    show(false, "kept");
    blame(error, "face-trouble");
  }
}

async function fillAvatars() {
  const avatars = await listAvatars($("avatars"), state.avatar, chooseAvatar);
  show(avatars.length > 0, "stored");
}

// ---- what is said ----
function setSpeech(file) {
  if (!file) return;
  Object.assign(state, { speech: file, own: false });
  $("listen").src = URL.createObjectURL(file);
  $("said-name").textContent = file.name;
  show(true, "said", "listen");
  showError("speech-trouble");
  refresh();
  taste();
}

function setOwn(on) {
  Object.assign(state, { own: on, speech: on ? null : state.speech });
  if (on) { show(true, "said"); show(false, "listen"); put($("said-name"), "speech.own"); }
  refresh();
  taste();
}

function unsay() {
  Object.assign(state, { speech: null, own: false });
  $("speech").value = "";
  delete $("said-name").dataset.word;
  show(false, "said");
  clearTaste();
  refresh();
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
    stream.getTracks().forEach((track) => track.stop());
    meter.close();
    const type = recorder.mimeType.split(";")[0] || "audio/webm";
    recorder = null;
    show(false, "recording");
    show(true, "speech-choose");
    $("record").focus();
    const name = `${word("speech.recording")} ${new Date().toLocaleTimeString(locale())}.${type.split("/")[1]}`;
    setSpeech(new File(pieces, name, { type }));
  };
  recorder.start(1000);
  show(true, "recording");
  show(false, "speech-choose", "said");
  $("stop").focus();
  const draw = () => {
    if (!recorder) return;
    const level = meter.level();
    $("meter").firstElementChild.style.transform = `scaleX(${level})`;
    $("meter").ariaValueNow = String(Math.round(100 * level));
    $("recorded").textContent = clock((performance.now() - began) / 1000);
    if (performance.now() - began > about.media_minutes * 60e3) recorder.stop();
    else requestAnimationFrame(draw);
  };
  draw();
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

// ---- options ----
const engineOf = () => about.engines.find((one) => one.name === $("engine").value);

function fillOptions() {
  const engines = about.engines.filter((one) => !one.for_tests);
  $("engine").replaceChildren(element("option", { value: "auto", word: "how.auto" }), ...engines.map((one) => element("option", { value: one.name, textContent: one.name })));
  $("format").replaceChildren(...about.formats.map((one) => element("option", { textContent: one })));
  fillFaces(0);
  fillEngineOptions();
}

function fillFaces(count) {
  const before = $("faces").value;
  const numbers = Array.from({ length: count > 1 ? count : 0 }, (_, index) => {
    const made = element("option", { value: index + 1 });
    return put(made, "face.number", { number: index + 1 });
  });
  $("faces").replaceChildren(...["largest", "all", "left", "right"].map((one) => element("option", { value: one, word: `how.${one}` })), ...numbers);
  $("faces").value = before;
  if (!$("faces").value) $("faces").value = "largest";
}

function fillEngineOptions() {
  const engine = engineOf();
  $("about-engine").textContent = engine ? `${engine.summary}. ${engine.needs}.` : "";
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

/** What of the engine's own options was changed. */
function engineOptions() {
  const found = {};
  for (const input of $("engine-options").querySelectorAll("input, select")) {
    const { name, default: usual, choices } = engineOf().options.find((one) => one.name === input.name);
    const plain = input.type === "checkbox" ? input.checked : input.value;
    if (plain === "") continue;
    const value = choices ? choices.find((one) => String(one) === plain) : typeof usual === "number" ? Number(plain) : plain;
    if (value !== usual) found[name] = value;
  }
  return found;
}

/** The options as JSON; of an avatar only the film's own. */
function filmOptions(faces = true) {
  const crf = Number($("quality").value);
  if (state.avatar) return JSON.stringify({ crf });
  const background = $("background").value === "colour" ? $("colour").value : $("background").value;
  return JSON.stringify({
    engine: $("engine").value, fps: $("fps").value, faces: faces ? $("faces").value : "largest", still: !$("moving").checked,
    crf, background, engine_options: engineOptions(),
  });
}

function optionChanged(event) {
  showError("how-trouble");
  if (event.target.id === "engine") fillEngineOptions();
  if (event.target.id === "faces") markFaces();
  show($("background").value === "colour", "colour");
  if ($("background").value === "transparent" && $("format").value === "mp4") $("format").value = "webm";
  if (!["quality", "format"].includes(event.target.id)) taste();
}

// ---- a taste, before time is spent ----
let tasting = null, soon = 0;

function clearTaste() {
  clearTimeout(soon);
  clearInterval(turning);
  tasting?.abort();
  $("screen").ariaBusy = "false";
  show(false, "taste", "taste-words");
  show($("video").hidden, "empty");
}

function taste() {
  clearTaste();
  const { preview, speech, picture } = state;
  if (!preview?.faces.length || !speech || speech.size > SMALL || !$("working").hidden) return;
  soon = setTimeout(async () => {
    const mine = (tasting = new AbortController());
    show(true, "taste-words");
    put($("taste-words"), "film.tasting");
    $("screen").ariaBusy = "true";
    try {
      const first = await closeUp(picture, preview);
      const seen = await call("POST", "/v1/previews", { body: form({ picture: first, speech, options: filmOptions($("faces").value === "all") }), signal: mine.signal });
      if (mine.signal.aborted || !seen.sheet || state.job) return show(false, "taste-words");
      tiles = await readTiles(seen);
      show(true, "taste", "ai-note");
      show(false, "empty", "video", "result");
      playTiles();
      return put($("taste-words"), "film.taste");
    } catch (error) {
      if (mine.signal.aborted) return null;
      show(false, "taste-words");
      return blame(error, "film-trouble");
    } finally {
      if (tasting === mine) $("screen").ariaBusy = "false";
    }
  }, 500);
}

/** The chosen faces with some room around them, as a picture of their own: the try shows them large. */
async function closeUp(picture, { view, kind, size, faces }) {
  const shown = $("view").querySelector("img");
  await shown.decode();
  const source = kind === "image" ? await createImageBitmap(picture).catch(() => shown) : shown;
  const scale = (source.naturalWidth ?? source.width) / size[0];
  const speaking = [...$("view").querySelectorAll(".box")].filter((box) => box.ariaChecked === "true").map((box) => box.face);
  const boxes = (speaking.length ? speaking : faces).map((face) => face.box);
  const [x0, y0, x1, y1] = [0, 1, 2, 3].map((side) => Math[side < 2 ? "min" : "max"](...boxes.map((box) => box[side])));
  const room = 0.75 * Math.max(x1 - x0, y1 - y0);
  const left = Math.max(0, x0 - room), top = Math.max(0, y0 - room);
  const width = Math.min(size[0], x1 + room) - left, height = Math.min(size[1], y1 + room) - top;
  const canvas = element("canvas");
  const zoom = Math.min(scale, 640 / Math.max(width, height));
  Object.assign(canvas, { width: Math.round(width * zoom), height: Math.round(height * zoom) });
  canvas.getContext("2d").drawImage(source, left * scale, top * scale, width * scale, height * scale, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(view))), "image/png"));
}

let tiles = [], turning = 0;
/** The pictures of a preview's sheet: its last row may be part empty. */
async function readTiles({ sheet, size }) {
  const image = element("img", { src: sheet });
  await image.decode();
  const canvas = $("tiles");
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const found = [];
  for (let index = 0; ; index += 1) {
    const [x, y, width, height] = tileOf(index, size);
    if (y + height > image.naturalHeight) return found;
    if (x + width > image.naturalWidth) continue;
    Object.assign(canvas, { width, height });
    paint.drawImage(image, x, y, width, height, 0, 0, width, height);
    const { data } = paint.getImageData(0, 0, width, height);
    if (data.every((value, place) => place % 4 === 3 || value === data[0])) return found; // paper
    found.push({ image, x, y, width, height });
  }
}

/** Show the try a few times, at half speed; standing still for those who want no motion. */
function playTiles() {
  clearInterval(turning);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const draw = ({ image, x, y, width, height }) => {
    Object.assign($("tiles"), { width, height });
    $("tiles").getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
  };
  let step = 0;
  const last = 4 * 2 * tiles.length;
  draw(tiles[tiles.length >> 1]);
  if (calm) return;
  turning = setInterval(() => {
    const at = step % (2 * tiles.length);
    draw(tiles[at < tiles.length ? at : 2 * tiles.length - 1 - at]);
    if (++step >= last) { clearInterval(turning); draw(tiles[tiles.length >> 1]); }
  }, 80);
}

// ---- making ----
function refresh() {
  const face = Boolean(state.avatar || state.picture), speech = Boolean(state.speech || state.own);
  const busy = !$("working").hidden;
  $("make").disabled = busy;
  show(!state.avatar, "picture-options");
  if (face && speech) $("missing").textContent = "", delete $("missing").dataset.word;
  else put($("missing"), face ? "missing.speech" : speech ? "missing.face" : "missing.both");
}

const PLACES = { "picture-error": "face-trouble", "face-error": "face-trouble", "sound-error": "speech-trouble", "option-error": "how-trouble", "engine-unavailable": "how-trouble", "weights-missing": "how-trouble" };
/** Show an error where it belongs. */
function blame(error, otherwise) {
  const place = PLACES[error.kind] ?? otherwise;
  showError(place, error);
  if (place === "how-trouble") $("how").open = true;
}

const problemOf = (job) => ({ kind: job.problem?.type ?? "unexpected", detail: job.problem?.detail });

let sending = null, unfollow = () => {};
async function makeFilm(event) {
  event.preventDefault();
  if ($("make").disabled) return;
  if (!(state.avatar || state.picture) || !(state.speech || state.own)) {
    $((state.avatar || state.picture) ? "record" : "picture").focus();
    return;
  }
  for (const place of ["face-trouble", "speech-trouble", "how-trouble", "make-trouble", "film-trouble"]) showError(place);
  sending = new AbortController();
  state.job = null;
  work("stage.sending");
  $("progress").value = 0;
  $("film").scrollIntoView({ block: "nearest", behavior: "smooth" });
  const body = form({ picture: state.picture, avatar: state.avatar, speech: state.speech, format: $("format").value, options: filmOptions() });
  try {
    const sent = (share) => { $("left").textContent = share < 1 ? `${Math.round(100 * share)} %` : ""; };
    attach(await call("POST", "/v1/jobs", { body, signal: sending.signal, sent }));
  } catch (error) {
    rest();
    blame(error, "make-trouble");
  }
}

function work(stage, values) {
  if ($("working").hidden) {
    clearTimeout(soon);
    tasting?.abort();
    $("video").pause();
    show(true, "working");
    show(false, "result", "taste-words");
    if ($("video").hidden && $("taste").hidden) show(true, "empty");
    refresh();
  }
  if ($("stage").dataset.word !== stage || values) put($("stage"), stage, values);
}

function rest() {
  sending = null;
  show(false, "working");
  refresh();
}

/** Show how a job goes on, and its film at the end. */
function attach(job) {
  unfollow();
  state.job = job;
  sending = null;
  const pace = { stage: "", at: 0, done: 0 };
  unfollow = follow(job, (info) => {
    state.job = info;
    if (!over(info)) return progress(info, pace);
    rest();
    fillFilms();
    if (info.state === "done") return play(info, true);
    if (info.state === "cancelled") { state.job = null; return put($("missing"), "film.cancelled"); }
    state.job = null;
    return blame(problemOf(info), "film-trouble");
  });
}

function progress(job, pace) {
  const { stage, state: where, position } = job;
  if (where === "queued" && position) work("stage.queued", { count: position });
  else if (stage && has(`stage.${stage.name}`)) work(`stage.${stage.name}`);
  else work("stage.begin");
  $("progress").value = job.progress;
  $("left").textContent = "";
  if (!stage?.total) return;
  const now = performance.now() / 1000;
  if (pace.stage !== stage.name) Object.assign(pace, { stage: stage.name, at: now, done: stage.done });
  const done = stage.done - pace.done;
  if (stage.name !== "speak" || done < 5 || now - pace.at < 1) return;
  const left = ((stage.total - stage.done) * (now - pace.at)) / done;
  if (left >= 1) put($("left"), "film.left", { time: clock(left + 0.5) });
}

async function cancel() {
  if (sending) return sending.abort();
  if (!state.job) return null;
  return call("POST", `/v1/jobs/${state.job.id}/cancel`).catch((error) => showError("film-trouble", error));
}

async function play(job, fresh = false) {
  state.job = job;
  const video = $("video");
  const from = await address(job.id, job.links.result);
  let renewed = false;
  video.onerror = async () => {
    const at = video.currentTime;
    if (renewed || !at) return showError("film-trouble", { kind: "film.sound" });
    renewed = true; // the address may be over
    video.src = await address(job.id, job.links.result);
    video.currentTime = at;
  };
  video.onloadedmetadata = () => {
    $("facts").textContent = `${clock(video.duration)} · ${video.videoWidth} × ${video.videoHeight}`;
  };
  showError("film-trouble");
  video.src = from;
  $("download").href = from;
  $("download").download = `${(job.request.picture ?? job.request.avatar ?? "film").replace(/\.[^.]*$/, "")}-${job.id.slice(0, 4)}.${job.request.format}`;
  show(false, "empty", "taste", "taste-words");
  show(true, "video", "result", "ai-note");
  if (fresh) video.focus({ preventScroll: true });
  else await video.play().catch(() => {});
}

// ---- earlier films ----
let oldest = null;
async function fillFilms(address = "/v1/jobs?limit=8", more = false) {
  const { jobs, next } = await call("GET", address);
  const lines = jobs.filter((job) => job.kind === "dub").map(line);
  if (more) $("films").append(...lines);
  else $("films").replaceChildren(...lines);
  oldest = next;
  show($("films").children.length > 0, "history");
  show(Boolean(next), "older");
  put($("keeping"), "history.keeping", { hours: about.keep_hours });
  return jobs;
}

function line(job) {
  const { speech, picture, avatar } = job.request;
  const done = job.state === "done";
  const thumb = element("button", { type: "button", className: "thumb", label: "history.play", disabled: !done, onclick: () => play(job) }, icon(done ? "play" : "face"));
  if (done) thumbs.observe(Object.assign(thumb, { job }));
  const info = element("span", { className: "small soft" }, element("span", { word: `state.${job.state}` }), ` · ${when(job.created)}`);
  const bin = element("button", { type: "button", className: "plain icon", label: "history.delete" }, icon("bin"));
  const item = element("li", {}, thumb, element("div", {}, element("span", { textContent: [avatar ?? picture, speech].filter(Boolean).join(" + ") }), info), bin);
  bin.addEventListener("click", () => remove(job, bin, item));
  return item;
}

/** The first press asks, the second deletes. */
async function remove(job, bin, item) {
  if (!bin.classList.contains("main")) {
    bin.classList.add("main");
    bin.replaceChildren(element("span", { className: "small", word: "history.sure" }));
    setTimeout(() => { bin.classList.remove("main"); bin.replaceChildren(icon("bin")); }, 3000);
    return;
  }
  await call("DELETE", job.links.self).catch((error) => showError("film-trouble", error));
  item.remove();
  show($("films").children.length > 0, "history");
}

const thumbs = new IntersectionObserver((entries) => entries.forEach(async ({ isIntersecting, target }) => {
  if (!isIntersecting) return;
  thumbs.unobserve(target);
  const from = await address(target.job.id, target.job.links.result).catch(() => null);
  if (from) target.replaceChildren(element("video", { src: `${from}#t=0.4`, preload: "metadata", muted: true, playsInline: true, tabIndex: -1 }));
}));

// ---- the page itself ----
function listen() {
  const on = (id, name, act) => $(id).addEventListener(name, act);
  on("picture", "change", (event) => choosePicture(event.target.files[0]));
  on("speech", "change", (event) => setSpeech(event.target.files[0]));
  on("another", "click", forgetPicture);
  on("everyone", "click", () => chooseFace($("faces").value === "all" ? "largest" : "all"));
  on("keep", "click", keep);
  on("record", "click", record);
  on("stop", "click", () => recorder?.stop());
  on("own", "click", () => setOwn(true));
  on("unsay", "click", unsay);
  on("how", "change", optionChanged);
  on("film-form", "submit", makeFilm);
  on("cancel", "click", cancel);
  on("taste", "click", playTiles);
  on("older", "click", () => fillFilms(oldest, true));
  for (const [id, take] of [["face", choosePicture], ["speech-card", setSpeech]]) {
    on(id, "dragover", (event) => { event.preventDefault(); $(id).classList.add("over"); });
    on(id, "dragleave", (event) => $(id).contains(event.relatedTarget) || $(id).classList.remove("over"));
    on(id, "drop", (event) => { event.preventDefault(); $(id).classList.remove("over"); take(event.dataTransfer.files[0]); });
  }
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => /^(image|video|audio)\//.test(one.type));
    if (file) (file.type.startsWith("audio/") ? setSpeech : choosePicture)(file);
  });
}

listen();
refresh();
try {
  await begin(TEXTS);
  fillOptions();
  const [, jobs] = await Promise.all([fillAvatars(), fillFilms()]);
  const running = jobs.find((job) => job.kind === "dub" && !over(job));
  if (running) { work("stage.begin"); attach(running); }
} catch (error) {
  showError("make-trouble", error);
}
document.body.dataset.ready = "";
