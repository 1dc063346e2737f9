/** Takes an invitation link, shows whose it is before anything is linked, and uses it. */
import type { Cause, InvitationPreview, RoomAsk } from "@fedchat/engine/interface";
import { createEffect, createSignal, on, Show, type JSX } from "solid-js";
import { Avatar } from "../parts/Avatar.tsx";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { RoomAvatar } from "../parts/RoomAvatar.tsx";
import { CauseText, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { room } from "../router.ts";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { isInvitation } from "../text/names.ts";
import { ago, fullDate } from "../text/time.ts";

export function PasteDialog(props: { link: string; onClose: () => void }): JSX.Element {
  const app = useApp();
  const [link, setLink] = createSignal(props.link);
  const [preview, setPreview] = createSignal<InvitationPreview | null>(null);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const [busy, setBusy] = createSignal<"looking" | "accepting" | null>(null);
  /** Asked, and nobody has let us in yet. */
  const [asked, setAsked] = createSignal<RoomAsk | null>(null);
  const expired = () => preview() !== null && preview()!.expiresAt < Date.now();

  createEffect(
    on(link, (text) => {
      setPreview(null);
      setCause(null);
      if (isInvitation(text)) void look(text.trim());
    }),
  );

  async function look(text: string) {
    setBusy("looking");
    try {
      const seen = await app.call("invitations.inspect", { link: text });
      if (link().trim() === text) setPreview(seen);
    } catch (error) {
      if (link().trim() === text) setCause(causeOf(error));
    }
    setBusy(null);
  }

  // Into an open room one comes while one looks on.
  createEffect(() => {
    const { roomId, askId } = asked() ?? {};
    if (roomId === undefined || app.asks.get(askId!)?.state !== "admitted" || !app.rooms.get(roomId)) return;
    props.onClose();
    app.place.go(room(roomId));
  });

  async function accept(event: SubmitEvent) {
    event.preventDefault();
    if (!preview()) return;
    setBusy("accepting");
    setCause(null);
    if (preview()!.room) return ask();
    try {
      const request = await app.call("invitations.accept", { link: link().trim() });
      app.requests.put(request);
      say({ level: "done", text: t.paste.done(request.displayName) });
      props.onClose();
      if (request.roomId) {
        const opened =
          app.rooms.get(request.roomId) ?? (await app.ask("rooms.get", { roomId: request.roomId }));
        if (opened) app.rooms.put(opened);
        app.place.go(room(request.roomId));
      } else app.place.go({ at: "requests", requestId: request.requestId });
    } catch (error) {
      setCause(causeOf(error));
      setBusy(null);
    }
  }

  async function ask() {
    try {
      const sent = await app.call("rooms.ask", { link: link().trim() });
      app.asks.put(sent);
      setAsked(sent);
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(null);
  }

  return (
    <Modal title={t.paste.title} onClose={props.onClose} testid="paste-dialog">
      <form class="stack" onSubmit={(event) => void accept(event)}>
        <Field
          label={t.paste.field}
          placeholder={t.paste.placeholder}
          hint={busy() === "looking" ? t.paste.looking : t.paste.hint}
          error={link().trim() !== "" && !isInvitation(link()) ? t.paste.notOne : null}
          value={link()}
          onType={setLink}
          spellcheck={false}
          autocomplete="off"
          mono
          wide
          testid="paste-link"
        />
        <Show when={preview()}>
          {(from) => (
            <section class="card" aria-label={t.paste.from} data-testid="invitation-preview">
              <p class="muted">{t.paste.from}</p>
              <Show when={from().room}>
                {(into) => (
                  <div class="who-line" data-testid="into-room">
                    <RoomAvatar name={into().name || t.roomLinks.nameless} of={into().roomId} size="large" />
                    <div>
                      <strong dir="auto">{into().name || t.roomLinks.nameless}</strong>
                      <span class="muted">{t.roomLinks.aRoom}</span>
                    </div>
                  </div>
                )}
              </Show>
              <div class="who-line">
                <Avatar name={from().displayName} of={from().account} size="large" />
                <div>
                  <strong dir="auto">{from().displayName}</strong>
                  <span class="muted">{from().address}</span>
                </div>
              </div>
              <Facts>
                <Fact name={t.paste.server}>{from().serverName}</Fact>
                <Fact name={t.requests.serverFingerprint}>
                  <Fingerprint of={from().serverId} />
                </Fact>
              </Facts>
              <p class={expired() ? "field-error" : "muted"} title={fullDate(from().expiresAt)}>
                {expired() ? t.paste.expired : t.paste.until(ago(from().expiresAt, Date.now()))}
              </p>
            </section>
          )}
        </Show>
        <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        <Show
          when={!asked()}
          fallback={
            <p class="cause info" role="status" data-testid="asked-in">
              {t.roomLinks.waits(asked()!.displayName)}
            </p>
          }
        >
          <Show when={preview()?.room}>
            <p class="muted small">{t.roomLinks.askHint}</p>
          </Show>
          <Button
            type="submit"
            look="primary"
            class="wide"
            busy={busy() === "accepting"}
            disabled={!preview() || expired()}
            testid="paste-accept"
          >
            {preview()?.room ? t.roomLinks.ask : busy() === "accepting" ? t.paste.accepting : t.paste.accept}
          </Button>
        </Show>
      </form>
    </Modal>
  );
}
