/**
 * The programs of a trial network. Invariant: none outlives the one that started it: each holds a line to it, all are
 * ended together, and what still runs when this process ends is killed (everything acknowledged is on disk).
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { closeTimeoutMs, networkSaidCharactersMax } from "../limits.ts";
import type { NetworkMember } from "./members.ts";

export class Programs implements AsyncDisposable {
  /** Rejects with `CommandError` when one ends by itself: which one, why, and one thing to do. */
  readonly oneEnded: Promise<never>;
  readonly #children: ChildProcess[] = [];
  readonly #killAll = (): void => {
    for (const child of this.#children) child.kill("SIGKILL");
  };
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.oneEnded = new Promise((_resolve, reject) => (this.#fail = reject));
    // Whoever waits for something races it; afterwards nobody need.
    this.oneEnded.catch(() => undefined);
    process.once("exit", this.#killAll);
  }

  start(member: NetworkMember): ChildProcess {
    // A group of its own: Ctrl+C reaches this process, which then ends all.
    const child = spawn(process.execPath, [entry, "start", "--data", member.data, "--no-open", "--json"], {
      cwd: member.data,
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#children.push(child);
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-networkSaidCharactersMax);
    });
    child.once("close", (code, signal) => this.#fail(failureOf(member, code ?? signal, said)));
    child.once("error", (error) => this.#fail(error));
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(endOrderly));
    process.off("exit", this.#killAll);
  }
}

const entry = fileURLToPath(new URL("../main.ts", import.meta.url));

async function endOrderly(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), closeTimeoutMs + 2_000);
  await ended;
  clearTimeout(timer);
}

/** The last thing that it said is its failure, in the form that `--json` gives it. */
export function failureOf(
  { name, data }: NetworkMember,
  ended: number | string | null,
  said: string,
): CommandError {
  const log = join(data, "fedchat.log");
  const { sentence, fix } = lastFailure(said) ?? {};
  if (sentence === undefined)
    return new CommandError(exitCodes.failed, `${name} ended (${ended}).`, `See why in ${log}`);
  const place = `The settings of ${name} are in ${join(data, "fedchat.toml")}`;
  return new CommandError(
    exitCodes.failed,
    `${name} cannot run: ${sentence}`,
    fix === undefined ? place : `${fix} ${place}`,
  );
}

function lastFailure(said: string): { sentence?: string; fix?: string } | undefined {
  for (const line of said.trim().split("\n").reverse()) {
    try {
      const { error } = JSON.parse(line) as { error?: { sentence?: string; fix?: string } };
      if (error !== undefined) return error;
    } catch {
      // A warning of the log, for people.
    }
  }
  return undefined;
}
