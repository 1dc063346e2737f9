/** The whole screen: not signed in, first run, a pop-out window, or the program. Owns the app's state. */
import { createEffect, Match, onCleanup, Switch, type JSX } from "solid-js";
import { Mark } from "../parts/Mark.tsx";
import { Toasts } from "../parts/Toasts.tsx";
import type { RpcPorts } from "../rpc.ts";
import { amongServers, openRoom } from "../router.ts";
import { createApp } from "../state/app.ts";
import type { InBrowser } from "../state/in-browser.ts";
import { remember } from "../state/lived-here.ts";
import { AppContext } from "../state/context.ts";
import { t } from "../strings.ts";
import { titleOf } from "./ChatList.tsx";
import { ConnectionBar } from "./ConnectionBar.tsx";
import { FirstRun } from "./FirstRun.tsx";
import { PopOut } from "./PopOut.tsx";
import { Program } from "./Program.tsx";
import { SignedOut } from "./SignedOut.tsx";

export function Screen(props: { secret: string; ports: RpcPorts; inBrowser?: InBrowser }): JSX.Element {
  const app = createApp(props.secret, props.ports, props.inBrowser);
  const route = app.place.route;
  const popOut = () => {
    const now = route();
    return now.at === "window" ? now.roomId : null;
  };
  const where = () => {
    const now = route();
    const chat = app.rooms.get(openRoom(now) ?? "");
    if (chat) return titleOf(chat);
    if (now.at === "people" || now.at === "requests" || now.at === "settings")
      return t.app.titleWhere(t.nav[now.at]);
    return amongServers(now) ? t.app.titleWhere(t.nav.servers) : t.app.name;
  };
  createEffect(() => {
    document.title = t.app.title(app.unread(), where());
  });
  onCleanup(() => {
    document.title = t.app.name;
  });
  createEffect(() => {
    const me = app.status()?.me;
    if (app.inBrowser && me) remember(me);
  });

  return (
    <AppContext.Provider value={app}>
      <Switch fallback={<Opening />}>
        <Match when={app.connection().state === "refused"}>
          <SignedOut />
        </Match>
        <Match when={app.ready() && app.status() && !app.status()?.me}>
          <div class="shell first">
            <ConnectionBar />
            <FirstRun />
          </div>
        </Match>
        <Match when={app.ready() && app.status()?.me && popOut()} keyed>
          {(roomId) => <PopOut roomId={roomId} />}
        </Match>
        <Match when={app.ready() && app.status()?.me}>
          <Program />
        </Match>
      </Switch>
      <Toasts />
    </AppContext.Provider>
  );
}

function Opening(): JSX.Element {
  return (
    <div class="shell first">
      <ConnectionBar />
      <main class="opening" aria-busy="true" aria-label={t.app.loading}>
        <Mark />
      </main>
    </div>
  );
}
