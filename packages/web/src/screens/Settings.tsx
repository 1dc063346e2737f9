/** Settings, in five short sections. */
import type { Cause } from "@fedchat/engine/interface";
import Contrast from "lucide-solid/icons/contrast";
import Eye from "lucide-solid/icons/eye";
import ArchiveIcon from "lucide-solid/icons/archive";
import House from "lucide-solid/icons/house";
import KeyRound from "lucide-solid/icons/key-round";
import Laptop from "lucide-solid/icons/laptop";
import LifeBuoy from "lucide-solid/icons/life-buoy";
import MonitorSmartphone from "lucide-solid/icons/monitor-smartphone";
import RefreshCw from "lucide-solid/icons/refresh-cw";
import SettingsIcon from "lucide-solid/icons/settings";
import ShieldCheck from "lucide-solid/icons/shield-check";
import UserPlus from "lucide-solid/icons/user-plus";
import Smartphone from "lucide-solid/icons/smartphone";
import UserRound from "lucide-solid/icons/user-round";
import { createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import { Button, type IconType } from "../parts/Button.tsx";
import { Copy } from "../parts/Copy.tsx";
import { Field } from "../parts/Field.tsx";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Password } from "../parts/Password.tsx";
import { ReachLine } from "../parts/ReachLine.tsx";
import { Rows } from "../parts/Rows.tsx";
import { CauseText, Empty, Fact, Facts, Fingerprint } from "../parts/Small.tsx";
import { routePath } from "../router.ts";
import { useApp } from "../state/context.ts";
import { setOverlay } from "../state/panel.ts";
import { setTheme, theme, themes } from "../state/theme.ts";
import { createWide } from "../state/wide.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { hostPort } from "../text/names.ts";
import { fullDate } from "../text/time.ts";
import { AccountInvitations } from "./AccountInvitations.tsx";
import { AskToKeep } from "./AskToKeep.tsx";
import { HomeSettings } from "./HomeSettings.tsx";
import { HistorySettings } from "./HistorySettings.tsx";
import { keyedDeeds } from "./keyed-deeds.tsx";
import { RecoverySettings } from "./RecoverySettings.tsx";
import { DevicesSettings } from "./DevicesSettings.tsx";
import { ScreensSettings } from "./ScreensSettings.tsx";
import { VisibilityChoice } from "./VisibilityChoice.tsx";

/** Shown where nothing was picked and there is room for it beside the list. */
const firstSection = "profile";

