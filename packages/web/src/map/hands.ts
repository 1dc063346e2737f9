/** Pointers, fingers and wheels on the drawing: one points, picks or drags, two or a wheel magnify. */
import type { Space } from "./layout.ts";
import { dragFromPx } from "./measures.ts";
import { moved, zoomed, type View } from "./view.ts";

type Spot = { x: number; y: number };

export interface HandsPorts {
  space: () => Space;
  view: () => View;
  setView: (view: View) => void;
  /** The server that is near enough to be meant. */
  near: (spot: Spot) => string | null;
  onPoint: (id: string | null) => void;
  onPick: (id: string | null) => void;
}

export function createHands(ports: HandsPorts): { take: (element: SVGSVGElement) => void } {
  const down = new Map<number, Spot>();
  let begun: Spot | undefined;
  let dragging = false;

  function spotOf(event: MouseEvent): Spot {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function onDown(event: PointerEvent) {
    if (event.button !== 0) return;
    down.set(event.pointerId, spotOf(event));
    begun = down.size === 1 ? spotOf(event) : undefined;
    dragging = down.size > 1;
  }

  function onMove(event: PointerEvent) {
    const spot = spotOf(event);
    const before = down.get(event.pointerId);
    if (before === undefined) {
      if (event.pointerType === "mouse") ports.onPoint(ports.near(spot));
      return;
    }
    if (!dragging && begun && Math.hypot(spot.x - begun.x, spot.y - begun.y) < dragFromPx) return;
    if (!dragging) (event.currentTarget as Element).setPointerCapture(event.pointerId);
    dragging = true;
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    down.set(event.pointerId, spot);
    const { space, view, setView } = ports;
    if (other === undefined) {
      setView(moved(view(), { x: spot.x - before.x, y: spot.y - before.y }, space()));
      return;
    }
    const apart = (from: Spot) => Math.max(1, Math.hypot(from.x - other.x, from.y - other.y));
    const middle = { x: (spot.x + other.x) / 2, y: (spot.y + other.y) / 2 };
    const by = { x: (spot.x - before.x) / 2, y: (spot.y - before.y) / 2 };
    setView(moved(zoomed(view(), apart(spot) / apart(before), middle, space()), by, space()));
  }

  function onUp(event: PointerEvent) {
    if (!down.delete(event.pointerId)) return;
    if (!dragging && event.type === "pointerup") {
      const id = ports.near(spotOf(event));
      if (id !== null) ports.onPick(id);
    }
    if (down.size === 0) {
      dragging = false;
      begun = undefined;
    }
  }

  function onWheel(event: WheelEvent) {
    event.preventDefault();
    const { space, view, setView } = ports;
    setView(zoomed(view(), Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), spotOf(event), space()));
  }

  return {
    take(element) {
      element.addEventListener("pointerdown", onDown);
      element.addEventListener("pointermove", onMove);
      element.addEventListener("pointerup", onUp);
      element.addEventListener("pointercancel", onUp);
      element.addEventListener("pointerleave", () => ports.onPoint(null));
      element.addEventListener("wheel", onWheel, { passive: false });
    },
  };
}
