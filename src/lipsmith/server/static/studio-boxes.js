// The faces marked on a picture: boxes to choose from by mouse, finger or arrow keys.
import { $, element } from "./elements.js";
import { label } from "./words.js";

const BADGE = 26; // px: the height of a face's number, which stands above its face or, at the picture's edge, below

/** Show the picture with a box on each face; `choose` gets the number of the one that is pressed, from the left. */
export function drawBoxes({ view, faces, size }, name, choose) {
  const image = element("img", { src: view, alt: name });
  const boxes = label(element("div", { role: "radiogroup" }), "face.group");
  const ordered = [...faces].sort((a, b) => a.box[0] + a.box[2] - b.box[0] - b.box[2]);
  boxes.append(...ordered.map((face, index) => box(face, index + 1, size, ordered.length > 1, choose)));
  boxes.addEventListener("keydown", step);
  $("view").replaceChildren(image, boxes);
  image.addEventListener("load", () => placeNumbers(boxes));
}

function box(face, number, [width, height], numbered, choose) {
  const [x0, y0, x1, y1] = face.box;
  const badge = numbered ? [element("b", { textContent: number, ariaHidden: "true" })] : [];
  const made = element("button", { type: "button", className: "box", role: "radio", onclick: () => choose(String(number)) }, ...badge);
  label(made, "face.number", { number });
  const [left, top, wide, tall] = [x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height].map((share) => `${100 * share}%`);
  Object.assign(made.style, { left, top, width: wide, height: tall });
  return Object.assign(made, { face });
}

function placeNumbers(boxes) {
  for (const one of boxes.children) one.classList.toggle("below", one.offsetTop < BADGE);
}

function step(event) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const boxes = [...event.currentTarget.children];
  const next = boxes[(boxes.indexOf(document.activeElement) + by + boxes.length) % boxes.length];
  next.focus();
  next.click();
}

/** Show on the picture who speaks by the choice of faces. */
export function markFaces() {
  const which = $("faces").value;
  const boxes = [...$("view").querySelectorAll(".box")];
  boxes.forEach((one, index) => {
    const speaks = { all: true, left: index === 0, right: index === boxes.length - 1, largest: index === largest(boxes) }[which] ?? index === Number(which) - 1;
    one.ariaChecked = String(speaks);
    one.tabIndex = speaks || (index === 0 && !boxes.some((other) => other.ariaChecked === "true")) ? 0 : -1;
  });
  $("everyone").ariaPressed = String(which === "all");
  $("everyone").classList.toggle("main", which === "all");
}

const area = ({ face: { box: [x0, y0, x1, y1] } }) => (x1 - x0) * (y1 - y0);
const largest = (boxes) => boxes.reduce((best, one, index) => (area(one) > area(boxes[best]) ? index : best), 0);

/** The faces that are to speak; all, if none is marked. */
export function speaking(faces) {
  const marked = [...$("view").querySelectorAll(".box")].filter((one) => one.ariaChecked === "true").map((one) => one.face);
  return marked.length ? marked : faces;
}
