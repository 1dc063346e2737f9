/**
 * Side by side in one run: round after round, each contender in turn, so that what else the machine does meets all of
 * them alike. A figure is the median of its rounds, a ratio the median of the ratios within the rounds. Beside the time
 * on the wall stands the processor time of all threads, which a busy machine stretches less.
 */

/** Milliseconds that one operation took. */
export interface Taken {
  readonly wall: number;
  readonly cpu: number;
}

/** What one round of one contender took, by operation. */
export type Round = Readonly<Record<string, Taken>>;

export interface Contender {
  readonly name: string;
  round(): Promise<Round>;
}

export interface Measured {
  /** Microseconds an operation. */
  readonly us: number;
  readonly cpuUs: number;
  readonly perSecond: number;
  /** How many times as fast as the first contender; absent for that one. */
  readonly ratio?: number;
  readonly cpuRatio?: number;
}

/** By contender, by operation. */
export type Comparison = Readonly<Record<string, Readonly<Record<string, Measured>>>>;

/**
 * The first contender is what the others are compared with. A quarter as many rounds go before, and do not count: the
 * code is compiled meanwhile.
 */
export async function sideBySide(contenders: readonly Contender[], rounds: number): Promise<Comparison> {
  const taken = contenders.map((): Round[] => []);
  for (let round = -Math.ceil(rounds / 4); round < rounds; round += 1) {
    for (const [at, contender] of contenders.entries()) {
      const one = await contender.round();
      if (round >= 0) taken[at]!.push(one);
    }
  }
  const entries = contenders.map(({ name }, at) => {
    const first = at === 0 ? undefined : taken[0]!;
    const operations = Object.keys(taken[at]![0]!);
    return [name, Object.fromEntries(operations.map((op) => [op, figures(op, taken[at]!, first)]))] as const;
  });
  return Object.fromEntries(entries);
}

function figures(operation: string, rounds: readonly Round[], first: readonly Round[] | undefined): Measured {
  const [wall, cpu] = (["wall", "cpu"] as const).map((clock) =>
    median(rounds.map((round) => round[operation]![clock])),
  ) as [number, number];
  const measured = {
    us: rounded(wall * 1_000),
    cpuUs: rounded(cpu * 1_000),
    perSecond: rounded(1_000 / wall),
  };
  if (first === undefined) return measured;
  const [ratio, cpuRatio] = (["wall", "cpu"] as const).map((clock) =>
    rounded(median(rounds.map((round, n) => first[n]![operation]![clock] / round[operation]![clock]))),
  ) as [number, number];
  return { ...measured, ratio, cpuRatio };
}

/** What each of `operations` takes on average, and what came of them. */
export async function timed<T>(operations: number, run: () => Promise<T>): Promise<readonly [Taken, T]> {
  const [start, cpuStart] = [performance.now(), processorMs()];
  const result = await run();
  const cpu = (processorMs() - cpuStart) / operations;
  return [{ wall: (performance.now() - start) / operations, cpu }, result];
}

/** Not a number in a browser, which does not tell. */
function processorMs(): number {
  if (typeof process === "undefined") return Number.NaN;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Three significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
