/** Whether list and main pane stand side by side, as frame.css has it. */
import { createSignal, onCleanup } from "solid-js";

export function createWide(): () => boolean {
  const query = matchMedia("(min-width: 720px)");
  const [wide, setWide] = createSignal(query.matches);
  const changed = () => setWide(query.matches);
  query.addEventListener("change", changed);
  onCleanup(() => query.removeEventListener("change", changed));
  return wide;
}
