/** Views of one noun by their id. Putting a view changes only what differs, so that only those spots of the page redraw. */
import { batch } from "solid-js";
import { createStore, reconcile } from "solid-js/store";

export interface Collection<T extends object> {
  get(id: string): T | undefined;
  all(): T[];
  put(view: T): void;
  remove(id: string): void;
  /** The whole list anew, as after a reconnection. */
  replace(views: readonly T[]): void;
}

export function createCollection<T extends object>(idOf: (view: T) => string): Collection<T> {
  const [views, setViews] = createStore<{ byId: Record<string, T> }>({ byId: {} });
  return {
    get: (id) => views.byId[id],
    all: () => Object.values(views.byId),
    put(view) {
      setViews("byId", idOf(view), reconcile(view));
    },
    remove(id) {
      setViews("byId", id, undefined!);
    },
    replace(list) {
      batch(() => {
        setViews("byId", reconcile(Object.fromEntries(list.map((view) => [idOf(view), view]))));
      });
    },
  };
}
