/** The route as a signal, and the one way to change it. Links of our own origin are followed without loading the page. */
import { createSignal, onCleanup } from "solid-js";
import { parseRoute, routePath, type Route } from "../router.ts";

export interface Place {
  route(): Route;
  go(route: Route, how?: "replace"): void;
}

export function createPlace(): Place {
  const read = () => parseRoute(location.pathname, location.search);
  const [route, setRoute] = createSignal<Route>(read());
  const onPop = () => setRoute(read());

  function go(next: Route, how?: "replace") {
    const path = routePath(next);
    if (path !== location.pathname + location.search) {
      if (how === "replace") history.replaceState(null, "", path);
      else history.pushState(null, "", path);
    }
    setRoute(next);
  }

  function onClick(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target instanceof Element ? event.target.closest("a") : null;
    if (
      !anchor ||
      anchor.target !== "" ||
      anchor.origin !== location.origin ||
      anchor.hasAttribute("download")
    )
      return;
    event.preventDefault();
    go(parseRoute(anchor.pathname, anchor.search));
  }

  addEventListener("popstate", onPop);
  document.addEventListener("click", onClick);
  onCleanup(() => {
    removeEventListener("popstate", onPop);
    document.removeEventListener("click", onClick);
  });
  return { route, go };
}
