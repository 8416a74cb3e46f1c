// A preview before time is spent: the chosen faces speak the loudest moment of the speech.
import { call, form } from "./api.js";
import { $, element, show } from "./elements.js";
import { speaking } from "./studio-boxes.js";
import { filmOptions } from "./studio-options.js";
import { blame, chose, isBusy, onChoice, SMALL, state } from "./studio-state.js";
import { put } from "./words.js";

const GAP = 4, LINE = 18, TILE = 240, COLUMNS = 8; // of a contact sheet
let asked = null, soon = 0, tiles = [], turning = 0;

/** Stop the preview that is asked for; the one that shows stays. */
export function stopPreview() {
  clearTimeout(soon);
  asked?.abort();
  $("screen").ariaBusy = "false";
  show(false, "taste-words");
}

function clear() {
  stopPreview();
  clearInterval(turning);
  show(false, "taste", "taste-sheet");
  show($("video").hidden, "empty");
}

function renew() {
  clear();
  const { preview, speech } = state;
  if (preview?.faces.length && speech && speech.size <= SMALL && !isBusy()) soon = setTimeout(ask, 500);
}

async function ask() {
  const mine = (asked = new AbortController());
  const { preview, speech, picture } = state;
  show(true, "taste-words");
  put($("taste-words"), "film.tasting");
  $("screen").ariaBusy = "true";
  try {
    const first = await closeUp(picture, preview);
    const seen = await call("POST", "/v1/previews", { body: form({ picture: first, speech, options: filmOptions($("faces").value === "all") }), signal: mine.signal });
    if (mine.signal.aborted) return;
    learnTracks(seen, speech);
    if (!seen.sheet || state.job) { show(false, "taste-words"); return; }
    tiles = await readTiles(seen);
    offerSheet(seen.sheet);
    show(true, "taste", "ai-note");
    show(false, "empty", "video", "result", "comparing", "original", "edge");
    play();
    put($("taste-words"), "film.taste");
  } catch (error) {
    if (mine.signal.aborted) return;
    show(false, "taste-words");
    blame(error, "film-trouble");
  } finally {
    if (asked === mine) $("screen").ariaBusy = "false";
  }
}

function learnTracks({ audio_tracks: tracks }, speech) {
  if (!tracks || state.speech !== speech || state.tracks === tracks) return;
  state.tracks = tracks;
  chose("tracks");
}

function offerSheet(sheet) {
  const bytes = Uint8Array.from(atob(sheet.slice(sheet.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  URL.revokeObjectURL($("taste-sheet").href);
  $("taste-sheet").href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  $("taste-sheet").download = `${state.picture.name.replace(/\.[^.]*$/, "")}-preview.png`;
  show(true, "taste-sheet");
}

/** The chosen faces with some room around them, as a picture of their own: the preview shows them large. */
async function closeUp(picture, { view, kind, size, faces }) {
  const shown = $("view").querySelector("img");
  await shown.decode();
  const source = kind === "image" ? await createImageBitmap(picture).catch(() => shown) : shown;
  const scale = (source.naturalWidth ?? source.width) / size[0];
  const boxes = speaking(faces).map((face) => face.box);
  const [x0, y0, x1, y1] = [0, 1, 2, 3].map((side) => Math[side < 2 ? "min" : "max"](...boxes.map((box) => box[side])));
  const room = 0.75 * Math.max(x1 - x0, y1 - y0);
  const left = Math.max(0, x0 - room), top = Math.max(0, y0 - room);
  const width = Math.min(size[0], x1 + room) - left, height = Math.min(size[1], y1 + room) - top;
  const zoom = Math.min(scale, 640 / Math.max(width, height));
  const canvas = element("canvas", { width: Math.round(width * zoom), height: Math.round(height * zoom) });
  canvas.getContext("2d").drawImage(source, left * scale, top * scale, width * scale, height * scale, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(view))), "image/png"));
}

/** Where the picture of a tile lies in a sheet, less an edge that would shine through: x, y, width, height. */
function tileAt(index, [width, height]) {
  const tall = Math.round((TILE * height) / width);
  return [GAP + 1 + (index % COLUMNS) * (TILE + GAP), GAP + 1 + Math.floor(index / COLUMNS) * (tall + LINE + GAP), TILE - 2, tall - 2];
}

/** The pictures of a preview's sheet: its last row may be part empty. */
async function readTiles({ sheet, size }) {
  const image = element("img", { src: sheet });
  await image.decode();
  const canvas = $("tiles");
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  const found = [];
  for (let index = 0; ; index += 1) {
    const [x, y, width, height] = tileAt(index, size);
    if (y + height > image.naturalHeight) return found;
    if (x + width > image.naturalWidth) continue;
    Object.assign(canvas, { width, height });
    paint.drawImage(image, x, y, width, height, 0, 0, width, height);
    const { data } = paint.getImageData(0, 0, width, height);
    if (data.every((value, place) => place % 4 === 3 || value === data[0])) return found; // paper
    found.push({ image, x, y, width, height });
  }
}

/** Show the preview a few times, at half speed; standing still for those who want no motion. */
function play() {
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

$("taste").addEventListener("click", play);
onChoice((what) => what !== "tracks" && renew());
