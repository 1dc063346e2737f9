/** Trust by mutual link: a function of who has linked whom. [L13] */
import type { LinkRow } from "../../store/store.ts";
import type { Trust } from "../seams.ts";

export function trustOf(row: LinkRow): Trust {
  if (row.blocked) return "blocked";
  if (row.linkedByUs) return row.linkedByThem ? "mutual" : "outgoing";
  return row.linkedByThem ? "incoming" : "none";
}
