/** The worker thread's entry: opens the engine on its SQLite file and serves the main thread. */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import { ProtocolError } from "@fedchat/protocol";
import type { ByteChannel } from "@fedchat/protocol";
import { clientPath } from "@fedchat/protocol";
import { dialWebSocket, messagePortChannel, nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { MessageChannel, parentPort, workerData } from "node:worker_threads";
import { causeOf } from "../core/causes.ts";
import { vouchesFor } from "../core/credentials.ts";
import type { Engine } from "../core/engine.ts";
import { openEngine } from "../core/engine.ts";
import { EngineError } from "../core/engine-error.ts";
import type { Log } from "../core/log.ts";
import { MlsRoomCrypto } from "../mls/mls-room.ts";
import { serenityOpaque } from "../opaque-serenity.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";
import type { EngineWorkerData, FromWorker, ToWorker } from "./worker-messages.ts";

const main = parentPort!;
const options = workerData as EngineWorkerData;
const tell = (message: FromWorker, ports: MessageChannel["port1"][] = []) => main.postMessage(message, ports);

const log: Log = {
  debug: (message, fields = {}) => tell({ kind: "log", level: "debug", message, fields }),
  info: (message, fields = {}) => tell({ kind: "log", level: "info", message, fields }),
  warn: (message, fields = {}) => tell({ kind: "log", level: "warn", message, fields }),
};

/** A new carrier to the homeserver: a port of this process, or a WebSocket to another machine. */
function connect(): Promise<ByteChannel> {
  if (options.address !== undefined) return dialWebSocket(options.address, clientPath);
  const { port1, port2 } = new MessageChannel();
  tell({ kind: "connect", port: port1 }, [port1]);
  return Promise.resolve(messagePortChannel(port2));
}

async function run(): Promise<void> {
  const groups = new MlsRoomCrypto({
    primitives: withNativeSodium(nodeMlsPrimitives(await sodiumPrimitives())),
    protocolPrimitives: nodePrimitives,
    random: nodeRandom,
    clock: nodeClock,
    vouches: vouchesFor(nodePrimitives),
  });
  const open = (): Engine => {
    const opened = openEngine({
      database: openSqliteDatabase(options.databasePath),
      homeserver: { connect, server: options.server, address: options.address },
      elsewhere: (address) => dialWebSocket(address, clientPath),
      onMoved({ server, address }) {
        if (address !== undefined) tell({ kind: "moved", place: { server, ...address } });
        present = reopen();
      },
      groups,
      opaque: serenityOpaque,
      clock: nodeClock,
      random: nodeRandom,
      primitives: nodePrimitives,
      registrationToken: options.registrationToken,
      deviceName: options.deviceName,
      ...(options.takeoverAfterMs === undefined ? {} : { takeoverAfterMs: options.takeoverAfterMs }),
      log,
    });
    opened.onEvent((event) => tell({ kind: "event", event }));
    return opened;
  };
  let engine = open();
  /** What is asked meanwhile waits: the engine is closed, and opened anew on its store. */
  let present: Promise<void> | undefined;
  const reopen = async (): Promise<void> => {
    await engine[Symbol.asyncDispose]();
    engine = open();
    present = undefined;
  };
  main.on("message", (message: ToWorker) => {
    if (message.kind === "close") {
      void (present ?? Promise.resolve()).then(async () => {
        await engine[Symbol.asyncDispose]();
        tell({ kind: "closed" });
        main.close();
      });
      return;
    }
    const { id, method, params } = message;
    const asked =
      present === undefined
        ? engine.call(method, params as never)
        : present.then(() => engine.call(method, params as never));
    asked.then(
      (result) => tell({ kind: "result", id, result }),
      (error: unknown) => {
        if (!(error instanceof ProtocolError || error instanceof EngineError))
          log.warn("a call failed", { method, error: String(error) });
        tell({ kind: "error", id, cause: causeOf(error) });
      },
    );
  });
  tell({ kind: "ready" });
}

run().catch((error: unknown) => {
  tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  main.close();
});
