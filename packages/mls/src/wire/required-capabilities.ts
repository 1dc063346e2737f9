/** RequiredCapabilities (RFC 9420 §11.1), a GroupContext extension: what every member must support. */
import { type Codec, struct, uint16, vector } from "../codec/codec.ts";

export interface RequiredCapabilities {
  readonly extensions: readonly number[];
  readonly proposals: readonly number[];
  readonly credentials: readonly number[];
}

export const requiredCapabilities: Codec<RequiredCapabilities> = struct<RequiredCapabilities>({
  extensions: vector(uint16),
  proposals: vector(uint16),
  credentials: vector(uint16),
});
