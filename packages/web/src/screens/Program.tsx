/** The program around the screens: sections on the left, a list, the main pane; what floats over them. */
import { createEffect, createMemo, Match, Switch, type JSX } from "solid-js";
import { ResizeHandle } from "../parts/ResizeHandle.tsx";
import { amongServers } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";
import { Cards } from "./Cards.tsx";
import { ChatList } from "./ChatList.tsx";
import { ConnectionBar } from "./ConnectionBar.tsx";
import { Conversation } from "./Conversation.tsx";
import { Doctor } from "./Doctor.tsx";
import { HistoryLines } from "./HistoryLines.tsx";
import { Home } from "./Home.tsx";
import { listenToKeys } from "./keyboard.ts";
import { KeptHere } from "./KeptHere.tsx";
import { LinkServer } from "./LinkServer.tsx";
import { NetworkMap } from "./NetworkMap.tsx";
import { Notices } from "./Notices.tsx";
import { Overlays } from "./Overlays.tsx";
import { PeopleList, PersonPane } from "./People.tsx";
import { PerhapsGone } from "./PerhapsGone.tsx";
import { Rail } from "./Rail.tsx";
import { RelayingPage } from "./Relaying.tsx";
import { RequestList, RequestPane } from "./Requests.tsx";
import { ServerList, ServerPane } from "./Servers.tsx";
import { SettingsList, SettingsPane } from "./Settings.tsx";

export function Program(): JSX.Element {
  const app = useApp();
  const route = app.place.route;
  listenToKeys(app);

  createEffect(() => {
    if (route().at !== "invite") return;
    setOverlay({ show: "invite" });
    app.place.go({ at: "chats" }, "replace");
  });

  /** In one-pane width: whether the list or what was picked from it is shown. */
  const picked = createMemo(() => {
    const now = route();
    switch (now.at) {
      case "room":
      case "window":
      case "link-server":
      case "doctor":
      case "map":
      case "relaying":
        return true;
      case "people":
        return now.account !== null;
      case "requests":
        return now.requestId !== null;
      case "servers":
        return now.serverId !== null;
      case "settings":
        return now.section !== null;
      case "chats":
      case "invite":
        return false;
    }
  });
  const listName = () => {
    const at = route().at;
    if (at === "people" || at === "requests" || at === "settings") return t.nav[at];
    return amongServers(route()) ? t.nav.servers : t.nav.chats;
  };
  const roomAt = createMemo(() => {
    const now = route();
    return now.at === "room" ? now.roomId : null;
  });
  const messageAt = () => {
    const now = route();
    return now.at === "room" ? now.messageId : null;
  };
  const personAt = createMemo(() => {
    const now = route();
    return now.at === "people" ? now.account : null;
  });
  const requestAt = createMemo(() => {
    const now = route();
    return now.at === "requests" ? now.requestId : null;
  });
  const serverAt = createMemo(() => {
    const now = route();
    return now.at === "servers" ? now.serverId : null;
  });
  const mapAt = createMemo(() => {
    const now = route();
    return now.at === "map" ? now.serverId : null;
  });
  const sectionAt = createMemo(() => {
    const now = route();
    return now.at === "settings" ? now.section : null;
  });

  return (
    <div class="shell">
      <ConnectionBar />
      <KeptHere />
      <PerhapsGone />
      <Notices />
      <HistoryLines />
      <div class="frame" data-pane={picked() ? "main" : "list"}>
        <Rail />
        <section class="list-pane" aria-label={listName()}>
          <Switch fallback={<ChatList />}>
            <Match when={route().at === "people"}>
              <PeopleList />
            </Match>
            <Match when={route().at === "requests"}>
              <RequestList />
            </Match>
            <Match when={amongServers(route())}>
              <ServerList />
            </Match>
            <Match when={route().at === "settings"}>
              <SettingsList />
            </Match>
          </Switch>
          <ResizeHandle />
        </section>
        <main class="main-pane" id="main">
          <Switch fallback={<Home />}>
            <Match when={roomAt()} keyed>
              {(roomId) => <Conversation roomId={roomId} messageId={messageAt()} />}
            </Match>
            <Match when={route().at === "people"}>
              <PersonPane account={personAt()} />
            </Match>
            <Match when={route().at === "requests"}>
              <RequestPane requestId={requestAt()} />
            </Match>
            <Match when={route().at === "link-server"}>
              <LinkServer />
            </Match>
            <Match when={route().at === "doctor"}>
              <Doctor />
            </Match>
            <Match when={route().at === "map"}>
              <NetworkMap serverId={mapAt()} />
            </Match>
            <Match when={route().at === "relaying"}>
              <RelayingPage />
            </Match>
            <Match when={route().at === "servers"}>
              <ServerPane serverId={serverAt()} />
            </Match>
            <Match when={route().at === "settings"}>
              <SettingsPane section={sectionAt()} />
            </Match>
          </Switch>
        </main>
        <Cards />
      </div>
      <Overlays />
    </div>
  );
}
