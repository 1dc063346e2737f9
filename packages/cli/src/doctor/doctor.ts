/**
 * The doctor of a program that runs: looks at everything that decides whether others reach it, side by side, each in
 * bounded time, and keeps what it found for whoever asks. Invariant: one examination at a time; what fails inside a
 * check is a finding, never an error of the program.
 */
import type { Examination } from "@fedchat/protocol";
import { limits } from "@fedchat/protocol";
import type { Finding } from "./findings.ts";
import { untestable } from "./findings.ts";

export interface DoctorOptions {
  now: () => number;
  /** A check that failed by our own fault. */
  onError: (error: unknown) => void;
}

export interface Check {
  title: string;
  look(): Promise<Finding | Finding[]>;
}

export class Doctor {
  readonly #checks: () => Check[];
  readonly #options: DoctorOptions;
  #examination: Examination | undefined;

  /** @param checks what is looked at, anew for each examination */
  constructor(checks: () => Check[], options: DoctorOptions) {
    this.#checks = checks;
    this.#options = options;
  }

  /** What was found so far. Begins where nothing was looked at yet, and with `again` unless it goes on. */
  examine(again: boolean): Examination {
    const now = this.#examination;
    if (now === undefined || (again && now.finishedAt !== null)) this.#begin();
    return this.#examination!;
  }

  #begin(): void {
    const startedAt = this.#options.now();
    const checks = this.#checks();
    const results: (Finding[] | undefined)[] = checks.map(() => undefined);
    const show = () => {
      const pending = checks.flatMap(({ title }, index) => (results[index] === undefined ? [title] : []));
      this.#examination = {
        startedAt,
        finishedAt: pending.length === 0 ? this.#options.now() : null,
        findings: results.flatMap((found) => found ?? []).slice(0, limits.findingsMax),
        pending: pending.slice(0, limits.findingsMax),
      };
    };
    show();
    checks.forEach(({ title, look }, index) => {
      const found = (result: Finding | Finding[]) => {
        results[index] = [result].flat();
        show();
      };
      look().then(found, (error: unknown) => {
        this.#options.onError(error);
        const sentence = "The check itself failed; see the log.";
        found(untestable({ check: "internal", title }, { code: "internal", sentence }));
      });
    });
  }
}
