// Who speaks live: the avatars, their stills, a new one.
import { askName, listAvatars, makeAvatar, posterOf, pressChip, removeAvatar, rename } from "./avatars.js";
import { $, keepFocus, show, showError, tens } from "./elements.js";
import { enable, finish } from "./live-session.js";
import { say, state } from "./live-state.js";
import { plain, put } from "./words.js";

export async function fillAvatars(choose) {
  const avatars = await listAvatars($("avatars"), state.avatar?.id, pick);
  show(avatars.length > 0, "avatars");
  const wanted = avatars.find((one) => one.id === choose) ?? (state.avatar ? null : avatars[0]);
  if (wanted) await pick(wanted);
}

/** Show an avatar as it will begin; one that is connected is left first. */
async function pick(avatar) {
  if (state.wanted && state.avatar?.id !== avatar.id) await finish();
  state.avatar = avatar;
  pressChip($("avatars"), avatar.id);
  show(true, "of-avatar");
  if (state.wanted) return;
  shape(avatar.size);
  $("still").alt = avatar.name;
  $("still").removeAttribute("src"); // that of another avatar
  enable(false);
  const file = await posterOf(avatar).catch(() => null);
  if (!file || state.avatar !== avatar) return;
  $("still").src = URL.createObjectURL(file);
  await $("still").decode().catch(() => {});
}

/** The stage has the avatar's shape from the start, so still and pictures stand in the same place. */
function shape([width, height]) {
  $("screen").classList.add("shaped");
  $("screen").style.aspectRatio = `${width} / ${height}`;
}

async function make(file) {
  if (!file) return;
  showError("who-trouble");
  const name = await askName(file);
  if (!name) { $("picture").value = ""; return; }
  busy(true);
  tell(0);
  try {
    const id = await makeAvatar({ picture: file, name }, tell);
    await fillAvatars(id);
  } catch (error) {
    showError("who-trouble", error, file.name);
  } finally {
    busy(false);
  }
}

function tell(share) {
  $("progress").value = share;
  for (const place of state.avatar ? ["making"] : ["making", "state"]) put($(place), "who.making", { percent: tens(share) });
}

function busy(on) {
  show(on, "progress");
  $("picture").disabled = on;
  if (on) return;
  plain($("making"));
  $("picture").value = "";
  if (!state.wanted) say("none");
  keepFocus("picture");
}

async function renameAvatar() {
  try {
    const renamed = await rename(state.avatar);
    if (!renamed) return;
    state.avatar = renamed;
    $("still").alt = renamed.name;
    await fillAvatars();
  } catch (error) {
    showError("who-trouble", error);
  }
}

async function deleteAvatar() {
  try {
    if (!(await removeAvatar(state.avatar))) return;
    await finish();
    state.avatar = null;
    show(false, "of-avatar");
    $("screen").classList.remove("shaped");
    $("screen").style.aspectRatio = "";
    plain($("sent"));
    enable(false);
    await fillAvatars();
    keepFocus("start", "picture");
  } catch (error) {
    showError("who-trouble", error);
  }
}

$("picture").addEventListener("change", (event) => make(event.target.files[0]));
$("rename").addEventListener("click", renameAvatar);
$("delete").addEventListener("click", deleteAvatar);
