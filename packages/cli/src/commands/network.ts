/** `fedchat network`: folders for, or a run of, several linked homeservers on this machine, to try federation alone. */
import type { Command } from "commander";
import { Option } from "commander";
import { resolve } from "node:path";
import { formatAddress } from "../config/text-forms.ts";
import { stopSignals } from "../host/stop-signals.ts";
import { networkServersMax } from "../limits.ts";
import type { NetworkMember } from "../network/members.ts";
import { planMembers, writeMembers } from "../network/members.ts";
import type { Topology } from "../network/topology.ts";
import { linksOf, topologies } from "../network/topology.ts";
import { runNetwork } from "../network/run.ts";
import { screenFiles } from "../screen/build.ts";
import { columns } from "../terminal/style.ts";
import { define, numberOption } from "./define.ts";
import type { Io } from "./io.ts";
import { commandName } from "../terminal/command-name.ts";

interface NetworkFlags {
  servers: number;
  dir: string;
  topology: Topology;
  run?: boolean;
  json?: boolean;
}

export function addNetwork(program: Command, io: Io): void {
  define(program, {
    usage: "network",
    summary: "write configurations for several homeservers on this machine; --run runs and links them",
    example:
      "fedchat network --servers 3 --run\nfedchat network --servers 5 --topology star --dir /tmp/net --run",
  })
    .addOption(numberOption("--servers <n>", "how many", 1, networkServersMax).default(3))
    .option("--dir <folder>", "where their data folders are made", "fedchat-network")
    .addOption(new Option("--topology <shape>", "who links whom").choices(topologies).default("mesh"))
    .option("--run", "run them until Ctrl+C, and link them")
    .action(async (flags: NetworkFlags) => {
      const folder = resolve(io.environment.workingFolder, flags.dir);
      const members = await planMembers(folder, flags.servers);
      writeMembers(members);
      if (!flags.run) {
        if (flags.json) return io.printJson(members, 2);
        io.print(columns(members.map((member) => row(member, io))));
        io.print(
          `\nRun one:  ${commandName} start --data ${members[0]!.data}\nRun all:  ${commandName} network --servers ${flags.servers} --dir ${flags.dir} --run`,
        );
        return;
      }
      await run(io, flags, members);
    });
}

async function run(io: Io, flags: NetworkFlags, members: readonly NetworkMember[]): Promise<void> {
  const { stopped } = stopSignals();
  const say = (line: string) => io.note(io.style.dim(line));
  void stopped.then(() => say("Stopping. Press Ctrl+C again to end at once."));
  // Built once here, rather than waited for by each.
  const built = screenFiles(() => say("The screen is built first; this takes some seconds."));
  const isStopped = await Promise.race([built.then(() => false), stopped.then(() => true)]);
  if (isStopped) return;
  await using running = await runNetwork(members, linksOf(flags.topology, members.length), {
    tell: say,
    stopped,
  });
  if (running === undefined) return;
  if (flags.json) io.printJson(running.members);
  else {
    io.print(
      columns(
        running.members.map((member) => [...row(member, io), io.style.dim(member.serverId.slice(0, 8))]),
      ),
    );
    io.print(`\nOpen one:  ${commandName} open --data ${members[0]!.data}\nEnd all:   Ctrl+C`);
  }
  await Promise.race([stopped, running.oneEnded]);
}

function row({ name, port, screenPort, data }: NetworkMember, { style }: Io): string[] {
  return [
    style.bold(name),
    formatAddress({ host: "127.0.0.1", port }),
    style.accent(`http://127.0.0.1:${screenPort}`),
    style.dim(data),
  ];
}
