/** This account's devices: listed, named, revoked, and a further one linked by a code that is compared on both. */
import type { Device, Devices } from "@fedchat/engine/interface";
import Laptop from "lucide-solid/icons/laptop";
import { createEffect, createSignal, For, onMount, Show, type JSX } from "solid-js";
import { Button } from "../parts/Button.tsx";
import { Confirm } from "../parts/Confirm.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { Modal } from "../parts/Modal.tsx";
import { Qr } from "../parts/Qr.tsx";
import { Signs } from "../parts/Signs.tsx";
import { CauseText, Countdown } from "../parts/Small.tsx";
import { createClock, everyHalfMinute } from "../state/clock.ts";
import { useApp } from "../state/context.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { ago, fullDate } from "../text/time.ts";
import { type Deed, keyedDeeds } from "./keyed-deeds.tsx";

export function DevicesSettings(): JSX.Element {
  const app = useApp();
  const [code, setCode] = createSignal<{ code: string; until: number } | null>(null);
  const keyed = keyedDeeds();
  onMount(async () => {
    const fresh = await app.ask("devices.list", {});
    if (fresh) app.setDevices(fresh);
  });

  const link: Deed = async (password) => {
    setCode(await app.call("devices.link", password === undefined ? {} : { password }));
  };

  return (
    <Show when={app.devices()}>
      {(shown) => (
        <>
          <section class="card stack">
            <p class="prose">{t.devices.lead}</p>
            <div class="actions">
              <Button
                look="primary"
                icon={Laptop}
                testid="devices-link"
                onClick={() => void keyed.attempt(link)}
              >
                {t.devices.link}
              </Button>
            </div>
          </section>
          <List devices={shown()} attempt={(deed) => void keyed.attempt(deed)} />
          <Show when={code()}>
            {(now) => (
              <LinkDialog
                code={now()}
                devices={shown()}
                onClose={() => {
                  setCode(null);
                  void app.ask("devices.cancel", {});
                }}
              />
            )}
          </Show>
          <keyed.Dialog />
        </>
      )}
    </Show>
  );
}

function List(props: { devices: Devices; attempt: (deed: Deed) => void }): JSX.Element {
  const app = useApp();
  const now = createClock(everyHalfMinute);
  const [leaving, setLeaving] = createSignal<Device | null>(null);
  const [naming, setNaming] = createSignal<Device | null>(null);
  const withPassword = (password: string | undefined) => (password === undefined ? {} : { password });

  function revoke({ deviceId, name }: Device) {
    props.attempt(async (password) => {
      app.setDevices(await app.call("devices.revoke", { deviceId, ...withPassword(password) }));
      say({ level: "done", text: t.devices.revoked(name) });
    });
  }
  function rename({ deviceId }: Device, name: string) {
    props.attempt(async (password) => {
      app.setDevices(await app.call("devices.rename", { deviceId, name, ...withPassword(password) }));
    });
  }
  async function know({ deviceId }: Device) {
    const known = await app.ask("devices.acknowledge", { deviceId });
    if (known) app.setDevices(known);
  }

  return (
    <section class="card stack">
      <h2>{t.devices.list}</h2>
      <ul class="screen-list">
        <For each={props.devices.devices}>
          {(one) => (
            <li data-testid="device" data-self={one.self} data-known={one.known}>
              <div>
                <strong dir="auto">
                  {one.name} <Show when={one.self}>({t.devices.this})</Show>
                </strong>
                <span class="muted" title={fullDate(one.createdAt)}>
                  {t.screens.addedAt(ago(one.createdAt, now()))}
                </span>
                <Show when={one.removed}>
                  <p class="danger-text">{t.devices.removed}</p>
                </Show>
                <Show when={!one.known}>
                  <CauseText cause={t.devices.unknown} level="danger" />
                </Show>
              </div>
              <div class="device-acts">
                <Show when={!one.known}>
                  <Button testid="device-know" onClick={() => void know(one)}>
                    {t.devices.know}
                  </Button>
                </Show>
                <Button
                  look="quiet"
                  testid="device-rename"
                  aria-label={t.devices.renameNamed(one.name)}
                  onClick={() => setNaming(one)}
                >
                  {t.devices.rename}
                </Button>
                <Show when={!one.self}>
                  <Button
                    look="quiet"
                    class="danger-text"
                    testid="device-revoke"
                    aria-label={t.devices.revokeNamed(one.name)}
                    onClick={() => setLeaving(one)}
                  >
                    {t.devices.revoke}
                  </Button>
                </Show>
              </div>
            </li>
          )}
        </For>
      </ul>
      <Show when={leaving()}>
        {(one) => (
          <Confirm
            title={t.devices.revokeConfirm(one().name)}
            body={t.devices.revokeBody}
            action={t.devices.revoke}
            onConfirm={() => revoke(one())}
            onClose={() => setLeaving(null)}
          />
        )}
      </Show>
      <Show when={naming()}>
        {(one) => (
          <NameDialog
            name={one().name}
            onName={(name) => rename(one(), name)}
            onClose={() => setNaming(null)}
          />
        )}
      </Show>
    </section>
  );
}

