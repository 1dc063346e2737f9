/**
 * What a screen has to know where its engine lives in this very browser: whose homeserver served it, the invitation that
 * led here, and whether the browser may delete what is kept. Invariant: an invitation's secret leaves the address bar
 * and the history before anything else happens.
 */
import {
  openBrowserEngine,
  parseAccountFragment,
  wellKnownPath,
  type ServerId,
} from "@fedchat/engine/browser";
import { createSignal } from "solid-js";
import { wellKnownWaitMs } from "../limits.ts";
import type { RpcPorts } from "../rpc.ts";
import { windowPorts } from "../rpc.ts";
import { deviceName } from "../text/device-name.ts";
import { rememberAgain } from "./lived-here.ts";

export interface InBrowser {
  /** Where this page comes from, as people type it. */
  host: string;
  /** What stood behind the `#` of the link that led here; null where it was none. */
  invitation(): string | null;
  /** Whether the browser promised to keep what FedChat keeps; null where it was not asked yet, or cannot say. */
  isKept(): boolean | null;
  /** Asks for that promise, and answers whether it was given; browsers decide by themselves, or ask the person. */
  askToKeep(): Promise<boolean>;
}

export interface OwnEngine {
  inBrowser: InBrowser;
  ports: RpcPorts;
  /** Why there is no engine, in words for people; null while there is none of that. */
  failure(): string | null;
}

export function openOwnEngine(place: Location, past: History): OwnEngine {
  const [failure, setFailure] = createSignal<string | null>(missing());
  const [invitation, setInvitation] = createSignal(takeInvitation(place, past));
  const [isKept, setKept] = createSignal<boolean | null>(null);
  // Another link opened in this tab differs in its fragment only, so that no browser loads the page anew.
  addEventListener("hashchange", () => setInvitation(takeInvitation(place, past) ?? invitation()));
  if (failure() !== null)
    return { inBrowser: unable(place), ports: { ...windowPorts, connect: never }, failure };

  const server = findServer(invitation());
  const engine = openBrowserEngine({
    startWorker: () =>
      new Worker(new URL("../engine-worker.ts", import.meta.url), { type: "module", name: "engine" }),
    start: async () => ({ server: await server, deviceName: deviceName(navigator.userAgent) }),
    onFailed: setFailure,
    onDeleted() {
      rememberAgain();
      place.reload();
    },
  });
  void navigator.storage.persisted().then(setKept);
  return {
    failure,
    ports: { ...windowPorts, connect: () => engine.connect() },
    inBrowser: {
      host: place.host,
      invitation,
      isKept,
      askToKeep: async () => setKept(await navigator.storage.persist()),
    },
  };
}

/** What the engine cannot do without; null where it is there. */
function missing(): string | null {
  const has =
    isSecureContext &&
    "locks" in navigator &&
    "BroadcastChannel" in globalThis &&
    typeof navigator.storage?.getDirectory === "function";
  return has ? null : noStore;
}

const noStore =
  "This browser cannot keep what FedChat needs. Use a current one, in an ordinary window and over https.";

const never = (): never => {
  throw new Error("assertion: without an engine nobody connects");
};

const unable = ({ host }: Location): InBrowser => ({
  host,
  invitation: () => null,
  isKept: () => null,
  askToKeep: async () => false,
});

function takeInvitation(place: Location, past: History): string | null {
  const fragment = place.hash.slice(1);
  if (fragment !== "") past.replaceState(null, "", place.pathname + place.search);
  return parseAccountFragment(fragment)?.token === undefined ? null : fragment;
}

/** The homeserver of the link, else who serves this page. Trust: that page is this code's own origin. */
async function findServer(invitation: string | null): Promise<ServerId> {
  const invited = invitation === null ? undefined : parseAccountFragment(invitation);
  if (invited !== undefined) return invited.server;
  for (;;) {
    try {
      const answer = await fetch(wellKnownPath, { cache: "no-store" });
      const { serverId } = (await answer.json()) as { serverId: string };
      const found = parseAccountFragment(serverId);
      if (found !== undefined) return found.server;
    } catch {
      // Offline: asked again.
    }
    await new Promise((resolve) => setTimeout(resolve, wellKnownWaitMs));
  }
}
