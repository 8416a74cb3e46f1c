// Calls to the server's API, and watching its jobs.
import { askKey, key } from "./key.js";
import { word } from "./words.js";

/** An answer that tells of a problem: kind is the word to switch on, detail the sentence. */
export class Trouble extends Error {
  constructor(kind, detail, status = 0) {
    super(detail || word(kind));
    Object.assign(this, { kind, detail, status });
  }
}

/** Call the API. Answers JSON (or `as` "text", "blob"); asks for the key when the server wants one. `keep`: the page goes. */
export async function call(method, path, { body, as = "json", signal, sent, type, keep } = {}) {
  if (keep) return fetch(path, { method, keepalive: true, headers: key() ? { Authorization: `Bearer ${key()}` } : {} });
  for (;;) {
    const used = key();
    try {
      return await request(method, path, { body, as, signal, sent, type, used });
    } catch (error) {
      if (error.status !== 401) throw error;
      if (key() === used && !(await askKey(Boolean(used)))) throw new Trouble("key-needed");
    }
  }
}

const isPlain = (body) => body instanceof Object && !(body instanceof Blob || body instanceof FormData || body instanceof ArrayBuffer || ArrayBuffer.isView(body));

function request(method, path, { body, as, signal, sent, type, used }) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open(method, path);
    if (used) asked.setRequestHeader("Authorization", `Bearer ${used}`);
    if (type ?? isPlain(body)) asked.setRequestHeader("Content-Type", type ?? "application/json");
    if (as === "blob") asked.responseType = "blob";
    if (sent) asked.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    asked.onerror = () => reject(new Trouble("offline"));
    asked.onabort = () => reject(new DOMException("", "AbortError"));
    asked.onload = async () => {
      if (asked.status >= 400) reject(trouble(asked.status, as === "blob" ? await asked.response.text() : asked.responseText));
      else if (as === "json") resolve(asked.responseText ? JSON.parse(asked.responseText) : null);
      else resolve(as === "blob" ? asked.response : { text: asked.responseText, location: asked.getResponseHeader("Location") });
    };
    if (signal?.aborted) reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => asked.abort());
    asked.send(isPlain(body) ? JSON.stringify(body) : body ?? null);
  });
}

const BY_STATUS = { 401: "unauthorized", 404: "not-found", 408: "too-slow", 413: "too-large", 502: "offline", 503: "busy", 504: "offline", 507: "no-space" };
/** The problem of an answer; one that a proxy made has only its status. */
function trouble(status, text) {
  try {
    const info = JSON.parse(text);
    return new Trouble(info.type ?? "unexpected", info.detail, status);
  } catch {
    return new Trouble(BY_STATUS[status] ?? "unexpected", BY_STATUS[status] ? undefined : `HTTP ${status}`, status);
  }
}

export const problemOf = (job) => ({ kind: job.problem?.type ?? "unexpected", detail: job.problem?.detail, status: job.problem?.status });

export const form = (members) => {
  const made = new FormData();
  for (const [name, value] of Object.entries(members)) if (value !== null && value !== undefined && value !== "") made.append(name, value);
  return made;
};

/** An address that opens without a header: for a <video>, a download, an event stream. */
export async function address(job, path) {
  if (!key()) return path;
  const { token } = await call("POST", `/v1/jobs/${job}/token`);
  return `${path}?token=${token}`;
}

export const over = (job) => !["queued", "running"].includes(job.state);
const PATIENCE = 3000; // ms without the server before it is told

/** Follow a job until it is over: `changed` gets it each time, `lost` hears when the server is out of reach. Answers a function that stops following. */
export function follow(job, changed, lost = () => {}) {
  let events = null, stopped = false, waiting = 0, late = 0;
  const stop = () => { stopped = true; events?.close(); clearTimeout(waiting); clearTimeout(late); };
  const update = (info) => {
    clearTimeout(late);
    late = 0;
    if (stopped) return;
    if (over(info)) stop();
    changed(info);
  };
  const wait = () => { late ||= setTimeout(() => stopped || lost(), PATIENCE); };
  const open = async () => {
    try {
      update(await call("GET", job.links.self));
      if (stopped) return;
      events = new EventSource(await address(job.id, job.links.events));
      events.addEventListener("job", (event) => update(JSON.parse(event.data)));
      events.onerror = () => {
        wait();
        if (events.readyState === EventSource.CLOSED && !stopped) waiting = setTimeout(open, 2000);
      };
    } catch (error) {
      if (error.status === 404) update({ ...job, state: "cancelled" });
      else if (error.kind !== "key-needed") { wait(); waiting = setTimeout(open, 3000); }
    }
  };
  open();
  return stop;
}
