/** The router of this machine, by the kernel's table of routes. Linux only: elsewhere it is not told without a program. */
import { readFileSync } from "node:fs";
import { endianness } from "node:os";

const tablePath = "/proc/net/route";

/** Its IPv4 address; undefined where there is none, or where it cannot be known. */
export function defaultGateway(): string | undefined {
  try {
    return gatewayIn(readFileSync(tablePath, "utf8"));
  } catch {
    return undefined;
  }
}

/** @param table as in `/proc/net/route`: addresses in hexadecimal, in the machine's order of bytes */
export function gatewayIn(table: string, order = endianness()): string | undefined {
  const routes = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, gateway = ""]) => destination === "00000000" && /^[0-9A-F]{8}$/i.test(gateway))
    .map(([, , gateway, , , , metric]) => ({ gateway: gateway!, metric: Number(metric) }))
    .filter(({ gateway }) => gateway !== "00000000")
    .toSorted((a, b) => a.metric - b.metric);
  if (routes.length === 0) return undefined;
  const bytes = [...Buffer.from(routes[0]!.gateway, "hex")];
  return (order === "LE" ? bytes.toReversed() : bytes).join(".");
}
