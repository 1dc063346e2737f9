/** The command line alone: no screen is open anywhere. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { closeTimeoutMs } from "../../packages/cli/src/limits.ts";
import type { FedchatProcess } from "../harness/fedchat-process.ts";
import { befriend, startFedchat } from "../harness/fedchat-process.ts";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const run = promisify(execFile);

test("`fedchat send @bob hello` on one machine and `fedchat tail --json` on the other", async () => {
  await using alice = await startFedchat({ name: "alice" });
  await using bob = await startFedchat({ name: "bob" });
  await befriend(alice, bob);

  using tail = tailOf(bob);
  await fedchat(alice, "send", "@bob", "hello", "--wait", "delivered");
  const message = await tail.next((line) => line["text"] === "hello");
  expect(message).toMatchObject({ text: "hello", senderName: "Alice", mine: false });

  const status = JSON.parse(await fedchat(bob, "status", "--json")) as { status: { me: { handle: string } } };
  expect(status.status.me.handle).toBe("bob");
  await expect(fedchat(alice, "send", "@nobody", "hello")).rejects.toMatchObject({
    code: expect.any(Number),
  });
});

function fedchat(process_: FedchatProcess, ...args: string[]): Promise<string> {
  return run(process.execPath, [main, ...args, "--data", process_.data]).then(({ stdout }) => stdout);
}

function tailOf(process_: FedchatProcess) {
  const child = spawn(process.execPath, [main, "tail", "--json", "--from", "0", "--data", process_.data], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async next(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error("tail ended");
        const line = JSON.parse(value) as Record<string, unknown>;
        if (wanted(line)) return line;
      }
    },
    [Symbol.dispose]: () => void child.kill(),
  };
}

test("`fedchat network --run` runs several, and one Ctrl+C ends all of them at the same time", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fedchat-network-"));
  const words = [main, "network", "--servers", "3", "--run", "--json", "--dir", folder];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const members = JSON.parse(line) as { name: string; pid: number; data: string }[];
  expect(members.map(({ name }) => name)).toEqual(["alice", "bob", "carol"]);

  const before = performance.now();
  child.kill("SIGINT");
  expect((await ended)[0]).toBe(0);
  // In turn, or each until its patience ends, would be longer.
  expect(performance.now() - before).toBeLessThan(closeTimeoutMs);
  for (const { pid } of members) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  await rm(folder, { recursive: true });
});
