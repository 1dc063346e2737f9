/**
 * What everybody on the way can read of an encrypted MLS message: its group, its epoch, and whether it is a message or
 * changes the group. Servers need no more of MLS than this. Nothing of it is proved. [O7]
 */
import { BinaryReader } from "./binary.ts";
import { ProtocolError } from "./errors.ts";

export interface MlsHead {
  group: Uint8Array;
  epoch: number;
  content: "application" | "proposal" | "commit";
}

/** RFC 9420 §6: `mls10`, and the wire format of an MLSMessage that holds a PrivateMessage. */
const mls10 = 1;
const privateMessage = 2;
/** RFC 9420 §6: ContentType. */
const contents = new Map([
  [1, "application"],
  [2, "proposal"],
  [3, "commit"],
] as const);

/** Undefined where this is no MLSMessage with a PrivateMessage. The group is a view of the source. */
export function readMlsHead(message: Uint8Array): MlsHead | undefined {
  const reader = new BinaryReader(message, "MLS message");
  try {
    if (reader.u16() !== mls10 || reader.u16() !== privateMessage) return undefined;
    // RFC 9420 §6.3: PrivateMessage begins with group_id<V>, epoch, content_type.
    const group = reader.raw(readLength(reader));
    const epoch = reader.u64();
    const content = contents.get(reader.u8() as 1);
    return content === undefined ? undefined : { group, epoch, content };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** RFC 9420 §2.1.2: two bits say how many bytes the length has; the shortest form only. */
function readLength(reader: BinaryReader): number {
  const first = reader.u8();
  const form = first >>> 6;
  if (form === 3) throw reader.malformed("vector length");
  let length = first & 0x3f;
  for (let more = (1 << form) - 1; more > 0; more -= 1) length = length * 256 + reader.u8();
  if (form > 0 && length < (form === 1 ? 0x40 : 0x4000)) throw reader.malformed("vector length");
  return length;
}
