/** The person's own certificate, as configured: both files or neither. */
import type { Config } from "./schema.ts";

export function tlsPaths(config: Config): { cert: string; key: string } | undefined {
  const { "tls.cert": cert, "tls.key": key } = config;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
