// Before and after: the uploaded video over the film, in step with it, with an edge to move between them.
import { $, element, icon, show } from "./elements.js";
import { state } from "./studio-state.js";
import { put } from "./words.js";

const NEAR = 0.02, FAR = 0.25; // s apart: in step; so far that playing faster would not help
let source = null; // the upload that the film was made of

/** The film of `picture` is made: it can be compared if it is a video that this browser still holds. */
export function compareWith(picture) {
  stopComparing();
  source = picture?.type.startsWith("video/") ? picture : null;
  show(Boolean(source), "compare");
}

export function stopComparing() {
  if ($("comparing").hidden) return;
  $("compare").ariaPressed = "false";
  show(false, "comparing", "original", "edge");
  $("original").pause();
  Object.assign($("video"), { controls: true, loop: false });
}

function startComparing() {
  const original = $("original"), video = $("video");
  if (original.from !== source) {
    original.from = source;
    original.src = URL.createObjectURL(source);
  }
  $("compare").ariaPressed = "true";
  Object.assign(video, { controls: false, loop: true });
  show(true, "comparing", "original", "edge");
  wipe();
  video.play().catch(() => {});
  showPlaying();
  requestAnimationFrame(keepStep);
}

/** The moment of a source that is played to and fro until the film is over. */
export function momentOf(time, length) {
  const at = time % (2 * length);
  return at <= length ? at : 2 * length - at;
}

function keepStep() {
  const original = $("original"), video = $("video");
  if (original.hidden) return;
  requestAnimationFrame(keepStep);
  if (!original.duration || original.seeking) return;
  const forwards = video.currentTime % (2 * original.duration) < original.duration;
  const apart = momentOf(video.currentTime, original.duration) - original.currentTime;
  if (video.paused || !forwards || Math.abs(apart) > FAR) {
    original.pause();
    if (Math.abs(apart) > NEAR) original.currentTime += apart;
  } else {
    original.playbackRate = Math.abs(apart) < NEAR ? 1 : 1 + 2 * apart;
    if (original.paused) original.play().catch(() => {});
  }
}

/** Show the original left of the edge; the picture may be narrower than the place it has. */
function wipe() {
  const original = $("original"), place = original.clientWidth;
  const wide = Math.min(place, (original.clientHeight * original.videoWidth) / original.videoHeight || place);
  const edge = (place - wide) / 2 + (wide * $("wipe").value) / 100;
  original.style.clipPath = `inset(0 ${place - edge}px 0 0)`;
  $("edge").style.left = `${original.offsetLeft + edge}px`;
}

function showPlaying() {
  const playing = !$("video").paused;
  $("play").replaceChildren(icon(playing ? "pause" : "play"), put(element("span"), playing ? "film.pause" : "film.play"));
}

const toggle = () => ($("video").paused ? $("video").play() : $("video").pause());
$("compare").addEventListener("click", () => ($("comparing").hidden && state.job ? startComparing() : stopComparing()));
$("wipe").addEventListener("input", wipe);
$("original").addEventListener("loadedmetadata", wipe);
new ResizeObserver(() => $("original").hidden || wipe()).observe($("screen"));
$("play").addEventListener("click", toggle);
for (const name of ["play", "pause"]) $("video").addEventListener(name, showPlaying);
$("original").addEventListener("click", toggle);
