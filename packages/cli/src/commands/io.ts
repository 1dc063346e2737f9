/** What a command touches of the world: streams, variables, and how it talks to people and to scripts. */
import type { Readable, Writable } from "node:stream";
import type { ConfigFlags, LoadedConfig } from "../config/load.ts";
import { loadConfig } from "../config/load.ts";
import type { Environment } from "../config/schema.ts";
import type { ControlClient } from "../control/client.ts";
import { connectControl } from "../control/client.ts";
import { commandName, quoted } from "../terminal/command-name.ts";
import type { Style } from "../terminal/style.ts";
import { styleFor } from "../terminal/style.ts";

export interface Streams {
  input: Readable & { isTTY?: boolean };
  output: Writable & { isTTY?: boolean };
  errors: Writable & { isTTY?: boolean };
}

export class Io {
  readonly streams: Streams;
  readonly environment: Environment;
  readonly style: Style;
  /** The data folder, for commands that are to be typed next; empty while it is the default. */
  #suffix = "";

  constructor(streams: Streams, environment: Environment) {
    this.streams = streams;
    this.environment = environment;
    this.style = styleFor(streams.output, environment.variables);
  }

  /** A result, on standard output. What others wrote must have been cleaned. */
  print(text: string): void {
    this.streams.output.write(`${text}\n`);
  }

  /** A result for a script: one line, or indented where it is a whole document. */
  printJson(value: unknown, indent?: number): void {
    this.print(JSON.stringify(value, undefined, indent));
  }

  /** Beside the result, for people, on standard error. */
  note(text: string): void {
    this.streams.errors.write(`${text}\n`);
  }

  config(flags: ConfigFlags): LoadedConfig {
    const loaded = loadConfig(flags, this.environment);
    this.#suffix = loaded.isDefault("data") ? "" : ` --data ${quoted(loaded.config.data)}`;
    return loaded;
  }

  /** Another command for this person to type: by the name that this one has, for the same data folder. */
  command(words: string): string {
    return `${commandName} ${words}${this.#suffix}`;
  }

  /** Connected to the program that runs for this data folder. Rejects with `CommandError` (not running). */
  control(flags: ConfigFlags): Promise<ControlClient> {
    const { data } = this.config(flags).config;
    return connectControl(data, this.command("start"));
  }
}
