/** The chosen theme, shared by all windows of this origin. `theme.js` applies the same choice before the first paint. */
import { createSignal } from "solid-js";

export const themes = ["system", "light", "dark", "contrast"] as const;
export type Theme = (typeof themes)[number];

const storageKey = "fedchat.theme";
const read = (): Theme => themes.find((theme) => theme === localStorage.getItem(storageKey)) ?? "system";
const [theme, setSignal] = createSignal<Theme>(read());
export { theme };

export function setTheme(next: Theme) {
  localStorage.setItem(storageKey, next);
  apply(next);
}

function apply(next: Theme) {
  setSignal(next);
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
}

export function followOtherWindows() {
  addEventListener("storage", (event) => {
    if (event.key === storageKey) apply(read());
  });
}
