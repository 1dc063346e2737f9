/** An engine of a homeserver elsewhere in this process, with its control socket and no screen, while `work` lasts. */
import type { LoadedConfig } from "../config/load.ts";
import { startControl } from "../control/server.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { dataFiles } from "../owner-files.ts";
import { clientInfo, startClientEngine } from "./client-box.ts";
import type { FoundHomeserver } from "./find-homeserver.ts";
import { openLog } from "./log.ts";
import { startFailure } from "./start-failure.ts";

export interface EngineAloneOptions {
  loaded: LoadedConfig;
  homeserver: FoundHomeserver;
  warn(line: string): void;
}

/** Rejects with what `work` rejects with, or with `CommandError` where the engine does not start or dies. */
export async function withEngineAlone(options: EngineAloneOptions, work: () => Promise<void>): Promise<void> {
  const { loaded, homeserver } = options;
  const { data, "log.level": level } = loaded.config;
  using log = openLog(dataFiles(data).log, level, options.warn);
  let die = (_error: Error): void => undefined;
  const died = new Promise<never>((_, reject) => (die = reject));
  const startedAt = Date.now();
  await using engine = await startClientEngine({
    loaded,
    log,
    homeserver,
    onCrash: (error) => die(error),
  }).catch(async (error: unknown) => {
    throw await startFailure(error);
  });
  const info = clientInfo(data, homeserver.place, startedAt, null);
  const host = { info: () => info, open: () => undefined };
  await using _control = await startControl({ data, host, engine, log });
  const crash = died.catch((cause: unknown) => {
    const sentence = `FedChat cannot go on: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CommandError(exitCodes.failed, sentence, `Details are in ${info.log}`, { cause });
  });
  await Promise.race([work(), crash]);
}
