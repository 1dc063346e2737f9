/** Settings: how far the history stands in the archive at the homeserver, and the history as files of one's own. */
import type { Cause } from "@fedchat/engine/interface";
import Download from "lucide-solid/icons/download";
import Upload from "lucide-solid/icons/upload";
import { createSignal, Show, type JSX } from "solid-js";
import { archivePollMs } from "../limits.ts";
import { Button } from "../parts/Button.tsx";
import { CauseText, Fact, Facts } from "../parts/Small.tsx";
import { causeOf } from "../state/app.ts";
import { useApp } from "../state/context.ts";
import { exportedHistory, importHistory } from "../state/history-files.ts";
import { createPolled } from "../state/polled.ts";
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";
import { size } from "../text/size.ts";
import { fullDate } from "../text/time.ts";

export function HistorySettings(): JSX.Element {
  return (
    <>
      <Archive />
      <Files />
    </>
  );
}

function Archive(): JSX.Element {
  const app = useApp();
  const archive = createPolled(() => app.call("archive.state", {}), archivePollMs);
  return (
    <section class="card stack">
      <h2>{t.history.archive}</h2>
      <p class="prose">{t.history.archiveLead}</p>
      <Show when={archive()}>
        {(now) => (
          <>
            <Facts>
              <Fact name={t.history.upTo}>
                <span data-testid="archive-standing">
                  {now().waiting === 0 ? t.history.everything : t.history.waiting(now().waiting)}
                </span>
              </Fact>
              <Fact name={t.history.newest}>
                {now().newestAt === null ? t.common.none : fullDate(now().newestAt!)}
              </Fact>
              <Fact name={t.history.space}>
                {now().bytesMax === 0
                  ? size(now().bytes)
                  : t.history.ofSize(size(now().bytes), size(now().bytesMax))}
              </Fact>
            </Facts>
            <Show when={now().cause}>{(cause) => <CauseText cause={cause()} />}</Show>
          </>
        )}
      </Show>
    </section>
  );
}

const noHistory: Cause = {
  code: "bad-history",
  sentence: t.history.noHistory,
  fix: t.history.noHistoryFix,
  retry: "never",
};

function Files(): JSX.Element {
  const app = useApp();
  const [busy, setBusy] = createSignal<"export" | "import" | null>(null);
  const [progress, setProgress] = createSignal("");
  const [cause, setCause] = createSignal<Cause | null>(null);
  let chosen!: HTMLInputElement;

  async function during(what: "export" | "import", work: () => Promise<void>) {
    setBusy(what);
    setCause(null);
    try {
      await work();
    } catch (error) {
      setCause(causeOf(error));
    }
    setProgress("");
    setBusy(null);
  }

  const save = () =>
    during("export", async () => {
      const told = (done: number, of: number) => setProgress(t.history.exporting(done, of));
      const file = await exportedHistory(app, told);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = t.history.fileName;
      link.click();
      // The browser has taken it over by then.
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });

  const take = (file: File) =>
    during("import", async () => {
      const taken = await importHistory(app, file);
      if (taken === undefined) setCause(noHistory);
      else say({ level: "done", text: t.history.imported(taken.added, taken.known) });
    });

  return (
    <section class="card stack">
      <h2>{t.history.files}</h2>
      <p class="prose">{t.history.filesLead}</p>
      <div class="actions">
        <Button
          icon={Download}
          busy={busy() === "export"}
          disabled={busy() !== null}
          onClick={() => void save()}
          testid="export-history"
        >
          {t.history.export}
        </Button>
        <Button
          icon={Upload}
          busy={busy() === "import"}
          disabled={busy() !== null}
          onClick={() => chosen.click()}
          testid="import-history"
        >
          {t.history.import}
        </Button>
        <input
          ref={chosen}
          type="file"
          accept=".jsonl"
          class="hidden"
          tabIndex={-1}
          aria-hidden="true"
          data-testid="import-file"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            event.currentTarget.value = "";
            if (file) void take(file);
          }}
        />
      </div>
      <p class="muted" role="status">
        {progress()}
      </p>
      <Show when={cause()}>{(why) => <CauseText cause={why()} level="danger" />}</Show>
      <p class="muted">{t.history.unsealed}</p>
    </section>
  );
}
