// The client's avatars: a list to choose from, their posters, new names, and an end.
import { call, follow, form, over, problemOf } from "./api.js";
import { ask, confirm } from "./dialogs.js";
import { element } from "./elements.js";

const SMALL = 240; // px: the width of a picture in the list
const names = new Map(); // id -> name, of all that were listed
const posters = new Map(); // id -> promise of a picture's file

/** What people call an avatar; its id if it is gone. */
export const nameOf = (id) => names.get(id) ?? id;

/** The avatar's picture in full size, as a file. */
export function posterOf(avatar) {
  if (!posters.has(avatar.id)) posters.set(avatar.id, call("GET", avatar.links.poster, { as: "blob" }));
  posters.get(avatar.id).catch(() => posters.delete(avatar.id));
  return posters.get(avatar.id);
}

/** Fill a list with the avatars; `chosen` hears which one is pressed. Answers them. */
export async function listAvatars(list, current, chosen) {
  const { avatars } = await call("GET", "/v1/avatars");
  names.clear();
  list.replaceChildren(...avatars.map((one) => {
    names.set(one.id, one.name);
    const canvas = element("canvas", { width: 1, height: 1 });
    const chip = element("button", { type: "button", className: "chip", title: one.name, ariaPressed: String(one.id === current), onclick: () => chosen(one) },
      canvas, element("span", { textContent: one.name }));
    chip.dataset.id = one.id;
    posterOf(one).then((file) => drawSmall(canvas, file)).catch(() => {});
    return element("li", {}, chip);
  }));
  return avatars;
}

async function drawSmall(canvas, file) {
  const image = await createImageBitmap(file, { resizeWidth: SMALL, resizeQuality: "high" });
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").drawImage(image, 0, 0);
}

/** Show in a list which avatar is chosen. */
export const pressChip = (list, id) => {
  for (const chip of list.querySelectorAll(".chip")) chip.ariaPressed = String(chip.dataset.id === id);
};

/** A first name for an avatar, made of a file's. */
const nameFrom = (file) => {
  const plain = file.replace(/\.[^.]*$/, "").replace(/[_\s]+/g, " ").trim().slice(0, 60);
  return plain ? plain[0].toUpperCase() + plain.slice(1) : "";
};

/** Ask for the name of a new avatar; null: nothing is to be made. */
export const askName = (file) => ask({ title: "avatar.new", explain: "avatar.new.text", field: "avatar.name", value: nameFrom(file.name), action: "avatar.make" });

/** Make an avatar. `progress` hears the share that is done. Answers its id, or throws the problem. */
export async function makeAvatar(members, progress) {
  const job = await call("POST", "/v1/avatars", { body: form(members) });
  return new Promise((done, fail) => follow(job, (info) => {
    if (!over(info)) progress(info.progress);
    else if (info.state === "done") done(info.request.avatar);
    else fail(info.state === "cancelled" ? new DOMException("", "AbortError") : problemOf(info));
  }));
}

/** Ask for a new name and set it. Answers the avatar, or null if it keeps its name. */
export async function rename(avatar) {
  const name = await ask({ title: "avatar.rename.title", field: "avatar.name", value: avatar.name, action: "save" });
  return name && call("PATCH", avatar.links.self, { body: { name } });
}

/** Delete an avatar if the user is sure. Answers whether it is gone. */
export async function removeAvatar(avatar) {
  const sure = await confirm({ title: "avatar.delete", values: { name: avatar.name }, explain: "avatar.delete.text", action: "delete" });
  if (!sure) return false;
  await call("DELETE", avatar.links.self);
  posters.delete(avatar.id);
  return true;
}
