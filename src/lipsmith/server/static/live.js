// The live page: an avatar that says at once what is typed, sent or spoken.
import { $, show, showError } from "./elements.js";
import { enable } from "./live-session.js";
import { say } from "./live-state.js";
import { fillAvatars } from "./live-who.js";
import { TEXTS } from "./live-words.js";
import { about, begin, ready } from "./page.js";

enable(false);
say("none");
try {
  await begin(TEXTS);
  show(Boolean(about.voice), "say", "send");
  show(!about.voice, "no-voice");
  await fillAvatars();
} catch (error) {
  showError("trouble", error);
}
ready();
