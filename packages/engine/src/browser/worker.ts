/**
 * The engine's dedicated worker in a browser: opens the engine on this origin's files and serves the windows of the
 * origin. Keys and plaintext live here and in the windows; the homeserver is met at its client interface only, over a
 * WebSocket of this origin with the encrypted channel inside. One at a time: the window that starts it holds the lock.
 */
import "./jitless.ts";
import { sodiumPrimitives } from "@fedchat/mls";
import type { ServerId } from "@fedchat/protocol";
import { accountRecord, clientPath } from "@fedchat/protocol";
import { browserClock, browserRandom, dialBrowserSocket } from "@fedchat/protocol/browser";
import { noblePrimitives } from "@fedchat/protocol/primitives/noble";
import { vouchesFor } from "../core/credentials.ts";
import type { Engine } from "../core/engine.ts";
import { openEngine } from "../core/engine.ts";
import { silentLog } from "../core/log.ts";
import { MlsRoomCrypto } from "../mls/mls-room.ts";
import { serenityOpaque } from "../opaque-serenity.ts";
import type { Database } from "../store/database.ts";
import { StoreFullError, StoreUnusableError } from "../store/database.ts";
import { migrate } from "../store/schema.ts";
import type { Calling, EngineStart, FromWorker } from "./rendezvous.ts";
import { callsChannel } from "./rendezvous.ts";
import { serveScreens } from "./serve-screens.ts";
import { openBrowserDatabase } from "./sqlite-database.ts";
import { isStoreThere } from "./sqlite-module.ts";

/** A worker's own scope, in which messages go to the window that started it. */
const window = self as unknown as { postMessage(message: FromWorker): void };
/** In the origin's private file system. */
const storeDirectory = "fedchat-engine";
/**
 * A browser's WebSocket cannot ping, and says nothing of a connection that died silently. A request that is not answered
 * does, so one is made this often: below the idle time-outs of common proxies.
 */
const askEveryMs = 45_000;

/** How often it is looked whether the browser has deleted the store: a person who writes into nothing learns it soon. */
const lookEveryMs = 3_000;

// What nobody foresaw ends this worker, as it would end a process: its window starts another one.
const crash = (error: unknown) =>
  setTimeout(() => {
    throw error;
  });
addEventListener("unhandledrejection", ({ reason }) => crash(reason));
addEventListener("message", ({ data }: MessageEvent<EngineStart>) => void run(data), { once: true });
window.postMessage("loaded");

async function run(start: EngineStart): Promise<void> {
  try {
    const engine = await open(start);
    setInterval(() => engine.call("servers.relaying", {}).catch(() => undefined), askEveryMs);
    serveScreens(engine, silentLog);
    const calls = new BroadcastChannel(callsChannel);
    setInterval(() => void tellIfDeleted(calls), lookEveryMs);
  } catch (error) {
    if (!(error instanceof StoreUnusableError || error instanceof StoreFullError)) throw error;
    serveScreens(error.message, silentLog);
  }
  window.postMessage("serving");
}

async function open({ server, deviceName }: EngineStart): Promise<Engine> {
  const groups = new MlsRoomCrypto({
    primitives: await sodiumPrimitives(),
    protocolPrimitives: noblePrimitives,
    random: browserRandom,
    clock: browserClock,
    vouches: vouchesFor(noblePrimitives),
  });
  const database = await openBrowserDatabase(storeDirectory);
  return openEngine({
    database,
    homeserver: {
      connect: () => dialBrowserSocket(`wss://${self.location.host}${clientPath}`),
      server: { id: homeserverOf(database) ?? server, noiseKey: undefined },
    },
    // Our homeserver has another key: the next worker goes on with that one.
    onMoved: () => crash(new Error("this engine belongs to another key of its homeserver now")),
    groups,
    opaque: serenityOpaque,
    clock: browserClock,
    random: browserRandom,
    primitives: noblePrimitives,
    registrationToken: undefined,
    deviceName,
    log: silentLog,
  });
}

/**
 * A browser that deletes a site's data does so under an engine that runs: its handles stay open, on files that are no more,
 * and it would go on as if it kept what it is told. [J7]
 */
async function tellIfDeleted(calls: BroadcastChannel): Promise<void> {
  if (!(await isStoreThere(storeDirectory))) calls.postMessage({ kind: "deleted" } satisfies Calling);
}

/** The homeserver of the account that is kept here: whoever else answers at this origin is not talked to. [J4] */
function homeserverOf(database: Database): ServerId | undefined {
  migrate(database);
  const kept = database.get<{ record: Uint8Array }>("SELECT record FROM identity WHERE state = 'open'");
  return kept && accountRecord.open(noblePrimitives, kept.record).server;
}
