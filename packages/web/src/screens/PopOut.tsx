/** One conversation in a window of its own. */
import type { JSX } from "solid-js";
import { useApp } from "../state/context.ts";
import { ConnectionBar } from "./ConnectionBar.tsx";
import { Conversation } from "./Conversation.tsx";
import { listenToKeys } from "./keyboard.ts";
import { Notices } from "./Notices.tsx";
import { Overlays } from "./Overlays.tsx";

export function PopOut(props: { roomId: string }): JSX.Element {
  const app = useApp();
  listenToKeys(app);
  const messageId = () => {
    const route = app.place.route();
    return route.at === "window" ? route.messageId : null;
  };
  return (
    <div class="shell alone">
      <ConnectionBar />
      <Notices />
      <main class="main-pane">
        <Conversation roomId={props.roomId} messageId={messageId()} alone />
      </main>
      <Overlays />
    </div>
  );
}
