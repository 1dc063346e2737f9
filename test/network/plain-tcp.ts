/** Who reaches whom in a lab, by TCP alone: one host says its name to whoever dials, another tells what it hears. */
import { once } from "node:events";
import type { LabHost } from "../harness/lab-host.ts";

export const namePort = 7_000;

const sayName = `
  const server = require("node:net").createServer((socket) => socket.on("error", () => {}).end(process.argv[1]));
  server.listen(${namePort}, () => console.log("listening"));`;

/** Resolves when it listens; it ends with the lab. */
export async function saysItsName(host: LabHost): Promise<void> {
  const child = host.spawn([process.execPath, "-e", sayName, host.name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
}

/** The name that is said at an address; undefined where nobody answers within two seconds. */
export async function nameHeard(from: LabHost, address: string): Promise<string | undefined> {
  const dial = `exec 3<>/dev/tcp/${address}/${namePort} && cat <&3`;
  const child = from.spawn(["timeout", "2", "bash", "-c", dial], { stdio: ["ignore", "pipe", "ignore"] });
  let heard = "";
  child.stdout!.on("data", (chunk: Buffer) => (heard += chunk.toString()));
  await once(child, "close");
  return heard === "" ? undefined : heard;
}
