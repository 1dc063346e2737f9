/** MLSMessage (RFC 9420 §6): everything that MLS puts on a wire. */
import { type Codec, decode, encode } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import { type GroupInfo, groupInfo } from "./group-info.ts";
import { type KeyPackage, keyPackage } from "./key-package.ts";
import { type PrivateMessage, privateMessage } from "./private-message.ts";
import { type PublicMessage, publicMessage } from "./public-message.ts";
import { MLS10 } from "./version.ts";
import { type Welcome, welcome } from "./welcome.ts";

export type MlsMessage =
  | { readonly wireFormat: "public_message"; readonly publicMessage: PublicMessage }
  | { readonly wireFormat: "private_message"; readonly privateMessage: PrivateMessage }
  | { readonly wireFormat: "welcome"; readonly welcome: Welcome }
  | { readonly wireFormat: "group_info"; readonly groupInfo: GroupInfo }
  | { readonly wireFormat: "key_package"; readonly keyPackage: KeyPackage };

const NUMBER = { public_message: 1, private_message: 2, welcome: 3, group_info: 4, key_package: 5 } as const;

export const mlsMessage: Codec<MlsMessage> = {
  write(writer, message) {
    writer.uint16(MLS10);
    writer.uint16(NUMBER[message.wireFormat]);
    switch (message.wireFormat) {
      case "public_message":
        return publicMessage.write(writer, message.publicMessage);
      case "private_message":
        return privateMessage.write(writer, message.privateMessage);
      case "welcome":
        return welcome.write(writer, message.welcome);
      case "group_info":
        return groupInfo.write(writer, message.groupInfo);
      case "key_package":
        return keyPackage.write(writer, message.keyPackage);
    }
  },
  read(reader) {
    if (reader.uint16() !== MLS10) throw new DecodeError("a message of an unknown protocol version");
    const format = reader.uint16();
    switch (format) {
      case NUMBER.public_message:
        return { wireFormat: "public_message", publicMessage: publicMessage.read(reader) };
      case NUMBER.private_message:
        return { wireFormat: "private_message", privateMessage: privateMessage.read(reader) };
      case NUMBER.welcome:
        return { wireFormat: "welcome", welcome: welcome.read(reader) };
      case NUMBER.group_info:
        return { wireFormat: "group_info", groupInfo: groupInfo.read(reader) };
      case NUMBER.key_package: {
        const value = keyPackage.read(reader);
        // RFC 9420 §10: the package's own version is that of the message around it.
        if (value.version !== MLS10)
          throw new DecodeError("a key package of another version than its message");
        return { wireFormat: "key_package", keyPackage: value };
      }
      default:
        throw new DecodeError(`a message of the unknown wire format ${format}`);
    }
  },
};

export const encodeMessage = (message: MlsMessage): Uint8Array => encode(mlsMessage, message);

/** Throws DecodeError. */
export function decodeMessage(bytes: Uint8Array): MlsMessage {
  if (bytes.length > MESSAGE_BYTES_MAX) throw new DecodeError("a message longer than any that we take");
  return decode(mlsMessage, bytes);
}
