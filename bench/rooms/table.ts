/** The figures for people: a table in Markdown. */
import type { StepBytes, StepCosts } from "./plain.ts";

/** Milliseconds: on the wall, and of each process's processor time. */
export interface Step {
  ms: number;
  alice: number;
  hub: number;
  other: number;
  bob: number;
}

export interface Figures {
  members: number;
  steps: { add: Step; remove: Step; send: Step };
  plain: StepCosts;
  room: StepCosts;
  bytes: StepBytes;
}

const heads = [
  ...[
    "members",
    "step",
    "ms",
    "Alice's engine",
    "her homeserver, the hub",
    "Bob's homeserver",
    "Bob's engine",
  ],
  ...["MLS made / received", "with the room's state", "engine / MLS", "bytes"],
];

export function table(all: readonly Figures[]): string {
  const rows = all.flatMap(({ members, steps, plain, room, bytes }) =>
    (["add", "remove", "send"] as const).map((step) => {
      const { ms, alice, hub, other, bob } = steps[step];
      const received = `${step}Received` as const;
      const overhead = (alice + bob) / (plain[step] + plain[received]);
      const size = {
        add: `${bytes.commitAdd} + info ${bytes.info} + Welcome ${bytes.welcome}`,
        remove: `${bytes.commitRemove} + info ${bytes.info}`,
        send: `${bytes.message}`,
      }[step];
      return [
        ...[members, step, ms, alice, hub, other, bob].map(shown),
        `${shown(plain[step])} / ${shown(plain[received])}`,
        `${shown(room[step])} / ${shown(room[received])}`,
        `${shown(overhead)}×`,
        size,
      ];
    }),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---:")), ...rows.map(line)].join("\n");
}

function shown(value: number | string): string {
  return typeof value === "string" ? value : String(Number(value.toPrecision(3)));
}
