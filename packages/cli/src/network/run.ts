/**
 * Runs the members of a trial network as programs of their own, opens an account in each, and links them. Invariant: no
 * program outlives the one that started it (each holds a line to it), whatever ends first.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { linked } from "../commands/servers.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { closeTimeoutMs, linkWaitMs, networkUpTimeoutMs } from "../limits.ts";
import type { NetworkMember } from "./members.ts";

interface RunningMember extends NetworkMember {
  serverId: string;
  pid: number;
}

export interface RunningNetwork extends AsyncDisposable {
  members: RunningMember[];
  /** Rejects with `CommandError` when one program ends by itself. */
  oneEnded: Promise<never>;
}

export async function runNetwork(
  members: readonly NetworkMember[],
  links: readonly [number, number][],
  tell: (line: string) => void,
): Promise<RunningNetwork> {
  await using programs = new AsyncDisposableStack();
  let failOne: (error: Error) => void = () => undefined;
  const oneEnded = new Promise<never>((_resolve, reject) => (failOne = reject));
  oneEnded.catch(() => undefined);
  const children = members.map((member) => {
    const child = startMember(member, failOne);
    programs.defer(() => endMember(child));
    return child;
  });
  using controls = new DisposableStack();
  const up = await Promise.all(
    members.map(async (member) => controls.use(await Promise.race([whenUp(member), oneEnded]))),
  );
  tell(`${members.length} programs run; accounts and links are made.`);
  const infos = await Promise.all(up.map((control) => control.info()));
  await Promise.all(members.map(({ name }, index) => openAccount(up[index]!, name)));
  for (const [from, to] of links) {
    for (const [here, there] of [
      [from, to],
      [to, from],
    ] as const) {
      const target = { host: "127.0.0.1", port: members[there]!.port, serverId: infos[there]!.serverId };
      await linked(up[here]!, target, undefined, linkWaitMs);
    }
  }
  const stack = programs.move();
  return {
    members: members.map((member, index) => ({
      ...member,
      serverId: infos[index]!.serverId,
      pid: children[index]!.pid!,
    })),
    oneEnded,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const entry = fileURLToPath(new URL("../main.ts", import.meta.url));

function startMember({ name, data }: NetworkMember, onFailure: (error: Error) => void): ChildProcess {
  // A group of its own: Ctrl+C reaches this process, which then ends each orderly.
  const child = spawn(process.execPath, [entry, "start", "--data", data, "--no-open", "--json"], {
    cwd: data,
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2_000)));
  child.once("exit", (code) =>
    onFailure(new CommandError(exitCodes.failed, `${name} ended (${code ?? "killed"}).\n${said.trim()}`)),
  );
  return child;
}

async function endMember(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), closeTimeoutMs + 2_000);
  await ended;
  clearTimeout(timer);
}

async function whenUp({ name, data }: NetworkMember): Promise<ControlClient> {
  const giveUpAt = Date.now() + networkUpTimeoutMs;
  for (;;) {
    try {
      return await connectControl(data);
    } catch (cause) {
      if (Date.now() > giveUpAt) {
        throw new CommandError(
          exitCodes.timedOut,
          `${name} did not start in time.`,
          `See ${data}/fedchat.log`,
          { cause },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function openAccount(control: ControlClient, name: string): Promise<void> {
  const { me } = await control.call("engine.status", {});
  if (me !== null) return;
  const displayName = name.charAt(0).toUpperCase() + name.slice(1);
  await control.call("account.create", { displayName, handle: name });
}