export function SettingsList(): JSX.Element {
  const app = useApp();
  const wide = createWide();
  const here = () => {
    const route = app.place.route();
    return route.at === "settings" ? (route.section ?? (wide() ? firstSection : null)) : null;
  };
  const sections = (): { key: string; name: string; hint: string; icon: IconType }[] => [
    { key: "profile", name: t.settings.profile, hint: t.settings.profileHint, icon: UserRound },
    { key: "visibility", name: t.visibility.title, hint: t.visibility.hint, icon: Eye },
    { key: "appearance", name: t.settings.appearance, hint: t.settings.appearanceHint, icon: Contrast },
    {
      key: "password",
      name: t.settings.password,
      hint: app.status()?.me?.hasPassword ? t.settings.passwordSet : t.settings.passwordUnset,
      icon: KeyRound,
    },
    ...(app.status()?.homeserver.administrator
      ? [{ key: "accounts", name: t.accounts.title, hint: t.accounts.hint, icon: UserPlus }]
      : []),
    ...(app.screens() === null ? [] : [screens()]),
    {
      key: "recovery",
      name: t.recovery.title,
      hint: app.status()?.recoveryKit === "kept" ? t.recovery.hintKept : t.recovery.hint,
      icon: LifeBuoy,
    },
    { key: "history", name: t.history.title, hint: t.history.hint, icon: ArchiveIcon },
    {
      key: "devices",
      name: t.devices.title,
      hint: app.status()?.counts.unknownDevices ? t.devices.unknownHint : t.devices.hint,
      icon: Smartphone,
    },
    { key: "home", name: t.moving.title, hint: t.moving.hint, icon: House },
    { key: "device", name: t.settings.device, hint: t.settings.deviceHint, icon: Laptop },
    { key: "safety", name: t.settings.safety, hint: t.settings.safetyHint, icon: ShieldCheck },
  ];
  const screens = () => ({
    key: "screens",
    name: t.settings.screens,
    hint: t.settings.screensHint(app.screens()?.enabled ? app.screens()!.screens.length : null),
    icon: MonitorSmartphone,
  });
  return (
    <div class="pane-column">
      <header class="pane-head">
        <h1>{t.settings.title}</h1>
      </header>
      <div class="pane-scroll">
        <Rows label={t.settings.list} each={sections()} keyOf={(section) => section.key} selected={here()}>
          {(section, tab) => (
            <a
              class="row"
              href={routePath({ at: "settings", section: section.key })}
              tabIndex={tab()}
              data-row={section.key}
              data-testid={`settings-${section.key}`}
              aria-current={here() === section.key ? "page" : undefined}
            >
              <span class="avatar square">
                <section.icon size={20} />
              </span>
              <span class="row-text">
                <span class="row-title">{section.name}</span>
                <span class="row-preview">{section.hint}</span>
              </span>
            </a>
          )}
        </Rows>
      </div>
      <div class="ours">
        <Button look="quiet" onClick={() => setOverlay({ show: "keys" })}>
          {t.settings.showKeys} <kbd>Ctrl /</kbd>
        </Button>
      </div>
    </div>
  );
}

export function SettingsPane(props: { section: string | null }): JSX.Element {
  const back = { at: "settings", section: null } as const;
  const wide = createWide();
  return (
    <Switch fallback={<Empty icon={SettingsIcon} text={t.settings.title} />}>
      <Match when={(props.section ?? (wide() ? firstSection : null)) === "profile"}>
        <Page title={t.settings.profile} back={back}>
          <Profile />
        </Page>
      </Match>
      <Match when={props.section === "appearance"}>
        <Page title={t.settings.appearance} back={back}>
          <Appearance />
        </Page>
      </Match>
      <Match when={props.section === "password"}>
        <Page title={t.settings.password} back={back}>
          <SetPassword />
        </Page>
      </Match>
      <Match when={props.section === "accounts"}>
        <Page title={t.accounts.title} back={back}>
          <AccountInvitations />
        </Page>
      </Match>
      <Match when={props.section === "screens"}>
        <Page title={t.settings.screens} back={back}>
          <ScreensSettings />
        </Page>
      </Match>
      <Match when={props.section === "recovery"}>
        <Page title={t.recovery.title} back={back}>
          <RecoverySettings />
        </Page>
      </Match>
      <Match when={props.section === "history"}>
        <Page title={t.history.title} back={back}>
          <HistorySettings />
        </Page>
      </Match>
      <Match when={props.section === "devices"}>
        <Page title={t.devices.title} back={back}>
          <DevicesSettings />
        </Page>
      </Match>
      <Match when={props.section === "home"}>
        <Page title={t.moving.title} back={back}>
          <HomeSettings />
        </Page>
      </Match>
      <Match when={props.section === "device"}>
        <Page title={t.settings.device} back={back}>
          <Device />
        </Page>
      </Match>
      <Match when={props.section === "visibility"}>
        <Page title={t.visibility.title} back={back}>
          <VisibilityChoice />
        </Page>
      </Match>
      <Match when={props.section === "safety"}>
        <Page title={t.settings.safety} back={back}>
          <Safety />
        </Page>
      </Match>
    </Switch>
  );
}

