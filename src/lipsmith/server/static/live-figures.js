// Figures of the session, and what happened in it.
import { $, element } from "./elements.js";
import { state } from "./live-state.js";
import { has, plain, put } from "./words.js";

const KEPT = 100; // lines of the log

/** Add a line to the log; the same again is counted. */
export function note(name, info = {}) {
  const last = $("log").firstElementChild;
  if (last?.name === name) { last.lastElementChild.textContent = `× ${++last.count}`; return; }
  const at = element("time", { textContent: info.pts === undefined ? "" : `${info.pts.toFixed(2)} s` });
  const text = put(element("span"), has(`event.${name}`) ? `event.${name}` : name, { ...info });
  $("log").prepend(Object.assign(element("li", {}, at, text, element("span")), { name, count: 1 }));
  while ($("log").children.length > KEPT) $("log").lastChild.remove();
}

const rate = () => { const [over, under = 1] = state.session.fps.split("/"); return over / under; };

/** Figures of the line: round trip in ms, pictures a second, their size, share of lost packets. */
export function report({ trip, fps, width, height, lost, way }) {
  if (!state.session) return; // it was measured while the session ended
  $("line").textContent = trip === null ? "–" : `${Math.round(trip)} ms`;
  const short = fps < 0.6 * rate() || lost > 0.1, fair = fps < 0.9 * rate() || lost > 0.02 || trip > 300;
  const bars = short ? 1 : fair ? 2 : 3;
  $("bars").dataset.bars = bars;
  put($("quality"), `quality.${bars}`);
  $("stream").textContent = width ? `${width} × ${height} · ${Math.round(fps)}/s · ${way}` : "–";
}

export const showLatency = (seconds) => { $("latency").textContent = `${Math.round(1000 * seconds)} ms`; };

export function clearFigures() {
  for (const id of ["latency", "line", "quality", "stream"]) plain($(id), "–");
  $("bars").dataset.bars = "";
}
