/** Links a server by host, port and server ID; one pasted line fills all three. */
import type { Cause } from "@fedchat/engine/interface";
import Link2 from "lucide-solid/icons/link-2";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { isInvitation, isServerId, parseServerPlace } from "../text/names.ts";

const usualPort = "8443";

export function LinkServer(): JSX.Element {
  const app = useApp();
  const [host, setHost] = createSignal("");
  const [port, setPort] = createSignal(usualPort);
  const [serverId, setServerId] = createSignal("");
  const [localName, setLocalName] = createSignal("");
  const [tried, setTried] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);

  const portNumber = () => (/^\d{1,5}$/.test(port().trim()) ? Number(port()) : 0);
  const hostBad = () => (parseServerPlace(host())?.port === null ? null : t.servers.hostBad);
  const portBad = () => (portNumber() >= 1 && portNumber() <= 65_535 ? null : t.servers.portBad);
  const idBad = () => (isServerId(serverId()) ? null : t.servers.serverIdBad);

  /** One line with all three, or an invitation link: both come by the clipboard. */
  function spread(text: string): boolean {
    if (isInvitation(text)) {
      setOverlay({ show: "paste", link: text.trim() });
      return true;
    }
    const place = parseServerPlace(text);
    if (!place || (place.port === null && place.serverId === null)) return false;
    setHost(place.host);
    if (place.port !== null) setPort(String(place.port));
    if (place.serverId !== null) setServerId(place.serverId);
    return true;
  }

  async function link(event: SubmitEvent) {
    event.preventDefault();
    setTried(true);
    if (hostBad() || portBad() || idBad()) return;
    setBusy(true);
    setCause(null);
    try {
      const named = localName().trim();
      const server = await app.call("servers.link", {
        host: host().trim(),
        port: portNumber(),
        serverId: serverId().trim().toLowerCase(),
        ...(named === "" ? {} : { localName: named }),
      });
      app.servers.put(server);
      if (server.trust === "outgoing") say({ level: "done", text: t.servers.linked(server.shownName) });
      app.place.go({ at: "servers", serverId: server.serverId });
    } catch (error) {
      setCause(causeOf(error));
      setBusy(false);
    }
  }

  return (
    <div class="pane-body">
      <PaneHead title={t.servers.linkTitle} back={{ at: "servers", serverId: null }} />
      <div class="pane-scroll page">
        <form class="card stack" data-testid="link-form" onSubmit={(event) => void link(event)} novalidate>
          <p class="prose">{t.servers.linkLead}</p>
          <div class="pair host-port">
            <Field
              label={t.servers.host}
              hint={t.servers.hostHint}
              error={tried() ? hostBad() : null}
              value={host()}
              onType={(text) => {
                if (!/[/:]/.test(text) || !spread(text)) setHost(text);
              }}
              onPasteText={spread}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              testid="link-host"
              ref={(field) => queueMicrotask(() => field.focus())}
            />
            <Field
              label={t.servers.port}
              error={tried() ? portBad() : null}
              value={port()}
              onType={setPort}
              inputMode="numeric"
              autocomplete="off"
              maxLength={5}
              testid="link-port"
            />
          </div>
          <Field
            label={t.servers.serverId}
            hint={t.servers.serverIdHint}
            error={tried() ? idBad() : null}
            value={serverId()}
            onType={setServerId}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            mono
            wide
            testid="link-server-id"
          />
          <Field
            label={`${t.servers.localName} (${t.common.optional})`}
            value={localName()}
            onType={setLocalName}
            maxLength={64}
            wide
            testid="link-local-name"
          />
          <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
          <div class="actions">
            <Button type="submit" look="primary" icon={Link2} busy={busy()} testid="link-submit">
              {busy() ? t.servers.linking : t.servers.linkDo}
            </Button>
            <Button look="quiet" onClick={() => setOverlay({ show: "paste", link: "" })}>
              {t.servers.byInvitation}
            </Button>
          </div>
        </form>
      </div>
    </div>
  );
}
