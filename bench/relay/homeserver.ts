/** A homeserver by itself: `node homeserver.ts FOLDER NAME`. Says who it is on one line, ends on SIGTERM. */
import { startHomeserver } from "@fedchat/homeserver/node";
import { nodeRandom } from "@fedchat/protocol/node";

const [folder, name] = process.argv.slice(2) as [string, string];
const token = nodeRandom.bytes(32);
const warn = (message: string, fields?: Record<string, unknown>) =>
  console.error(name, message, fields ?? "");

const running = await startHomeserver({
  dataDir: folder,
  name,
  host: "127.0.0.1",
  port: 0,
  portIsDefault: false,
  addresses: [],
  accept: "ask",
  listed: [],
  registration: "invited",
  tls: undefined,
  localToken: token,
  log: { debug() {}, info() {}, warn, error: warn },
});
console.log(
  JSON.stringify({
    id: running.homeserver.serverId,
    port: running.port,
    token: Buffer.from(token).toString("hex"),
  }),
);
process.once("SIGTERM", () => void running.close().then(() => process.exit(0)));
