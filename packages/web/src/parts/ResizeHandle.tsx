/** The edge of the list pane: dragged, or moved with the arrow keys; bounded, and remembered. */
import { createEffect, createSignal, type JSX } from "solid-js";
import { listWidth } from "../limits.ts";
import { t } from "../strings.ts";

const storageKey = "fedchat.listWidth";
const bounded = (width: number) => Math.round(Math.max(listWidth.min, Math.min(listWidth.max, width)));

export function ResizeHandle(): JSX.Element {
  const [width, setWidth] = createSignal(
    bounded(Number(localStorage.getItem(storageKey) ?? listWidth.usual)),
  );
  createEffect(() => {
    document.documentElement.style.setProperty("--list-width", `${width()}px`);
    localStorage.setItem(storageKey, String(width()));
  });

  function drag(down: PointerEvent & { currentTarget: HTMLElement }) {
    const handle = down.currentTarget;
    handle.setPointerCapture(down.pointerId);
    const from = width() - down.clientX;
    const move = (event: PointerEvent) => setWidth(bounded(from + event.clientX));
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), {
      once: true,
    });
  }

  return (
    <div
      class="resize-handle"
      role="separator"
      aria-orientation="vertical"
      aria-label={t.chats.resize}
      aria-valuemin={listWidth.min}
      aria-valuemax={listWidth.max}
      aria-valuenow={width()}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") setWidth(bounded(width() - 16));
        else if (event.key === "ArrowRight") setWidth(bounded(width() + 16));
      }}
    />
  );
}
