// The words of the pages, in English and Chinese.
import { store } from "./storage.js";

const TEXTS = {
  "nav.studio": ["Studio", "工作室"],
  "nav.live": ["Live", "实时"],
  "nav.pages": ["Pages", "页面"],
  "skip": ["Skip to content", "跳到正文"],
  "other-language": ["中文", "English"],
  "sign.in": ["Enter key", "输入密钥"],
  "sign.out": ["Sign out", "退出登录"],
  "made-by-ai": ["Made by AI. Say so where you show it, and use only faces and voices you may use.", "由人工智能生成。展示时请注明，并只使用您有权使用的面孔和声音。"],
  "footer": ["Everything stays between this browser and your own server.", "一切都只在此浏览器与您自己的服务器之间。"],
  "footer.api": ["API documentation", "接口文档"],
  "key": ["API key", "API 密钥"],
  "key.title": ["This server needs an API key", "此服务器需要 API 密钥"],
  "key.text": ["Ask the person who runs the server. The key stays in this tab and is forgotten when you close it.", "请向服务器管理者索取。密钥只保存在此标签页中，关闭即忘。"],
  "key.wrong": ["The server does not know this key.", "服务器不认识此密钥。"],
  "key.use": ["Use this key", "使用此密钥"],
  "cancel": ["Cancel", "取消"],
  "delete": ["Delete", "删除"],
  "save": ["Save", "保存"],
  "remove": ["Remove", "移除"],
  "avatar.name": ["Name", "名称"],
  "avatar.new": ["Name the avatar", "为数字人命名"],
  "avatar.new.text": ["It is prepared once. Then it can speak in films and on the live page.", "只需准备一次，之后即可用于影片和实时页面。"],
  "avatar.make": ["Make it", "制作"],
  "avatar.rename": ["Rename", "重命名"],
  "avatar.rename.title": ["Rename the avatar", "重命名数字人"],
  "avatar.delete": ["Delete “{name}”?", "删除“{name}”？"],
  "avatar.delete.text": ["The avatar is gone for good. Films that were made with it stay.", "数字人将被永久删除，用它制作的影片会保留。"],
  "avatar.sheet": ["Contact sheet", "缩略图表"],
  "offline": ["The server cannot be reached. Is it running, and are you online?", "无法连接服务器。它在运行吗？您联网了吗？"],
  "key-needed": ["This server needs an API key. Press “Enter key” above.", "此服务器需要 API 密钥，请点击上方的“输入密钥”。"],
  "operators-only": ["This key is for the server's operator. Sign out, and enter a client's key.", "此密钥仅供服务器管理者使用。请退出登录，再输入客户端密钥。"],
  "unauthorized": ["This key does not allow that.", "此密钥没有权限。"],
  "face-error": ["No face was found that could speak. Try a sharper picture, seen from the front.", "没有找到可以说话的面孔。请换一张更清晰的正面图片。"],
  "picture-error": ["This picture or video cannot be used.", "无法使用这张图片或这段视频。"],
  "sound-error": ["This speech cannot be used.", "无法使用这段语音。"],
  "invalid": ["The server does not take this.", "服务器不接受此内容。"],
  "option-error": ["One of the options has an invalid value.", "有一个选项不可用。"],
  "engine-unavailable": ["This engine cannot run here.", "此引擎无法在这里运行。"],
  "weights-missing": ["This engine's files are not on the server.", "服务器上缺少此引擎的模型文件。"],
  "too-large": ["The file is too large for this server.", "文件太大，服务器不接受。"],
  "too-slow": ["Sending the file took too long. Try a smaller file or a faster connection.", "上传超时。请使用更小的文件或更快的网络。"],
  "too-many-jobs": ["Too many of your films wait. Try again when one is done.", "您等待中的任务太多，请待其中一个完成后再试。"],
  "too-many-avatars": ["You have as many avatars as this server allows. Delete one first.", "数字人数量已达上限，请先删除一个。"],
  "too-many-uploads": ["Too many of your files are being sent. Try again when one has arrived.", "您正在上传的文件太多，请待其中一个完成后再试。"],
  "too-many-calls": ["That was too fast. Try again in a moment.", "操作太快，请稍后再试。"],
  "too-many-connections": ["Too many pages with your key are open. Close one, and try again.", "您的密钥打开的页面太多，请关闭一个后再试。"],
  "queue-full": ["The server is full. Try again in a minute.", "服务器已满，请稍后再试。"],
  "busy": ["The server is full. Try again in a moment.", "服务器已满，请稍后再试。"],
  "not-ready": ["The server cannot go on now. Try again in a minute.", "服务器暂时无法继续，请稍后再试。"],
  "draining": ["The server is about to stop. Try again in a minute.", "服务器即将停止，请稍后再试。"],
  "no-space": ["The server's disk is full. Delete earlier films, or ask the person who runs the server.", "服务器磁盘已满。请删除以前的影片，或联系管理者。"],
  "no-voice": ["This server has no voice for typed text.", "此服务器没有配置文字朗读。"],
  "voice-error": ["The voice could not say this.", "语音无法朗读这段文字。"],
  "exists": ["That name is taken.", "这个名称已被使用。"],
  "not-found": ["It is not there any more.", "它已经不存在了。"],
  "unexpected": ["Something went wrong on the server.", "服务器出错了。"],
  "interrupted": ["The work was interrupted too often.", "任务多次中断。"],
  "too-long": ["The work took too long.", "任务耗时过长。"],
};
const CODES = ["en", "zh-CN"];
const wanted = () => {
  const code = store("browser", "language") ?? navigator.languages?.find((one) => /^(en|zh)/i.test(one)) ?? "en";
  return /^zh/i.test(code) ? 1 : 0;
};
let language = wanted();

export const learn = (words) => Object.assign(TEXTS, words);
export const locale = () => CODES[language];
export const isEnglish = () => language === 0;
export const has = (key) => key in TEXTS;
export const word = (key, values = {}) => (TEXTS[key]?.[language] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

const dates = () => navigator.languages?.find((one) => one.startsWith(language ? "zh" : "en")) ?? ["en-GB", "zh-CN"][language];
/** The hour; of another day its date too. */
export const when = (moment) => {
  const at = new Date(moment), hour = { hour: "2-digit", minute: "2-digit" };
  return at.toDateString() === new Date().toDateString() ? at.toLocaleTimeString(dates(), hour) : at.toLocaleString(dates(), { month: "short", day: "numeric", ...hour });
};

/** Let an element show a word of the dictionary, also when the language changes later. */
export function put(element, key, values) {
  element.dataset.word = key;
  element.said = values;
  const text = word(key, values);
  if (element.textContent !== text) element.textContent = text; // a live region reads every change aloud
  return element;
}

/** Let an element show a plain text, the same in every language. */
export function plain(element, text = "") {
  delete element.dataset.word;
  element.textContent = text;
  return element;
}

/** Name an element for those who do not see it; a button shows the name as its hint. */
export function label(element, key, values) {
  element.dataset.label = key;
  element.said = values;
  element.ariaLabel = word(key, values);
  if (element.localName === "button") element.title = element.ariaLabel;
  return element;
}

export function translate() {
  document.documentElement.lang = locale();
  for (const one of document.querySelectorAll("[data-word]")) put(one, one.dataset.word, one.said);
  for (const one of document.querySelectorAll("[data-label]")) label(one, one.dataset.label, one.said);
  for (const one of document.querySelectorAll("[data-hint]")) one.placeholder = word(one.dataset.hint);
  document.dispatchEvent(new Event("words"));
}

export function otherLanguage() {
  language = 1 - language;
  store("browser", "language", locale());
  translate();
}
