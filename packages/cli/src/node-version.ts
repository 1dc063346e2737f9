/** Which Node this needs. Plain syntax only: it is read by Nodes that are too old. */

export const nodeVersionWanted = "24.7";

export function nodeVersionOk(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 24 || (major === 24 && minor >= 7);
}
