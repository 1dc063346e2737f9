/**
 * Which hosts only a local network knows, by how they are written. Names say little: what they resolve to is judged
 * likewise where they are dialled. [L25]
 */

/** Loopback, RFC 1918, RFC 3927, RFC 6598, and `0.0.0.0`, which many systems take for themselves. */
const privateV4 =
  /^(0\.|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;
/** RFC 4291 §2.5.2 and §2.5.3, RFC 4193, RFC 4291 §2.5.6, RFC 3879. */
const privateV6 = /^(::[0-9a-f]{0,4}$|f[cd][0-9a-f]{2}:|fe[89a-f][0-9a-f]:)/;
/** IPv4 inside IPv6: RFC 4291 §2.5.5, RFC 6052 §2.1, RFC 3056 §2. */
const v4InV6 = /^(?:::(?:ffff:)?|64:ff9b::|2002:)([0-9a-f]{1,4}):([0-9a-f]{1,4})(?:$|:)/;
/** RFC 6761, RFC 6762, RFC 8375, and what home routers hand out. */
const privateName = /(^|\.)(localhost|local|lan|home|internal|intranet|corp|private|home\.arpa)$/;

/** As whoever dials understands it: `0x7f.1` is `127.0.0.1`. Undefined where it is no host at all. */
function canonical(host: string): string | undefined {
  const bracketed = host.includes(":") ? `[${host}]` : host;
  return URL.parse(`http://${bracketed}/`)?.hostname.replaceAll(/^\[|\]$/g, "");
}

const isV4 = (host: string): boolean => /^\d+\.\d+\.\d+\.\d+$/.test(host);

/** Whether it is an address, not a name. */
export function isAddress(host: string): boolean {
  const read = canonical(host);
  return read !== undefined && (read.includes(":") || isV4(read));
}

/** Whether two hosts are written differently at most: `2001:DB8::1` and `2001:db8:0::1`, `::ffff:203.0.113.7` and `203.0.113.7`. */
export function isSameHost(a: string, b: string): boolean {
  const read = unmapped(a);
  return read !== undefined && read === unmapped(b);
}

/** Of an IPv4 address inside IPv6 (RFC 4291 §2.5.5.2) that address. */
function unmapped(host: string): string | undefined {
  const read = canonical(host);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(read ?? "") ?? [];
  return high === undefined || low === undefined ? read : v4Of(high, low);
}

/** @param high the first two bytes, in hexadecimal */
function v4Of(high: string, low: string): string {
  const [first, second] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [first >> 8, first & 255, second >> 8, second & 255].join(".");
}

/** An IPv4 address in a form that hides what it is. */
export function isDisguised(host: string): boolean {
  const read = canonical(host);
  return read === undefined || (isV4(read) && read !== host);
}

/** Of the very machine that dials (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopbackHost(host: string): boolean {
  const read = unmapped(host);
  return read !== undefined && (read === "::1" || (isV4(read) && read.startsWith("127.")));
}

/** Of somebody's own network. A name of one label counts: no other network knows it. */
export function isPrivateHost(host: string): boolean {
  const read = canonical(host)?.replace(/\.$/, "");
  if (read === undefined) return true;
  if (isV4(read)) return privateV4.test(read);
  if (!read.includes(":")) return !read.includes(".") || privateName.test(read);
  const inside = v4InV6.exec(read);
  if (inside === null) return privateV6.test(read);
  return privateV4.test(v4Of(inside[1]!, inside[2]!));
}
