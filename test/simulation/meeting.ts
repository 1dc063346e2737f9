/**
 * How two people of a simulation become contacts: by a request where their homeservers are linked, by finding the other
 * among the people one hop beyond, or by an invitation, which links their homeservers mutually however far apart.
 */
import type { SeededRandom } from "../../packages/homeserver/test/virtual/seeded-random.ts";
import type { Simulation } from "./simulate.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { Pair } from "./topology.ts";
import { linksOf, pairKey } from "./topology.ts";
import { marker } from "./marker.ts";

export type Meeting =
  /** A request of one, or requests of both that cross. */
  | { by: "request"; crossed: boolean }
  /** The second is shown one hop beyond; the first searches, and asks. */
  | { by: "search" }
  /** Made by the first, used by the second. */
  | { by: "invitation" };

const lookEveryMs = 300;
const searchEveryMs = 2_000;

/** People with engines, and who of them stay strangers: in every other seed one pair that is not linked. */
export function drawPairs({ devices, links }: Simulation, chance: SeededRandom): [Pair[], Pair[]] {
  const all = linksOf(
    "mesh",
    devices.map(({ name }) => name),
  );
  const linked = new Set(links.map((pair) => pairKey(...pair)));
  const far = all.filter((pair) => !linked.has(pairKey(...pair)));
  const strangers = far.length > 0 && chance.chance(0.5) ? [chance.pick(far)] : [];
  return [all.filter((pair) => !strangers.includes(pair)), strangers];
}

/** As the seed says, within what their places allow; whoever has strangers is not shown to them. */
export async function showBeyond(
  { devices, acquaintance }: Simulation,
  strangers: readonly Pair[],
  chance: SeededRandom,
): Promise<void> {
  for (const device of devices) {
    const hides = strangers.some((pair) => pair.includes(device.name));
    if (!chance.chance(0.6) || hides) continue;
    acquaintance.showBeyond(device.name);
    await device.call("people.setVisibility", { visibility: "beyond" });
  }
}

export function meetingOf({ acquaintance, links }: Simulation, pair: Pair, chance: SeededRandom): Meeting {
  const [a, b] = pair;
  const linked = links.some((link) => link.includes(a) && link.includes(b));
  if (linked) return { by: "request", crossed: chance.chance(0.3) };
  return acquaintance.isShownBeyond(b) && acquaintance.areOneHopApart(a, b)
    ? { by: "search" }
    : { by: "invitation" };
}

/** Resolves when both have their conversation. Absent: the only two people, by one's request. */
export async function becomeContacts(
  simulation: Simulation,
  pair: Pair = simulation.links[0]!,
  meeting: Meeting = { by: "request", crossed: false },
): Promise<void> {
  const [one, other] = [simulation.device(pair[0]), simulation.device(pair[1])];
  simulation.acquaintance.acquaint(...pair);
  if (meeting.by === "search") await search(simulation, one, other);
  else if (meeting.by === "invitation") await invite(simulation, one, other);
  else await Promise.all([ask(one, other), ...(meeting.crossed ? [ask(other, one)] : [])]);
  await Promise.all([accept(simulation, one, other), accept(simulation, other, one)]);
}

async function ask(from: SimulatedDevice, to: SimulatedDevice): Promise<void> {
  await from.call("requests.send", { who: to.account, text: marker });
}

async function search({ clock }: Simulation, from: SimulatedDevice, to: SimulatedDevice): Promise<void> {
  while (!hasAsked(from, to)) {
    await from.attempt("people.search", { text: to.name });
    // Whoever was found may be out of sight again.
    await from.attempt("requests.send", { who: to.account, text: marker });
    if (!hasAsked(from, to)) await clock.sleep(searchEveryMs);
  }
}

async function invite({ clock, acquaintance }: Simulation, from: SimulatedDevice, to: SimulatedDevice) {
  acquaintance.link(from.name, to.name);
  const { link } = await from.call("invitations.create", {});
  while (!hasAsked(to, from)) {
    await to.attempt("invitations.accept", { link: link! });
    if (!hasAsked(to, from)) await clock.sleep(searchEveryMs);
  }
}

async function accept({ clock }: Simulation, device: SimulatedDevice, peer: SimulatedDevice): Promise<void> {
  while (!hasConversation(device, peer)) {
    const request = device.database.get<{ id: string }>(
      "SELECT id FROM requests WHERE direction = 'incoming' AND state = 'pending' AND account = ?",
      peer.account,
    );
    if (request !== undefined) await device.attempt("requests.accept", { requestId: request.id });
    await clock.sleep(lookEveryMs);
  }
}

/** Whether a request of theirs is on their disk, or more than that. */
function hasAsked({ database }: SimulatedDevice, { account }: SimulatedDevice): boolean {
  const sql = "SELECT 1 AS found FROM requests WHERE account = ? AND state IN ('pending', 'accepted')";
  return database.get(sql, account) !== undefined;
}

function hasConversation({ database }: SimulatedDevice, { account }: SimulatedDevice): boolean {
  const sql = "SELECT 1 AS found FROM rooms WHERE kind = 'pair' AND state = 'open' AND peer = ?";
  return database.get(sql, account) !== undefined;
}
