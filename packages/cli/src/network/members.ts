/** The members of a trial network: a name, a folder and two ports each, written as ordinary configurations. */
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { z } from "zod";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { ensureDataFolder, readIfThere, writeOwnerFile } from "../owner-files.ts";

export interface NetworkMember {
  name: string;
  data: string;
  port: number;
  screenPort: number;
}

const names = (
  "alice bob carol dave erin frank grace heidi ivan judy kim leo mallory nina oscar peggy quinn rupert sybil trent " +
  "ursula victor wendy xavier yvonne zoe"
).split(" ");

const firstPort = 9_440;
const portsMax = 2_000;

const written = z.object({ port: z.int(), screen: z.object({ port: z.int() }) });

/** Members that were written before keep their ports, so that a network can be run again; others get free ones. */
export async function planMembers(folder: string, count: number): Promise<NetworkMember[]> {
  const members: NetworkMember[] = [];
  const taken = new Set<number>();
  const known = names
    .slice(0, count)
    .map((name) => ({ name, data: join(folder, name), ports: portsIn(join(folder, name)) }));
  for (const { ports } of known) for (const port of ports ?? []) taken.add(port);
  for (const { name, data, ports } of known) {
    const [port, screenPort] = ports ?? [await freePort(taken), await freePort(taken)];
    members.push({ name, data, port, screenPort });
  }
  return members;
}

export function writeMembers(members: readonly NetworkMember[]): void {
  for (const { name, data, port, screenPort } of members) {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const path = join(data, "fedchat.toml");
    if (readIfThere(path) !== undefined) continue;
    ensureDataFolder(data);
    const settings = {
      name,
      host: "127.0.0.1",
      port,
      addresses: [`127.0.0.1:${port} lan`],
      // A trial is nobody else's business.
      nearby: false,
      screen: { port: screenPort, open: false },
    };
    writeOwnerFile(path, `# One of a trial network on this machine.\n${stringify(settings)}\n`);
  }
}

function portsIn(data: string): [number, number] | undefined {
  const text = readIfThere(join(data, "fedchat.toml"));
  if (text === undefined) return undefined;
  const read = written.safeParse(parse(text));
  if (read.success) return [read.data.port, read.data.screen.port];
  const sentence = `${join(data, "fedchat.toml")} has no port and screen.port.`;
  throw new CommandError(exitCodes.usage, sentence, "Choose another --dir, or set both.");
}

async function freePort(taken: Set<number>): Promise<number> {
  for (let port = firstPort; port < firstPort + portsMax; port++) {
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new CommandError(
    exitCodes.failed,
    `No port from ${firstPort} to ${firstPort + portsMax - 1} is free.`,
  );
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
