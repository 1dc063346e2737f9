/**
 * Reads the configuration once, into one typed object: `fedchat.toml`, overridden by FEDCHAT_… variables, overridden
 * by flags. Remembers where each value came from. An unknown key is an error that names the nearest known one.
 */
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { CommandError, exitCodes } from "../exit-codes.ts";
import type { Config, ConfigKey, Environment } from "./schema.ts";
import { configKeys, configSchema, defaults, fromText, isConfigKey } from "./schema.ts";
import { commandName } from "../terminal/command-name.ts";
import { nearest } from "./text-forms.ts";

export interface LoadedConfig {
  config: Config;
  /** As written, and who wrote it: `default`, `FEDCHAT_PORT`, `--port`, or the file's path. */
  origins: Record<ConfigKey, { value: unknown; from: string }>;
  /** The file that was read. */
  file: string | undefined;
  /** Whether the key was left to its default. */
  isDefault(key: ConfigKey): boolean;
}

/** What flags say; a flag that was not given is absent or undefined. */
export type ConfigFlags = Partial<Record<ConfigKey, string | boolean | undefined>> & {
  config?: string | undefined;
};

type Written = Partial<Record<ConfigKey, { value: unknown; from: string }>>;

/** Throws `CommandError` (usage) with everything that is wrong. */
export function loadConfig(flags: ConfigFlags, environment: Environment): LoadedConfig {
  const base = fromDefaults(environment);
  const variables = fromVariables(environment);
  const given = fromFlags(flags, environment);
  const file = findFile(flags.config, { ...variables, ...given }.data?.value, base.data!.value, environment);
  const written: Written = {
    ...base,
    ...(file === undefined ? {} : fromFile(file)),
    ...variables,
    ...given,
  };
  const values = Object.fromEntries(Object.entries(written).map(([key, { value }]) => [key, value]));
  const checked = configSchema.safeParse(values);
  if (!checked.success) {
    const lines = checked.error.issues.map(({ path, message }) => {
      const key = String(path[0] ?? "");
      const from = isConfigKey(key) ? written[key]?.from : undefined;
      return `${key}: ${message}${from === undefined ? "" : ` (${from})`}`;
    });
    throw new CommandError(
      exitCodes.usage,
      lines.join("\n"),
      `Every setting with an example: ${commandName} config --keys`,
    );
  }
  const origins = Object.fromEntries(
    configKeys.map((key) => [key, written[key] ?? { value: undefined, from: "default" }]),
  ) as LoadedConfig["origins"];
  return { config: checked.data, origins, file, isDefault: (key) => origins[key].from === "default" };
}

function fromDefaults(environment: Environment): Written {
  const written: Written = {};
  for (const [key, value] of Object.entries(defaults(environment))) {
    written[key as ConfigKey] = { value, from: "default" };
  }
  return written;
}

export const variableOf = (key: ConfigKey): string => `FEDCHAT_${key.replaceAll(".", "_").toUpperCase()}`;

function fromVariables({ variables, workingFolder }: Environment): Written {
  const known = new Map(configKeys.map((key) => [variableOf(key), key]));
  const written: Written = {};
  for (const [variable, text] of Object.entries(variables)) {
    if (!variable.startsWith("FEDCHAT_") || text === undefined) continue;
    const key = known.get(variable);
    if (key === undefined) {
      const suggestion = nearest(variable, [...known.keys()]);
      throw new CommandError(
        exitCodes.usage,
        `There is no setting ${variable}.`,
        `Did you mean ${suggestion}?`,
      );
    }
    written[key] = { value: rooted(key, fromText(key, text), workingFolder), from: variable };
  }
  return written;
}

function fromFlags(flags: ConfigFlags, { workingFolder }: Environment): Written {
  const written: Written = {};
  for (const [key, value] of Object.entries(flags)) {
    if (!isConfigKey(key) || value === undefined) continue;
    const read = typeof value === "string" ? fromText(key, value) : value;
    written[key] = { value: rooted(key, read, workingFolder), from: `--${key.replaceAll(/[._]/g, "-")}` };
  }
  return written;
}

/** --config; beside the data where a data folder was named; ./fedchat.toml; in the default data folder. */
function findFile(
  named: string | undefined,
  dataNamed: unknown,
  dataDefault: unknown,
  { workingFolder }: Environment,
): string | undefined {
  if (named !== undefined) return resolve(workingFolder, named);
  const places = [
    ...(typeof dataNamed === "string" ? [join(dataNamed, "fedchat.toml")] : []),
    join(workingFolder, "fedchat.toml"),
    ...(dataNamed === undefined ? [join(String(dataDefault), "fedchat.toml")] : []),
  ];
  return places.find((place) => readText(place) !== undefined);
}

function fromFile(path: string): Written {
  const text = readText(path);
  if (text === undefined) throw new CommandError(exitCodes.usage, `There is no configuration file ${path}.`);
  const written: Written = {};
  for (const [key, value] of flat(parseToml(path, text))) {
    if (!isConfigKey(key)) {
      const suggestion = nearest(key, configKeys);
      throw new CommandError(
        exitCodes.usage,
        `${path}: there is no setting '${key}'.`,
        `Did you mean '${suggestion}'?`,
      );
    }
    written[key] = { value: rooted(key, value, dirname(path)), from: path };
  }
  return written;
}

function parseToml(path: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new CommandError(exitCodes.usage, `${path}, line ${error.line}: ${error.message.split("\n")[0]}`);
  }
}

/** Tables become dotted keys. */
function flat(table: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(table).flatMap(([name, value]): [string, unknown][] => {
    const key = prefix + name;
    const isTable =
      typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
    return isTable ? flat(value as Record<string, unknown>, `${key}.`) : [[key, value]];
  });
}

/** Paths are relative to the file that names them, else to the working folder. */
function rooted(key: ConfigKey, value: unknown, folder: string): unknown {
  const isPath = key === "data" || key === "tls.cert" || key === "tls.key";
  return isPath && typeof value === "string" && value !== "" && !isAbsolute(value)
    ? resolve(folder, value)
    : value;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code === "ENOENT" ||
      (error as NodeJS.ErrnoException).code === "ENOTDIR"
    ) {
      return undefined;
    }
    throw new CommandError(exitCodes.usage, `${path} cannot be read.`, "Check the file's permissions.", {
      cause: error,
    });
  }
}
