/** A program of ours in the foreground, whatever it is made of: locked, logged, announced, and stopped by Ctrl+C. */
import openInBrowser from "open";
import type { LoadedConfig } from "../config/load.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import type { HostInfo, HostOpen } from "../control/host-methods.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import type { Box, BoxSurroundings } from "../host/box.ts";
import { tryLock } from "../host/lock.ts";
import { openLog } from "../host/log.ts";
import { startFailure } from "../host/start-failure.ts";
import { stopSignals } from "../host/stop-signals.ts";
import { closeTimeoutMs, startingWaitMs } from "../limits.ts";
import { dataFiles, ensureDataFolder } from "../owner-files.ts";
import { version } from "../version.ts";
import type { Io } from "./io.ts";

export interface Foreground {
  /** No engine and no screen are among it. */
  headless: boolean;
  /** For scripts: one line about it. */
  json: boolean;
  start(surroundings: BoxSurroundings): Promise<Box>;
  /** What people are told once it runs. @param way into the screen that is just being opened */
  summary(info: HostInfo, way: HostOpen | undefined): string;
}

/** Runs it until it is stopped, or shows the one that runs already. Rejects with `CommandError`. */
export async function runProgram(io: Io, loaded: LoadedConfig, program: Foreground): Promise<void> {
  const { config } = loaded;
  ensureDataFolder(config.data);
  const paths = dataFiles(config.data);
  using lock = tryLock(paths.lock);
  if (lock === undefined) return alreadyRunning(io, loaded, program);

  using log = openLog(paths.log, config["log.level"], (line) => io.note(io.style.warn(line)));
  const signals = stopSignals();
  let crash: Error | undefined;
  const onCrash = (error: Error) => {
    crash = error;
    signals.stop();
  };
  const onProgress = (sentence: string) => io.note(io.style.dim(sentence));
  const box = await program.start({ loaded, log, onProgress, onCrash }).catch(async (error: unknown) => {
    const failure = await startFailure(error);
    log.info("could not start", {
      reason: failure.message,
      stack: error instanceof Error ? error.stack : undefined,
    });
    throw failure;
  });
  log.info("started", { version, pid: process.pid, port: box.info().port, headless: program.headless });
  await announce(io, loaded, box, program);
  await signals.stopped;
  if (!program.json) io.note(io.style.dim("Stopping. Press Ctrl+C again to end at once."));
  setTimeout(() => process.exit(exitCodes.failed), closeTimeoutMs).unref();
  await box[Symbol.asyncDispose]();
  log.info("stopped");
  if (crash !== undefined) {
    const sentence = `FedChat cannot go on: ${crash.message}`;
    throw new CommandError(
      exitCodes.failed,
      sentence,
      `Nothing was lost. Start again; details are in ${paths.log}`,
    );
  }
}

async function announce(io: Io, loaded: LoadedConfig, box: Box, { json, summary }: Foreground) {
  const info = box.info();
  const way = loaded.config["screen.open"] && !json ? wayIn(io, box) : undefined;
  if (json) io.printJson(info);
  else io.print(summary(info, way));
  if (way !== undefined) await browse(way);
}

/** Undefined on a full disk, which keeps nothing else from running. */
function wayIn(io: Io, box: Box): HostOpen | undefined {
  try {
    return box.open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    io.note(io.style.warn(`The screen was not opened: ${reason}`));
    return undefined;
  }
}

async function alreadyRunning(io: Io, { config }: LoadedConfig, { headless, json }: Foreground) {
  using control = await whenAnswering(config.data);
  const info = await control.info();
  if (headless || !info.engine) {
    throw new CommandError(
      exitCodes.failed,
      `FedChat already runs for ${config.data} (process ${info.pid}).`,
      `Look at it: ${io.command("status")}; or choose another folder with --data.`,
    );
  }
  if (json) return io.printJson(info);
  if (!config["screen.open"])
    return io.print(`FedChat already runs: ${info.screen}\nTo open it: ${io.command("open")}`);
  const way = await control.open();
  await browse(way);
  io.print(`FedChat already runs: ${way.address}\nIf no browser opened, open this file: ${way.path}`);
}

/** The other program may just be starting. */
async function whenAnswering(data: string): Promise<ControlClient> {
  const giveUpAt = Date.now() + startingWaitMs;
  for (;;) {
    try {
      return await connectControl(data);
    } catch (cause) {
      if (Date.now() > giveUpAt) {
        const sentence = `Another FedChat holds ${data}, but does not answer.`;
        throw new CommandError(exitCodes.failed, sentence, "Wait a moment, or end that process.", { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** The browser is given a file's name, never the token. A machine without a browser is no failure: the path is printed. */
export async function browse({ path }: HostOpen): Promise<void> {
  try {
    const browser = await openInBrowser(path);
    browser.on("error", () => undefined);
  } catch {
    // Said by whoever prints the path.
  }
}
