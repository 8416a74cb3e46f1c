// The film: made, watched while it is made, played, downloaded.
import { address, call, follow, form, over, problemOf } from "./api.js";
import { $, clock, keepFocus, show, showError } from "./elements.js";
import { about } from "./page.js";
import { compareWith, stopComparing } from "./studio-compare.js";
import { filmOptions, spoken } from "./studio-options.js";
import { stopPreview } from "./studio-preview.js";
import { blame, isBusy, isSaid, onChoice, state } from "./studio-state.js";
import { has, plain, put } from "./words.js";

let sending = null, unfollow = () => {};

function refresh() {
  const face = Boolean(state.avatar || state.picture);
  $("make").disabled = isBusy();
  if (face && isSaid()) plain($("missing"));
  else if (face) put($("missing"), about?.voice ? "missing.text" : "missing.speech");
  else put($("missing"), isSaid() ? "missing.face" : "missing.both");
}

async function makeFilm(event) {
  event.preventDefault();
  if ($("make").disabled) return;
  if (!(state.avatar || state.picture)) return void $("picture").focus();
  if (!isSaid()) return void (about?.voice ? $("text") : $("record")).focus();
  for (const place of ["face-trouble", "speech-trouble", "how-trouble", "make-trouble", "film-trouble"]) showError(place);
  sending = new AbortController();
  state.job = null;
  work("stage.sending");
  $("progress").value = 0;
  $("film").scrollIntoView({ block: "nearest", behavior: "smooth" });
  const { picture, avatar, speech } = state;
  const body = form({ picture, avatar: avatar?.id, speech, ...spoken(), format: $("format").value, options: filmOptions() });
  try {
    const sent = (share) => plain($("left"), share < 1 ? `${Math.round(100 * share)} %` : "");
    attach(await call("POST", "/v1/jobs", { body, signal: sending.signal, sent }), picture);
  } catch (error) {
    rest();
    blame(error, "make-trouble");
    keepFocus("make");
  }
}

function work(stage, values) {
  if (!isBusy()) {
    stopPreview();
    stopComparing();
    $("video").pause();
    show(true, "working");
    show(false, "result");
    if ($("video").hidden && $("taste").hidden) show(true, "empty");
    refresh();
    keepFocus("cancel");
  }
  put($("stage"), stage, values);
}

function rest() {
  sending = null;
  show(false, "working");
  refresh();
}

/** Show how a job goes on, and its film at the end. */
export function attach(job, picture = null) {
  unfollow();
  state.job = job;
  sending = null;
  work("stage.begin");
  const pace = { stage: "", at: 0, done: 0 };
  unfollow = follow(job, (info) => {
    state.job = info;
    if (!over(info)) return progress(info, pace);
    rest();
    document.dispatchEvent(new Event("films"));
    if (info.state === "done") return play(info, picture, true);
    state.job = null;
    if (info.state === "cancelled") put($("missing"), "film.cancelled");
    else blame(problemOf(info), "film-trouble");
    return keepFocus("make");
  }, () => put($("stage"), "film.offline"));
}

function progress(job, pace) {
  const { stage, state: where, position } = job;
  if (where === "queued" && position) work("stage.queued", { count: position });
  else work(stage && has(`stage.${stage.name}`) ? `stage.${stage.name}` : "stage.begin");
  $("progress").value = job.progress;
  plain($("left"));
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

/** Play a finished film; a `fresh` one waits to be started. `picture`: the file that it was made of. */
export async function play(job, picture = null, fresh = false) {
  state.job = job;
  const video = $("video");
  showError("film-trouble");
  stopPreview();
  stopComparing();
  const from = await address(job.id, job.links.result);
  let renewed = false;
  video.onerror = async () => {
    const at = video.currentTime;
    if (renewed || !at) return showError("film-trouble", { kind: "film.sound" });
    renewed = true; // the address may be over
    video.src = await address(job.id, job.links.result);
    video.currentTime = at;
  };
  video.onloadedmetadata = () => plain($("facts"), `${clock(Math.max(1, video.duration))} · ${video.videoWidth} × ${video.videoHeight}`);
  video.src = from;
  $("download").href = from;
  show(false, "empty", "taste", "taste-sheet");
  show(true, "video", "result", "ai-note");
  compareWith(picture);
  if (fresh) { put($("done"), "film.ready"); keepFocus("video"); }
  else await video.play().catch(() => {});
}

$("film-form").addEventListener("submit", makeFilm);
$("cancel").addEventListener("click", cancel);
onChoice(() => { plain($("done")); refresh(); });
refresh();