function Page(props: {
  title: string;
  back: { at: "settings"; section: null };
  children: JSX.Element;
}): JSX.Element {
  return (
    <div class="pane-body">
      <PaneHead title={props.title} back={props.back} />
      <div class="pane-scroll page">{props.children}</div>
    </div>
  );
}

function Profile(): JSX.Element {
  const app = useApp();
  const me = () => app.status()?.me;
  const keyed = keyedDeeds();
  const [name, setName] = createSignal(me()?.displayName ?? "");
  async function rename(event: SubmitEvent) {
    event.preventDefault();
    const displayName = name().trim();
    await keyed.attempt(async (password) => {
      const renamed = await app.call("account.rename", {
        displayName,
        ...(password === undefined ? {} : { password }),
      });
      const status = app.status();
      if (status) app.setStatus({ ...status, me: renamed });
      say({ level: "done", text: t.common.saved });
    });
  }
  return (
    <>
      <form class="card stack" onSubmit={(event) => void rename(event)}>
        <Field
          label={t.settings.displayName}
          hint={t.settings.displayNameHint}
          value={name()}
          maxLength={64}
          onType={setName}
          wide
          testid="display-name"
        >
          <Button
            type="submit"
            look="primary"
            disabled={name().trim() === "" || name().trim() === me()?.displayName}
          >
            {t.common.save}
          </Button>
        </Field>
      </form>
      <section class="card">
        <Facts>
          <Fact name={t.settings.address}>
            <span class="with-copy">
              <span data-testid="my-address">{me()?.address}</span>
              <Copy look="icon" text={me()?.address ?? ""} label={t.common.copy} />
            </span>
          </Fact>
          <Fact name={t.settings.account}>
            <Fingerprint of={me()?.account ?? ""} />
          </Fact>
        </Facts>
      </section>
      <keyed.Dialog />
    </>
  );
}

function Appearance(): JSX.Element {
  return (
    <fieldset class="card choices">
      <legend>{t.settings.theme}</legend>
      <For each={themes}>
        {(one) => (
          <label class="choice">
            <input
              type="radio"
              name="theme"
              value={one}
              checked={theme() === one}
              data-testid={`theme-${one}`}
              onChange={() => setTheme(one)}
            />
            <span class="swatch" data-swatch={one} aria-hidden="true" />
            {t.settings.themes[one]}
          </label>
        )}
      </For>
    </fieldset>
  );
}

function SetPassword(): JSX.Element {
  const app = useApp();
  const has = () => app.status()?.me?.hasPassword ?? false;
  const [password, setPassword] = createSignal("");
  const [suggested, setSuggested] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [cause, setCause] = createSignal<Cause | null>(null);
  const isSuggested = () => suggested() !== "" && suggested() === password();
  const keyed = keyedDeeds();
  async function suggest() {
    const answer = await app.ask("account.suggestPassphrase", {});
    if (!answer) return;
    setSuggested(answer.passphrase);
    setPassword(answer.passphrase);
  }
  async function keep(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setCause(null);
    const wanted = password();
    await keyed.attempt(async (present) => {
      await app.call("account.setPassword", {
        password: wanted,
        ...(present === undefined ? {} : { present }),
      });
      const status = app.status();
      if (status?.me) app.setStatus({ ...status, me: { ...status.me, hasPassword: true } });
      say({ level: "done", text: t.settings.passwordKept });
      setPassword("");
      setSuggested("");
    }, setCause);
    setBusy(false);
  }
  return (
    <>
      <form class="card stack" onSubmit={(event) => void keep(event)}>
        <p class="prose">{t.settings.passwordLead}</p>
        <Password
          label={t.settings.newPassword}
          value={password()}
          onType={setPassword}
          shown={isSuggested()}
          hint={isSuggested() ? t.firstRun.suggested : undefined}
          autocomplete="new-password"
          testid="new-password"
        />
        <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
        <div class="actions">
          <Button type="submit" look="primary" busy={busy()} disabled={password() === ""}>
            {has() ? t.settings.changePassword : t.settings.setPassword}
          </Button>
          <Button icon={RefreshCw} onClick={() => void suggest()}>
            {suggested() === "" ? t.firstRun.suggest : t.firstRun.another}
          </Button>
          <Show when={isSuggested()}>
            <Copy text={suggested()} label={t.common.copy} />
          </Show>
        </div>
      </form>
      <keyed.Dialog />
    </>
  );
}

