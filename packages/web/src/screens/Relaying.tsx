/** What this server does for others: for whom it passes messages on, what each choice means, and what it holds now. */
import type { Relaying, RelaysFor } from "@fedchat/engine/interface";
import { createSignal, For, Show, type JSX } from "solid-js";
import { networkPollMs } from "../limits.ts";
import { PaneHead } from "../parts/PaneHead.tsx";
import { Fact, Facts } from "../parts/Small.tsx";
import { useApp } from "../state/context.ts";
import { createPolled, type Polled } from "../state/polled.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { size } from "../text/size.ts";

const choices: RelaysFor[] = ["nobody", "linked", "anyone"];

export function RelayingPage(): JSX.Element {
  return (
    <div class="pane-body" data-testid="relaying">
      <PaneHead title={t.relaying.title} back={{ at: "servers", serverId: null }} />
      <div class="pane-scroll page">
        <p class="prose">{t.relaying.lead}</p>
        <OwnRelaying />
      </div>
    </div>
  );
}

/** The choice and what is held now; on the page of its own and on the network's map. */
export function OwnRelaying(): JSX.Element {
  const app = useApp();
  const polled = createPolled(() => app.call("servers.relaying", {}), networkPollMs);
  const now = () => polled() ?? app.status()?.homeserver.relaying ?? undefined;
  return (
    <Show when={now()}>
      {(relaying) => (
        <>
          <Choice relaying={relaying()} polled={polled} />
          <section class="card stack">
            <h2>{t.relaying.now}</h2>
            <Facts>
              <Fact name={t.relaying.passing} testid="relaying-circuits">
                {t.relaying.circuits(relaying().circuits)}
              </Fact>
              <Fact name={t.relaying.kept} testid="relaying-kept">
                <span title={t.relaying.keptHint}>{t.relaying.bundles(relaying().custodyBundles)}</span>
              </Fact>
              <Fact name={t.relaying.room} testid="relaying-room">
                <span class="room-line">
                  <meter
                    min="0"
                    max={Math.max(1, relaying().custodyBytesMax)}
                    value={relaying().custodyBytes}
                    aria-label={t.relaying.room}
                  />
                  {t.relaying.roomUsed(size(relaying().custodyBytes), size(relaying().custodyBytesMax))}
                </span>
              </Fact>
            </Facts>
          </section>
        </>
      )}
    </Show>
  );
}

function Choice(props: { relaying: Relaying; polled: Polled<Relaying> }): JSX.Element {
  const app = useApp();
  const administrator = () => app.status()?.homeserver.administrator ?? false;
  /** What was chosen and is not confirmed yet. */
  const [chosen, setChosen] = createSignal<RelaysFor | null>(null);
  const held = () => chosen() ?? props.relaying.relaysFor;

  async function choose(relaysFor: RelaysFor) {
    setChosen(relaysFor);
    const relaying = await app.ask("servers.setRelaying", { relaysFor });
    if (relaying) {
      props.polled.put(relaying);
      say({ level: "done", text: t.common.saved });
    }
    setChosen(null);
  }

  return (
    <fieldset class="card choices lines" disabled={!administrator()}>
      <legend>{t.relaying.legend}</legend>
      <For each={choices}>
        {(choice) => (
          <label class="choice">
            <input
              type="radio"
              name="relaying"
              value={choice}
              checked={held() === choice}
              data-testid={`relaying-${choice}`}
              onChange={() => void choose(choice)}
            />
            <span>
              <strong>{t.relaying.names[choice]}</strong>
              <span class="muted">{t.relaying.means[choice]}</span>
            </span>
          </label>
        )}
      </For>
      <Show when={!administrator()}>
        <p class="muted">{t.relaying.others}</p>
      </Show>
    </fieldset>
  );
}
