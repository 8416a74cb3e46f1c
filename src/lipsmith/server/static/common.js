// What both pages share: words in two languages, elements, calls to the API and its key, watching a job.

const STORED = "lipsmith.";
const TEXTS = {
  "nav.studio": ["Studio", "工作室"],
  "nav.live": ["Live", "实时"],
  "nav.pages": ["Pages", "页面"],
  "skip": ["Skip to content", "跳到正文"],
  "other-language": ["中文", "English"],
  "made-by-ai": ["Made by AI. Say so where you show it, and use only faces and voices you may use.", "由人工智能生成。展示时请注明，并只使用您有权使用的面孔和声音。"],
  "footer": ["Everything stays between this browser and your own server.", "一切都只在此浏览器与您自己的服务器之间。"],
  "footer.api": ["API documentation", "接口文档"],
  "noscript": ["This page needs JavaScript.", "此页面需要 JavaScript。"],
  "key": ["API key", "API 密钥"],
  "key.title": ["This server needs an API key", "此服务器需要 API 密钥"],
  "key.text": ["Ask the person who runs it. The key stays in this tab and is forgotten when you close it.", "请向服务器管理者索取。密钥只保存在此标签页中，关闭即忘。"],
  "key.wrong": ["The server does not know this key.", "服务器不认识此密钥。"],
  "key.use": ["Use this key", "使用此密钥"],
  "cancel": ["Cancel", "取消"],
  "remove": ["Remove", "移除"],
  "offline": ["The server cannot be reached. Is it running, and are you online?", "无法连接服务器。它在运行吗？您联网了吗？"],
  "key-needed": ["Nothing was done: an API key is needed.", "未执行：需要 API 密钥。"],
  "face-error": ["No face was found that could speak. Try a sharper picture, seen from the front.", "没有找到可以说话的面孔。请换一张更清晰的正面图片。"],
  "picture-error": ["This picture or video cannot be used.", "无法使用这张图片或这段视频。"],
  "sound-error": ["This speech cannot be used.", "无法使用这段语音。"],
  "option-error": ["One of the options has an invalid value.", "有一个选项不可用。"],
  "engine-unavailable": ["This engine cannot run here.", "此引擎无法在这里运行。"],
  "weights-missing": ["This engine's files are not on the server.", "服务器上缺少此引擎的模型文件。"],
  "too-large": ["The file is too large for this server.", "文件太大，服务器不接受。"],
  "too-many-jobs": ["Too many of your films wait. Try again when one is over.", "您等待中的任务太多，请待其中一个完成后再试。"],
  "queue-full": ["The server is full. Try again in a minute.", "服务器已满，请稍后再试。"],
  "busy": ["The server is full. Try again in a moment.", "服务器已满，请稍后再试。"],
  "draining": ["The server is about to stop.", "服务器即将停止。"],
  "no-space": ["The server's disk is full.", "服务器磁盘已满。"],
  "exists": ["That name is taken.", "这个名称已被使用。"],
  "not-found": ["It is not there any more.", "它已经不存在了。"],
  "unexpected": ["Something went wrong on the server.", "服务器出错了。"],
  "interrupted": ["The work was interrupted too often.", "任务多次中断。"],
  "too-long": ["The work took too long.", "任务耗时过长。"],
};

const store = (kind, name, value) => {
  try {
    if (value === undefined) return kind.getItem(STORED + name);
    if (value === null) kind.removeItem(STORED + name);
    else kind.setItem(STORED + name, value);
  } catch { /* storage may be forbidden */ }
  return null;
};

// ---- words ----
const CODES = ["en", "zh-CN"];
const wanted = () => {
  const code = store(localStorage, "language") ?? navigator.languages?.find((one) => /^(en|zh)/i.test(one)) ?? "en";
  return /^zh/i.test(code) ? 1 : 0;
};
let language = wanted();

