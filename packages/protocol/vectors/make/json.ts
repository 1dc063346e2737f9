/** How values stand in the vectors: byte strings as `{"hex": …}`, identifiers as their text, the rest as itself. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

export function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([name, field]) => [name, toJson(field)]));
  }
  return value as Json;
}

export function fromJson(json: Json): unknown {
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== "object" || json === null) return json;
  const names = Object.keys(json);
  if (names.length === 1 && names[0] === "hex") return fromHex(json["hex"] as string);
  return Object.fromEntries(Object.entries(json).map(([name, field]) => [name, fromJson(field)]));
}
