/** Copies to the clipboard; where the browser refuses (a page without TLS on another machine), says so. */
import { say } from "../state/toasts.ts";
import { t } from "../strings.ts";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const cause = { code: "clipboard", sentence: t.common.copyFailed, fix: null, retry: "never" } as const;
    say({ level: "danger", cause });
    return false;
  }
  return true;
}
