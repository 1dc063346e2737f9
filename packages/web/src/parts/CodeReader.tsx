/** Reads somebody's QR code: by camera, from a picture, or as text that was pasted. Pictures stay in the page. */
import Camera from "lucide-solid/icons/camera";
import Image from "lucide-solid/icons/image";
import { createSignal, onCleanup, Show, type JSX } from "solid-js";
import { codeReadEveryMs } from "../limits.ts";
import { t } from "../strings.ts";
import { Button } from "./Button.tsx";
import { Field } from "./Field.tsx";

/** What the code in it says. Loaded when it is needed first: most people never read one. */
async function codeIn(source: ImageBitmapSource): Promise<string | undefined> {
  const { BarcodeDetector } = await import("qr/decode.js");
  const [code] = await new BarcodeDetector({ formats: ["qr_code"] }).detect(source);
  return code?.rawValue;
}

interface CodeReaderProps {
  /** Whose code, where its text may be pasted, too; absent: the text has a place of its own. */
  name?: string;
  /** What the button says that films. */
  scan?: string;
  onCode: (code: string) => void;
}

export function CodeReader(props: CodeReaderProps): JSX.Element {
  const [text, setText] = createSignal("");
  const [problem, setProblem] = createSignal<string | null>(null);
  const [stream, setStream] = createSignal<MediaStream | null>(null);
  const hasCamera = "mediaDevices" in navigator;
  let picture!: HTMLInputElement;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gone = false;

  function stop() {
    clearTimeout(timer);
    for (const track of stream()?.getTracks() ?? []) track.stop();
    setStream(null);
  }
  onCleanup(() => {
    gone = true;
    stop();
  });

  async function film() {
    setProblem(null);
    try {
      const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      setStream(opened);
      if (gone) stop();
    } catch {
      setProblem(t.safety.noCamera);
    }
  }

  async function look(video: HTMLVideoElement) {
    const code = video.readyState < 2 ? undefined : await codeIn(video).catch(() => undefined);
    if (stream() === null) return;
    if (code === undefined) {
      timer = setTimeout(() => void look(video), codeReadEveryMs);
      return;
    }
    stop();
    props.onCode(code);
  }

  function show(video: HTMLVideoElement) {
    video.srcObject = stream();
    void video.play();
    void look(video);
  }

  async function read(file: Blob) {
    setProblem(null);
    try {
      const code = await codeIn(await createImageBitmap(file));
      if (code === undefined) setProblem(t.safety.noCode);
      else props.onCode(code);
    } catch {
      setProblem(t.safety.noCode);
    }
  }

  /** A picture of the code may be pasted as well as its text. */
  function pasted(event: ClipboardEvent) {
    const file = event.clipboardData?.files[0];
    if (!file) return;
    event.preventDefault();
    void read(file);
  }

  return (
    <div class="code-reader" onPaste={pasted}>
      <Show when={stream()}>
        <video ref={show} muted playsinline aria-label={t.safety.filming} />
        <Button onClick={stop}>{t.common.cancel}</Button>
      </Show>
      <Show when={!stream()}>
        <div class="actions">
          <Show when={hasCamera}>
            <Button icon={Camera} testid="scan-code" onClick={() => void film()}>
              {props.scan ?? t.safety.scan}
            </Button>
          </Show>
          <Button icon={Image} onClick={() => picture.click()}>
            {t.safety.picture}
          </Button>
          <input
            type="file"
            accept="image/*"
            class="hidden"
            tabIndex={-1}
            aria-label={t.safety.picture}
            ref={picture}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) void read(file);
            }}
          />
        </div>
      </Show>
      <Show
        when={props.name}
        fallback={<Show when={problem()}>{(said) => <p class="danger-text">{said()}</p>}</Show>}
      >
        {(name) => (
          <form
            class="code-text"
            onSubmit={(event) => {
              event.preventDefault();
              if (text().trim() !== "") props.onCode(text().trim());
            }}
          >
            <Field
              label={t.safety.paste(name())}
              hint={t.safety.pasteHint}
              error={problem()}
              value={text()}
              onType={setText}
              spellcheck={false}
              autocomplete="off"
              mono
              testid="code-text"
            >
              <Button type="submit" disabled={text().trim() === ""} testid="code-check">
                {t.safety.check}
              </Button>
            </Field>
          </form>
        )}
      </Show>
    </div>
  );
}
