// Small questions. The focus goes back to where it was when they are closed.
import { element } from "./elements.js";
import { put } from "./words.js";

/** A dialog over the page. Answers what its field holds (true if it has none), or null if it was cancelled. */
function open(parts, { input, action, danger }) {
  const back = document.activeElement;
  return new Promise((resolve) => {
    const dialog = element("dialog", { "aria-labelledby": "dialog-title" },
      element("form", { method: "dialog", className: "stack" }, ...parts,
        element("div", { className: "row" },
          element("button", { className: danger ? "danger" : "main", value: "yes", word: action }),
          element("button", { type: "button", word: "cancel", onclick: () => dialog.close("") }))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus();
      const said = dialog.returnValue === "yes" && (input ? input.value.trim() : true);
      resolve(said || null);
    });
    document.body.append(dialog);
    dialog.showModal();
    input?.select();
  });
}

const heading = (title, values) => put(element("h2", { id: "dialog-title" }), title, values);
const text = (key) => (key ? [element("p", { className: "soft small", word: key })] : []);

/** Ask for one line: `field` is what it is called. */
export function ask({ title, explain, field, value = "", action, most = 80, type = "text", problem }) {
  const input = element("input", { type, value, required: true, maxLength: most, autocomplete: "off", spellcheck: false, id: "dialog-field" });
  const trouble = problem ? [element("p", { className: "trouble", role: "alert", word: problem })] : [];
  const parts = [heading(title), ...text(explain), ...trouble, element("label", { className: "field" }, element("span", { word: field }), input)];
  return open(parts, { input, action });
}

/** Ask before something is gone for good. */
export const confirm = ({ title, values, explain, action }) => open([heading(title, values), ...text(explain)], { action, danger: true });