export const learn = (words) => Object.assign(TEXTS, words);
export const locale = () => CODES[language];
const dates = () => navigator.languages?.find((one) => one.startsWith(language ? "zh" : "en")) ?? ["en-GB", "zh-CN"][language];
/** The hour; of another day its date too. */
export const when = (moment) => {
  const at = new Date(moment), hour = { hour: "2-digit", minute: "2-digit" };
  return at.toDateString() === new Date().toDateString() ? at.toLocaleTimeString(dates(), hour) : at.toLocaleString(dates(), { month: "short", day: "numeric", ...hour });
};
export const has = (key) => key in TEXTS;
export const word = (key, values = {}) => (TEXTS[key]?.[language] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

/** Let an element show a word of the dictionary, also when the language changes later. */
export function put(element, key, values) {
  element.dataset.word = key;
  element.said = values;
  element.textContent = word(key, values);
  return element;
}

function translate() {
  document.documentElement.lang = locale();
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word, one.said);
  for (const one of document.querySelectorAll("[data-label]")) one.ariaLabel = one.title = word(one.dataset.label, one.said);
  for (const one of document.querySelectorAll("[data-hint]")) one.placeholder = word(one.dataset.hint);
  document.dispatchEvent(new Event("language"));
}

// ---- elements ----
export const $ = (id) => document.getElementById(id);

export function element(tag, members = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "word") put(made, value);
    else if (name === "label") { made.dataset.label = value; made.ariaLabel = made.title = word(value); }
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
export function icon(name) {
  const drawn = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  drawn.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `icons.svg#${name}`);
  drawn.append(use);
  return drawn;
}

export const show = (shown, ...elements) => elements.forEach((one) => { (typeof one === "string" ? $(one) : one).hidden = !shown; });

/** Show an error where it belongs, or clear that place. In Chinese the server's own sentence comes second. */
export function showError(place, error) {
  place = typeof place === "string" ? $(place) : place;
  place.replaceChildren();
  place.hidden = !error || error.name === "AbortError";
  if (place.hidden) return;
  const known = has(error.kind) && (language || !error.detail);
  if (known) place.append(word(error.kind));
  if (error.detail) place.append(known ? element("small", { lang: "en", textContent: error.detail }) : error.detail);
  else if (!known) place.append(error.message);
}

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// ---- calls ----
/** An answer that tells of a problem: kind is the word to switch on, detail the sentence. */
export class Trouble extends Error {
  constructor(kind, detail, status = 0) {
    super(detail || word(kind));
    Object.assign(this, { kind, detail, status });
  }
}

export let about = null;
const key = () => store(sessionStorage, "key");

/** Call the API. Answers JSON (or `as` "text", "blob"); asks for the key when the server wants one. `keep`: the page goes. */
export async function call(method, path, { body, as = "json", signal, sent, type, keep } = {}) {
  if (keep) return fetch(path, { method, keepalive: true, headers: key() ? { Authorization: `Bearer ${key()}` } : {} });
  for (;;) {
    const used = key();
    try {
      return await request(method, path, { body, as, signal, sent, type, used });
    } catch (error) {
      if (error.status !== 401) throw error;
      if (key() === used) await askKey(Boolean(used));
    }
  }
}

function request(method, path, { body, as, signal, sent, type, used }) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open(method, path);
    if (used) asked.setRequestHeader("Authorization", `Bearer ${used}`);
    if (type) asked.setRequestHeader("Content-Type", type);
    if (as === "blob") asked.responseType = "blob";
    if (sent) asked.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    asked.onerror = () => reject(new Trouble("offline"));
    asked.onabort = () => reject(new DOMException("", "AbortError"));
    asked.onload = () => {
      if (asked.status >= 400) reject(trouble(asked, as));
      else if (as === "json") resolve(asked.responseText ? JSON.parse(asked.responseText) : null);
      else resolve(as === "blob" ? asked.response : { text: asked.responseText, location: asked.getResponseHeader("Location") });
    };
    if (signal?.aborted) reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => asked.abort());
    asked.send(body instanceof Object && !(body instanceof Blob || body instanceof FormData || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) ? JSON.stringify(body) : body ?? null);
  });
}

function trouble(asked, as) {
  try {
    const info = JSON.parse(as === "blob" ? "" : asked.responseText);
    return new Trouble(info.type ?? "unexpected", info.detail, asked.status);
  } catch {
    return new Trouble(asked.status === 401 ? "unauthorized" : "unexpected", `HTTP ${asked.status}`, asked.status);
  }
}

export const form = (members) => {
  const made = new FormData();
  for (const [name, value] of Object.entries(members)) if (value !== null && value !== undefined) made.append(name, value);
  return made;
};

