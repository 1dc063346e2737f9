/** The part of a drawing that is seen: how much it is magnified, and by how much it is moved. Signs and names keep their size. */
import { zoomMax } from "./measures.ts";
import type { Space } from "./layout.ts";

export interface View {
  zoom: number;
  /** Added after magnifying, in CSS pixels. */
  x: number;
  y: number;
}

export const wholeView: View = { zoom: 1, x: 0, y: 0 };

type Spot = { x: number; y: number };

export const seenAt = (spot: Spot, view: View): Spot => ({
  x: spot.x * view.zoom + view.x,
  y: spot.y * view.zoom + view.y,
});

/** What lies under `spot` stays there. */
export function zoomed(view: View, factor: number, spot: Spot, space: Space): View {
  const zoom = Math.min(zoomMax, Math.max(1, view.zoom * factor));
  const real = zoom / view.zoom;
  return within({ zoom, x: spot.x - (spot.x - view.x) * real, y: spot.y - (spot.y - view.y) * real }, space);
}

export const moved = (view: View, by: Spot, space: Space): View =>
  within({ ...view, x: view.x + by.x, y: view.y + by.y }, space);

/** The drawing always fills its frame: it cannot be lost outside. */
function within({ zoom, x, y }: View, { width, height }: Space): View {
  return {
    zoom,
    x: Math.min(0, Math.max(width * (1 - zoom), x)),
    y: Math.min(0, Math.max(height * (1 - zoom), y)),
  };
}
