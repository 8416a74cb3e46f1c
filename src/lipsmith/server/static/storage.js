// What the browser keeps for these pages: the language for good, the key for this tab.
const PREFIX = "lipsmith.";

/** Read an item, set it, or with null remove it. Storage may be forbidden: then nothing is kept. */
export function store(kind, name, value) {
  try {
    const place = kind === "tab" ? sessionStorage : localStorage;
    if (value === undefined) return place.getItem(PREFIX + name);
    if (value === null) place.removeItem(PREFIX + name);
    else place.setItem(PREFIX + name, value);
  } catch { /* as if it were empty */ }
  return null;
}
