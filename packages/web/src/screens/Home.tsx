/** The main pane before a conversation was picked: the one thing to do first is to bring somebody in. */
import MailPlus from "lucide-solid/icons/mail-plus";
import { Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Mark } from "../parts/Mark.tsx";
import { ReachLine } from "../parts/ReachLine.tsx";
import { room } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { t } from "../strings.ts";

export function Home(): JSX.Element {
  const app = useApp();
  const fresh = () => app.rooms.all().every((chat) => chat.kind === "notes");
  const notes = () => app.rooms.all().find((chat) => chat.kind === "notes");
  const first = () => (app.inBrowser === null ? t.home.firstBody : t.home.firstShared(app.inBrowser.host));
  /** How the homeserver is reached is its administrator's matter. */
  const reach = () =>
    app.inBrowser === null || app.status()?.homeserver.administrator ? app.status()?.reach : null;
  return (
    <div class="home" data-testid="home">
      <div class="home-card">
        <Mark />
        <h1>{fresh() ? t.home.first(app.status()?.me?.displayName ?? "") : t.home.title}</h1>
        <p class="lead">{fresh() ? first() : t.home.body}</p>
        <div class="actions centre">
          <Button
            look="primary"
            icon={MailPlus}
            onClick={() => setOverlay({ show: "invite" })}
            testid="home-invite"
          >
            {t.home.invite}
          </Button>
          <Button onClick={() => setOverlay({ show: "paste", link: "" })} testid="home-paste">
            {t.home.paste}
          </Button>
        </div>
        <Show when={!fresh()}>
          <button
            type="button"
            class="link-button"
            data-testid="home-new-room"
            onClick={() => setOverlay({ show: "new-room" })}
          >
            {t.home.newRoom}
          </button>
        </Show>
        <Show when={fresh() && notes()}>
          {(chat) => (
            <button type="button" class="link-button" onClick={() => app.place.go(room(chat().roomId))}>
              {t.home.notes}
            </button>
          )}
        </Show>
        <p class="muted home-keys">
          {t.home.keys} <kbd>Ctrl</kbd> <kbd>K</kbd>
        </p>
      </div>
      <Show when={reach()}>{(known) => <ReachLine reach={known()} />}</Show>
    </div>
  );
}
