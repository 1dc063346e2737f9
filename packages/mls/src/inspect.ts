/** What a message says in the clear, for routing it before anything is decrypted. */
import { decodeMessage } from "./wire/message.ts";
import type { ContentType } from "./wire/framed-content.ts";
import { outcomeOf, type Refused } from "./group/outcome.ts";

export type MessageHead =
  | {
      readonly kind: "private_message" | "public_message";
      readonly groupId: Uint8Array;
      readonly epoch: bigint;
      readonly contentType: ContentType;
    }
  /** `newMembers` are the references of the key packages that are meant. */
  | { readonly kind: "welcome"; readonly cipherSuite: number; readonly newMembers: readonly Uint8Array[] }
  | { readonly kind: "group_info"; readonly groupId: Uint8Array; readonly epoch: bigint }
  | { readonly kind: "key_package"; readonly cipherSuite: number };

export function inspectMessage(bytes: Uint8Array): MessageHead | Refused {
  return outcomeOf((): MessageHead => {
    const message = decodeMessage(bytes);
    switch (message.wireFormat) {
      case "private_message": {
        const { groupId, epoch, contentType } = message.privateMessage;
        return { kind: "private_message", groupId, epoch, contentType };
      }
      case "public_message": {
        const { groupId, epoch, body } = message.publicMessage.content;
        return { kind: "public_message", groupId, epoch, contentType: body.type };
      }
      case "welcome": {
        const { cipherSuite, secrets } = message.welcome;
        return { kind: "welcome", cipherSuite, newMembers: secrets.map(({ newMember }) => newMember) };
      }
      case "group_info": {
        const { groupId, epoch } = message.groupInfo.groupContext;
        return { kind: "group_info", groupId, epoch };
      }
      case "key_package":
        return { kind: "key_package", cipherSuite: message.keyPackage.cipherSuite };
    }
  });
}
