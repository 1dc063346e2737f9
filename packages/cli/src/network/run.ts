/** Runs the members of a trial network as programs of their own, opens an account in each, and links them. */
import { because } from "../commands/describe.ts";
import { linked } from "../commands/servers.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { tryLock } from "../host/lock.ts";
import { linkWaitMs, networkPollMs, networkUpTimeoutMs } from "../limits.ts";
import { dataFiles, ensureDataFolder } from "../owner-files.ts";
import { commandName } from "../terminal/command-name.ts";
import type { NetworkMember } from "./members.ts";
import { Programs } from "./programs.ts";

interface RunningMember extends NetworkMember {
  serverId: string;
  pid: number;
}

export interface RunningNetwork extends AsyncDisposable {
  members: RunningMember[];
  /** Rejects with `CommandError` when one program ends by itself. */
  oneEnded: Promise<never>;
}

/**
 * Undefined where it was stopped before all were up. Rejects with `CommandError` where one cannot run; the others have
 * ended then.
 */
export async function runNetwork(
  members: readonly NetworkMember[],
  links: readonly [number, number][],
  { tell, stopped }: { tell: (line: string) => void; stopped: Promise<void> },
): Promise<RunningNetwork | undefined> {
  for (const member of members) await assertFree(member);
  await using started = new AsyncDisposableStack();
  const programs = started.use(new Programs());
  const leaving = new AbortController();
  started.defer(() => leaving.abort());
  const children = members.map((member) => programs.start(member));
  const serverIds = await Promise.race([
    bringUp(members, links, tell, leaving.signal),
    programs.oneEnded,
    stopped.then(() => undefined),
  ]);
  if (serverIds === undefined) return undefined;
  const running = started.move();
  return {
    members: members.map((member, index) => ({
      ...member,
      serverId: serverIds[index]!,
      pid: children[index]!.pid!,
    })),
    oneEnded: programs.oneEnded,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Rejects with `CommandError` where another program holds the member's folder. */
async function assertFree({ name, data }: NetworkMember): Promise<void> {
  ensureDataFolder(data);
  const lock = tryLock(dataFiles(data).lock);
  if (lock !== undefined) return lock[Symbol.dispose]();
  const process_ = await connectControl(data).then(
    async (control) => {
      using connected = control;
      return ` (process ${(await connected.info()).pid})`;
    },
    () => "",
  );
  const sentence = `${name} already runs${process_}.`;
  throw new CommandError(exitCodes.failed, sentence, "End it where it was started, or choose another --dir.");
}

/** Resolves with the servers' ids. */
async function bringUp(
  members: readonly NetworkMember[],
  links: readonly [number, number][],
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  using controls = new DisposableStack();
  const up = await Promise.all(members.map(async (member) => controls.use(await whenUp(member, signal))));
  tell(`${members.length} programs run; accounts and links are made.`);
  const infos = await Promise.all(up.map((control) => control.info()));
  await Promise.all(members.map(({ name }, index) => openAccount(up[index]!, name)));
  for (const [from, to] of links) {
    for (const [here, there] of [
      [from, to],
      [to, from],
    ] as const) {
      const target = { host: "127.0.0.1", port: members[there]!.port, serverId: infos[there]!.serverId };
      const { state, cause } = await linked(up[here]!, target, undefined, linkWaitMs);
      signal.throwIfAborted();
      if (state !== "connected")
        tell(`${members[here]!.name} has not reached ${members[there]!.name} yet. ${because(cause)}`.trim());
    }
  }
  return infos.map(({ serverId }) => serverId);
}

async function whenUp({ name, data }: NetworkMember, signal: AbortSignal): Promise<ControlClient> {
  const giveUpAt = Date.now() + networkUpTimeoutMs;
  for (;;) {
    try {
      return await connectControl(data);
    } catch (cause) {
      signal.throwIfAborted();
      if (Date.now() > giveUpAt) {
        throw new CommandError(
          exitCodes.timedOut,
          `${name} did not start within ${networkUpTimeoutMs / 1_000} seconds.`,
          `See why in ${dataFiles(data).log}, or start it alone: ${commandName} start --data ${data}`,
          { cause },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, networkPollMs));
    }
  }
}

async function openAccount(control: ControlClient, name: string): Promise<void> {
  const { me } = await control.call("engine.status", {});
  if (me !== null) return;
  const displayName = name.charAt(0).toUpperCase() + name.slice(1);
  await control.call("account.create", { displayName, handle: name });
}
