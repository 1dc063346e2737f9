/** What `findPeople` is answered with. [D6] */
import type { TypeOf } from "@fedchat/protocol";
import {
  array,
  bytes,
  decode,
  DecodeError,
  encode,
  limits,
  listedPerson,
  ProtocolError,
  struct,
} from "@fedchat/protocol";
import { foundPeopleMax } from "../limits.ts";

/** With the signed record of their server, which the reader may not know. */
const foundPeople = array(
  struct({ server: bytes({ min: 1, max: limits.recordBytesMax * 2 }), person: listedPerson }),
  { max: foundPeopleMax },
);
const answerBytesMax = limits.recordBytesMax * 15;
export type FoundPerson = TypeOf<typeof foundPeople>[number];

/** As many, from the first on, as one answer holds. */
export function encodeFoundPeople(people: FoundPerson[]): Uint8Array {
  const fitting: FoundPerson[] = [];
  let size = 0;
  for (const one of people.slice(0, foundPeopleMax)) {
    size += one.server.length + one.person.record.length + 64;
    if (size > answerBytesMax) break;
    fitting.push(one);
  }
  return encode(foundPeople, fitting);
}

/** Throws `ProtocolError("malformed")`. Nothing in it is verified. */
export function decodeFoundPeople(source: Uint8Array): FoundPerson[] {
  try {
    return decode(foundPeople, source);
  } catch (cause) {
    if (cause instanceof DecodeError) throw new ProtocolError("malformed", "found people", { cause });
    throw cause;
  }
}