/** Shows the code, then who used it; closes by itself when the device is linked. */
function LinkDialog(props: {
  code: { code: string; until: number };
  devices: Devices;
  onClose: () => void;
}): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal(false);
  const linking = () => props.devices.linking;
  createEffect(() => {
    if (linking().state !== "linked") return;
    say({ level: "done", text: t.devices.linked(linking().name ?? "") });
    props.onClose();
  });
  async function confirm() {
    setBusy(true);
    const linked = await app.ask("devices.confirm", {});
    if (linked) app.setDevices(linked);
    setBusy(false);
  }
  return (
    <Modal title={t.devices.link} onClose={props.onClose} testid="devices-link-dialog">
      <Show
        when={linking().state === "asking" || linking().state === "linked"}
        fallback={
          <div class="invitation">
            <p class="prose">{t.devices.scan}</p>
            <Qr text={props.code.code} label={t.devices.qr} testid="device-qr" />
            <code
              class="link-text"
              data-testid="device-code"
              aria-label={t.devices.code}
              role="textbox"
              aria-readonly="true"
              tabIndex={0}
            >
              {props.code.code}
            </code>
            <div class="actions">
              <Copy look="primary" text={props.code.code} label={t.devices.copy} />
              <span class="muted">
                <Countdown until={props.code.until} words={t.screens.left} />
              </span>
            </div>
          </div>
        }
      >
        <div class="stack" data-testid="device-asks">
          <p class="prose">{t.devices.asks(linking().name ?? "")}</p>
          <Signs signs={linking().signs} label={t.devices.signs} />
          <div class="actions end">
            <Button onClick={props.onClose}>{t.devices.notMine}</Button>
            <Button look="primary" busy={busy()} testid="device-confirm" onClick={() => void confirm()}>
              {t.devices.same}
            </Button>
          </div>
        </div>
      </Show>
    </Modal>
  );
}

function NameDialog(props: {
  name: string;
  onName: (name: string) => void;
  onClose: () => void;
}): JSX.Element {
  const [name, setName] = createSignal(props.name);
  function keep(event: SubmitEvent) {
    event.preventDefault();
    props.onName(name().trim());
    props.onClose();
  }
  return (
    <Modal
      title={t.devices.renameNamed(props.name)}
      onClose={props.onClose}
      class="narrow"
      testid="device-name"
    >
      <form class="stack" onSubmit={keep}>
        <Field
          label={t.devices.name}
          value={name()}
          onType={setName}
          maxLength={32}
          required
          wide
          testid="device-new-name"
        />
        <div class="actions end">
          <Button onClick={props.onClose}>{t.common.cancel}</Button>
          <Button type="submit" look="primary" disabled={name().trim() === ""}>
            {t.common.save}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