function Device(): JSX.Element {
  const app = useApp();
  return (
    <Show when={app.status()}>
      {(status) => (
        <>
          <section class="card stack">
            <h2>{t.settings.reach}</h2>
            <ReachLine reach={status().reach} />
            <Show when={status().homeserver.cause}>{(cause) => <CauseText cause={cause()} />}</Show>
          </section>
          <section class="card">
            <Facts>
              <Fact name={t.settings.deviceName}>{status().me?.deviceName}</Fact>
              <Fact name={t.settings.deviceId}>
                <code>{status().me?.deviceId}</code>
              </Fact>
              <Fact name={t.settings.created}>{fullDate(status().me?.createdAt ?? 0)}</Fact>
              <Fact name={t.settings.server}>{status().homeserver.name}</Fact>
              <Fact name={t.settings.connection}>
                {t.settings.connections[status().homeserver.connection]}
              </Fact>
              <Fact name={t.servers.addresses}>
                <For each={status().homeserver.addresses} fallback={t.common.none}>
                  {(address) => (
                    <span class="address">
                      {hostPort(address)} <span class="muted">({t.servers.kind[address.kind]})</span>
                    </span>
                  )}
                </For>
              </Fact>
              <Show when={app.inBrowser}>
                {(own) => (
                  <Fact name={t.inBrowser.kept} testid="kept-here">
                    {keptWords(own().isKept())}
                    <Show when={own().isKept() === false}>
                      <div class="actions">
                        <AskToKeep own={own()} />
                      </div>
                    </Show>
                  </Fact>
                )}
              </Show>
              <Fact name={t.settings.version}>{status().homeserver.version}</Fact>
              <Fact name={t.settings.serverKey}>
                <Fingerprint of={status().homeserver.serverId} />
              </Fact>
            </Facts>
          </section>
        </>
      )}
    </Show>
  );
}

function keptWords(isKept: boolean | null): string {
  if (isKept === null) return t.inBrowser.notAsked;
  return isKept ? t.inBrowser.isKept : t.inBrowser.mayGo;
}

function Safety(): JSX.Element {
  const app = useApp();
  const blockedServers = () => app.servers.all().filter((server) => server.trust === "blocked");
  async function unblock(account: string) {
    if (await app.ask("contacts.unblock", { account })) app.blocked.remove(account);
  }
  async function unblockServer(serverId: string) {
    const free = await app.ask("servers.unblock", { serverId });
    if (free) app.servers.put(free);
  }
  return (
    <>
      <section class="card">
        <p class="prose">{t.settings.safetyLead}</p>
      </section>
      <section class="card stack">
        <h2>{t.settings.blockedPeople}</h2>
        <ul class="plain-list">
          <For each={app.blocked.all()} fallback={<li class="muted">{t.settings.nobody}</li>}>
            {(one) => (
              <li>
                <span dir="auto">{one.displayName}</span>
                <Button onClick={() => void unblock(one.account)}>{t.about.unblock}</Button>
              </li>
            )}
          </For>
        </ul>
      </section>
      <section class="card stack">
        <h2>{t.settings.blockedServers}</h2>
        <ul class="plain-list">
          <For each={blockedServers()} fallback={<li class="muted">{t.settings.noServer}</li>}>
            {(server) => (
              <li>
                <span dir="auto">{server.shownName}</span>
                <Button onClick={() => void unblockServer(server.serverId)}>{t.servers.unblock}</Button>
              </li>
            )}
          </For>
        </ul>
      </section>
    </>
  );
}
