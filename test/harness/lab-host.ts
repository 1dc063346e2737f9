/**
 * One machine of a lab: programs run in its network namespace, with the machine's own disk. Its wires can be cut and
 * healed; what runs in it ends with the lab.
 */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { execFileSync, spawn } from "node:child_process";

/** Where a process of ours runs, when not plainly here. */
export interface Place {
  /** Words before its command. They end in an exec: the process that is started is the command itself. */
  readonly prefix: readonly string[];
}

type SetWire = (state: "up" | "down") => void;

export class LabHost implements Place {
  readonly name: string;
  readonly namespace: string;
  readonly prefix: readonly string[];
  readonly #addresses: string[] = [];
  readonly #wires: SetWire[] = [];

  constructor(name: string, namespace: string) {
    this.name = name;
    this.namespace = namespace;
    this.prefix = ["ip", "netns", "exec", namespace];
  }

  /** In the order of its networks. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** In its first network. */
  get address(): string {
    return this.#addresses[0]!;
  }

  /** The lab gave it a leg in one more network. */
  joined(address: string, wire: SetWire): void {
    this.#addresses.push(address);
    this.#wires.push(wire);
  }

  /** Nothing comes in or goes out, and nobody is told. @param network in the order of its networks; absent: all */
  cut(network?: number): void {
    this.#setWires("down", network);
  }

  heal(network?: number): void {
    this.#setWires("up", network);
  }

  /** Runs a program to its end; what it printed. Throws where it fails, or takes longer than ten seconds. */
  run(...words: string[]): string {
    const [program, ...rest] = [...this.prefix, ...words];
    return execFileSync(program!, rest, {
      encoding: "utf8",
      timeout: 10_000,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Starts a program that goes on. */
  spawn(words: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program, ...rest] = [...this.prefix, ...words];
    return spawn(program!, rest, options);
  }

  #setWires(state: "up" | "down", network: number | undefined): void {
    this.#wires.forEach((set, index) => (network === undefined || network === index) && set(state));
  }
}