let asking = null;
export function askKey(wrong = false) {
  asking ??= new Promise((resolve, reject) => {
    const input = element("input", { type: "password", autocomplete: "off", spellcheck: false, required: true, id: "key-word" });
    const dialog = element("dialog", { "aria-labelledby": "key-title" },
      element("form", { method: "dialog", className: "stack" },
        element("h2", { id: "key-title", word: "key.title" }), element("p", { className: "soft small", word: "key.text" }),
        element("p", { className: "trouble", word: "key.wrong", role: "alert", hidden: !wrong }),
        element("label", { className: "field" }, element("span", { word: "key" }), input),
        element("div", { className: "row" },
          element("button", { className: "main", value: "use", word: "key.use" }),
          element("button", { type: "button", word: "cancel", onclick: () => dialog.close("") }))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      asking = null;
      if (dialog.returnValue !== "use" || !input.value.trim()) return reject(new Trouble("key-needed"));
      store(sessionStorage, "key", input.value.trim());
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

/** An address that opens without a header: for a <video>, a download, an event stream. */
export async function address(job, path) {
  if (!key()) return path;
  const { token } = await call("POST", `/v1/jobs/${job}/token`);
  return `${path}?token=${token}`;
}

export const over = (job) => !["queued", "running"].includes(job.state);

/** Follow a job until it is over: `changed` gets it each time. Answers a function that stops following. */
export function follow(job, changed) {
  let events = null, stopped = false, waiting = 0;
  const stop = () => { stopped = true; events?.close(); clearTimeout(waiting); };
  const update = (info) => { if (stopped) return; if (over(info)) stop(); changed(info); };
  const open = async () => {
    try {
      update(await call("GET", job.links.self));
      if (stopped) return;
      events = new EventSource(await address(job.id, job.links.events));
      events.addEventListener("job", (event) => update(JSON.parse(event.data)));
      events.onerror = () => { if (events.readyState === EventSource.CLOSED && !stopped) waiting = setTimeout(open, 2000); };
    } catch (error) {
      if (error.status === 404) update({ ...job, state: "cancelled" });
      else if (error.kind !== "key-needed") waiting = setTimeout(open, 3000);
    }
  };
  open();
  return stop;
}

// ---- avatars ----
/** Fill a list with the client's avatars; `chosen` hears which one is pressed. Answers them. */
export async function listAvatars(list, current, chosen) {
  const { avatars } = await call("GET", "/v1/avatars");
  list.replaceChildren(...avatars.map((one) => {
    const canvas = element("canvas", { width: 1, height: 1 });
    const chip = element("button", { type: "button", className: "chip", ariaPressed: String(one.id === current), onclick: () => chosen(one) },
      canvas, element("span", { textContent: one.id }));
    call("GET", one.links.preview, { as: "blob" }).then((sheet) => drawFirstTile(canvas, sheet, one.size)).catch(() => {});
    return element("li", {}, chip);
  }));
  return avatars;
}

const GAP = 4, LINE = 18, TILE = 240, COLUMNS = 8; // of a contact sheet
/** Where the picture of a tile lies in a preview's sheet, less an edge that would shine through: x, y, width, height. */
export const tileOf = (index, [width, height]) => {
  const tall = Math.round((TILE * height) / width);
  return [GAP + 1 + (index % COLUMNS) * (TILE + GAP), GAP + 1 + Math.floor(index / COLUMNS) * (tall + LINE + GAP), TILE - 2, tall - 2];
};
export async function drawFirstTile(canvas, sheet, size) {
  const image = await createImageBitmap(sheet);
  const [x, y, width, height] = tileOf(0, size);
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
}

/** A name that an avatar may have, made of a file's. */
export const avatarName = (file) => {
  const plain = file.replace(/\.[^.]*$/, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 30);
  return `${plain || "face"}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36).slice(0, 4)}`;
};

/** Make the page speak its language, and learn what the server takes. */
export async function begin(words) {
  learn(words);
  translate();
  $("language").addEventListener("click", () => {
    language = 1 - language;
    store(localStorage, "language", locale());
    translate();
  });
  about = await call("GET", "/v1/about");
  return about;
}
