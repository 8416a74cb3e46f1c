// Who speaks: a picture or video with its faces marked, or an avatar.
import { call, form } from "./api.js";
import { askName, listAvatars, makeAvatar, posterOf, pressChip, removeAvatar, rename } from "./avatars.js";
import { $, element, keepFocus, show, showError, tens } from "./elements.js";
import { drawBoxes, markFaces } from "./studio-boxes.js";
import { faceOptions, fillFaceChoices, filmOptions } from "./studio-options.js";
import { blame, chose, onChoice, SMALL, state } from "./studio-state.js";
import { plain, put } from "./words.js";

const FRAMES = [0, 0.5, 1.5, 3, 6]; // seconds into a large video at which faces are looked for, one after the other
let turn = 0; // counts choices, so that late answers are dropped

function begin(chosen) {
  Object.assign(state, { picture: null, avatar: null, preview: null, own: false, ownSound: false, declined: false, tracks: 0, ...chosen });
  showError("face-trouble");
  show(false, "drop", "looking", "own", "everyone", "keep", "kept", "of-avatar");
  show(true, "chosen", "view");
  pressChip($("avatars"), state.avatar?.id);
  return ++turn;
}

export function choosePicture(file) {
  if (!file) return;
  const mine = begin({ picture: file });
  const film = file.type.startsWith("video/");
  const shown = element(film ? "video" : "img", film ? { muted: true, playsInline: true, preload: "auto", tabIndex: -1 } : { alt: file.name });
  if (film) shown.ariaLabel = file.name;
  shown.src = URL.createObjectURL(file) + (film ? "#t=0.01" : "");
  shown.onerror = () => show(false, shown);
  $("view").replaceChildren(shown);
  $("faces").value = "largest";
  keepFocus("another");
  look(file, film && file.size > SMALL ? shown : null, mine);
  chose("face");
}

/** Ask the server who is in the picture. Of a large video single frames are sent, until one has a face, if the browser can show it. */
async function look(file, film, mine) {
  show(true, "looking");
  put($("seen"), "face.looking");
  try {
    const sent = (share) => { if (mine === turn) put($("seen"), share < 1 ? "face.sending" : "face.looking", { percent: tens(share) }); };
    const preview = await firstFaces(file, film, sent, () => mine === turn);
    if (mine !== turn) return;
    state.preview = preview;
    drawView();
  } catch (error) {
    if (mine !== turn) return;
    refuse(error);
  } finally {
    if (mine === turn) { show(false, "looking"); chose("face"); }
  }
}

async function firstFaces(file, film, sent, wanted) {
  let preview = null;
  for (const seconds of film ? FRAMES : [0]) {
    const frame = film && (await frameAt(film, seconds));
    if (frame === null && seconds && preview) break; // the film is shorter
    const seen = await call("POST", "/v1/previews", { body: form({ picture: frame ?? file, options: filmOptions(false) }), sent });
    if (!wanted()) return null;
    if (!preview || seen.faces.length) preview = frame ? { ...seen, kind: "video", has_sound: true, shown_at: seconds, audio_tracks: 0 } : seen;
    if (!frame || seen.faces.length) break;
  }
  return preview;
}

/** A file that cannot be used: say so, and let another be chosen at once. */
function refuse(error) {
  blame(error, "face-trouble");
  forget();
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
  const { faces, size, kind, has_sound: sound, shown_at: at } = state.preview;
  drawBoxes(state.preview, state.picture.name, chooseFace);
  const said = { size: size.join(" × "), count: faces.length, seconds: (at ?? 0).toFixed(1) };
  if (faces.length) put($("seen"), `face.${faces.length > 1 ? "many" : "one"}${at ? ".later" : ""}`, said);
  else { plain($("seen")); showError("face-trouble", { kind: "face-error" }); }
  fillFaceChoices(faces.length);
  show(faces.length > 0, "keep");
  show(faces.length > 1, "everyone");
  state.ownSound = kind === "video" && sound;
  markFaces();
}

function chooseFace(which) {
  $("faces").value = which;
  chose("options");
}

async function chooseAvatar(avatar) {
  const mine = begin({ avatar });
  show(true, "of-avatar");
  const picture = element("img", { alt: avatar.name, width: avatar.size[0], height: avatar.size[1] });
  $("view").replaceChildren(picture);
  put($("seen"), "face.avatar", { name: avatar.name });
  chose("face");
  const file = await posterOf(avatar).catch(() => null);
  if (file && mine === turn) picture.src = URL.createObjectURL(file);
}

function forget() {
  Object.assign(state, { picture: null, avatar: null, preview: null, own: false, ownSound: false, tracks: 0 });
  turn += 1;
  $("picture").value = "";
  show(false, "chosen", "own");
  show(true, "drop");
  pressChip($("avatars"), null);
  keepFocus("picture");
  chose("face");
}

async function keep() {
  const picture = state.picture, options = JSON.stringify(faceOptions());
  const name = await askName(picture);
  if (!name) return;
  showError("face-trouble");
  $("keep").disabled = true;
  show(true, "kept");
  put($("kept"), "face.keeping", { percent: 0 });
  keepFocus("another");
  try {
    await makeAvatar({ picture, name, options }, (share) => put($("kept"), "face.keeping", { percent: tens(share) }));
    put($("kept"), "face.kept", { name });
    await fillAvatars();
  } catch (error) {
    show(false, "kept");
    blame(error, "face-trouble");
  } finally {
    $("keep").disabled = false;
  }
}

export async function fillAvatars() {
  const avatars = await listAvatars($("avatars"), state.avatar?.id, chooseAvatar);
  show(avatars.length > 0, "stored");
}

async function renameAvatar() {
  try {
    const renamed = await rename(state.avatar);
    if (!renamed) return;
    await fillAvatars();
    await chooseAvatar(renamed);
  } catch (error) {
    showError("face-trouble", error);
  }
}

async function deleteAvatar() {
  try {
    if (!(await removeAvatar(state.avatar))) return;
    await fillAvatars();
    forget();
  } catch (error) {
    showError("face-trouble", error);
  }
}

async function saveSheet() {
  const { name, links } = state.avatar;
  try {
    const href = URL.createObjectURL(await call("GET", links.preview, { as: "blob" }));
    element("a", { href, download: `${name}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60e3);
  } catch (error) {
    showError("face-trouble", error);
  }
}

const on = (id, act) => $(id).addEventListener("click", act);
$("picture").addEventListener("change", (event) => choosePicture(event.target.files[0]));
on("another", () => { showError("face-trouble"); forget(); });
on("everyone", () => chooseFace($("faces").value === "all" ? "largest" : "all"));
on("keep", keep);
on("rename", renameAvatar);
on("delete", deleteAvatar);
on("sheet-of-avatar", saveSheet);
onChoice((what) => what === "options" && markFaces());
