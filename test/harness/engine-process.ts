/**
 * An engine alone in a process, so that a test can kill it and its homeserver apart.
 * Arguments: own data folder, the homeserver's data folder (for its registration token), server id, port.
 */
import { silentLog, startEngineWorker } from "@fedchat/engine/node";
import { serverId } from "@fedchat/protocol";
import { join } from "node:path";
import { startControl } from "../../packages/cli/src/control/server.ts";
import type { HostInfo } from "../../packages/cli/src/control/host-methods.ts";
import { registrationToken, registrationTokenBytes } from "../../packages/cli/src/host/registration-token.ts";
import { dataFiles } from "../../packages/cli/src/owner-files.ts";

const [data, homeserverData, id, port] = process.argv.slice(2) as [string, string, string, string];

const engine = await startEngineWorker({
  databasePath: join(data, "engine.db"),
  server: { id: serverId.parse(id)!, noiseKey: undefined },
  homeserver: { host: "127.0.0.1", port: Number(port) },
  registrationToken: registrationTokenBytes(registrationToken(dataFiles(homeserverData).registrationToken)),
  deviceName: "test",
  log: silentLog,
  onCrash: (error) => {
    throw error;
  },
});
const info: HostInfo = {
  version: "test",
  pid: process.pid,
  data,
  log: "",
  startedAt: Date.now(),
  serverId: id,
  name: "",
  host: "127.0.0.1",
  port: Number(port),
  addresses: [],
  screen: null,
  engine: true,
};
await startControl({ data, engine, log: silentLog, host: { info: () => info, open: () => undefined } });
console.log(JSON.stringify(info));
