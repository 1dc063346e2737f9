/** `fedchat start` as a person sees it at a terminal: what it says, and what it ends with. */
import { spawn } from "node:child_process";

const main = new URL("../../packages/cli/src/main.ts", import.meta.url).pathname;
const endTimeoutMs = 60_000;

export interface StartAttempt {
  /** 0 where it ran, and was then ended as Ctrl+C would. */
  code: number | null;
  output: string;
  errors: string;
}

/** Starts it, and ends it once it says that it runs; or waits until it gives up by itself. */
export function attemptStart(data: string, ...args: string[]): Promise<StartAttempt> {
  const words = [main, "start", "--no-open", "--host", "127.0.0.1", "--data", data, ...args];
  const variables = Object.entries(process.env).filter(([name]) => !name.startsWith("FEDCHAT_"));
  const child = spawn(process.execPath, words, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...Object.fromEntries(variables), FEDCHAT_NEARBY: "false" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), endTimeoutMs);
  let [output, errors] = ["", ""];
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    child.kill("SIGINT");
  });
  return new Promise((resolve) => {
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output, errors });
    });
  });
}
