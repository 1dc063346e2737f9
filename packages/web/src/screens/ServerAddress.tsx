/**
 * Says anew where a linked server is: what people told before is replaced, and it is tried at once. What the server's own
 * record says stays known beside it.
 */
import type { Cause, Server } from "@fedchat/engine/interface";
import { createSignal, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Field } from "../parts/Field.tsx";
import { CauseText } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { hostPort, parsePlaces } from "../text/names.ts";

export function ServerAddress(props: { server: Server; onDone: () => void }): JSX.Element {
  const app = useApp();
  const [written, setWritten] = createSignal((props.server.toldAddresses ?? []).map(hostPort).join(" "));
  const [tried, setTried] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const places = () => parsePlaces(written(), props.server.serverId);
  async function change(event: SubmitEvent) {
    event.preventDefault();
    setTried(true);
    const addresses = places();
    if (addresses === null) return;
    setBusy(true);
    setCause(null);
    try {
      const { serverId } = props.server;
      app.servers.put(await app.call("servers.setAddresses", { serverId, addresses }));
      say({ level: "done", text: t.servers.addressesKept });
      props.onDone();
    } catch (error) {
      setCause(causeOf(error));
    }
    setBusy(false);
  }
  return (
    <form class="stack" onSubmit={(event) => void change(event)}>
      <Field
        label={t.servers.addressField}
        hint={t.servers.addressHint}
        error={tried() && places() === null ? t.servers.addressBad : undefined}
        value={written()}
        onType={setWritten}
        mono
        wide
        testid="address-field"
        ref={(field) => queueMicrotask(() => field.focus())}
      >
        <Button type="submit" busy={busy()} testid="address-save">
          {t.common.save}
        </Button>
      </Field>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
    </form>
  );
}
