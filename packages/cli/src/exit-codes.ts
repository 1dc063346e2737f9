/** What the command's exit code means, and the one error that carries it. Scripts rely on these: none changes its meaning. */

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  refused: 4,
  timedOut: 5,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes

  0  done
  1  failed
  2  the command line or the configuration is not right
  3  FedChat is not running for this data folder
  4  refused: by the other side, or because it is not allowed; trying again does not help
  5  timed out: it may still happen

Example
  fedchat send @bob "hello" --wait delivered --timeout 20s || echo "code $?"`;

/** A foreseen failure of a command: what happened, and one thing to do about it. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly fix: string | undefined;

  constructor(exitCode: ExitCode, sentence: string, fix?: string | null, options?: ErrorOptions) {
    super(sentence, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.fix = fix ?? undefined;
  }
}
