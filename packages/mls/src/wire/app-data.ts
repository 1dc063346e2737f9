/** AppDataDictionary, SafeAAD, ApplicationFraming and component lists (draft-ietf-mls-extensions §4, §5, §6.2). */
import { type Codec, decode, encode, opaque, struct, uint16, vector } from "../codec/codec.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { EXTENSION, type Extension } from "./extension.ts";

export const COMPONENT = {
  appComponents: 0x0001,
  safeAad: 0x0002,
  contentMediaTypes: 0x0003,
  lastResortKeyPackage: 0x0004,
  appAck: 0x0005,
} as const;

export interface ComponentData {
  readonly componentId: number;
  readonly data: Uint8Array;
}

const componentList = vector(struct<ComponentData>({ componentId: uint16, data: opaque }));

/** At most one entry a component, in ascending order: used for dictionaries and for SafeAAD alike. */
export const componentDictionary: Codec<readonly ComponentData[]> = {
  write: (writer, list) => componentList.write(writer, list),
  read(reader) {
    const list = componentList.read(reader);
    list.forEach(({ componentId }, i) => {
      if (i > 0 && list[i - 1]!.componentId >= componentId) {
        throw new DecodeError("components are not in ascending order");
      }
    });
    return list;
  },
};

/** The dictionary in these extensions; empty where there is none. Throws DecodeError. */
export function appDataDictionary(extensions: readonly Extension[]): readonly ComponentData[] {
  const found = extensions.find(({ type }) => type === EXTENSION.appDataDictionary);
  return found === undefined ? [] : decode(componentDictionary, found.data);
}

export function componentData(extensions: readonly Extension[], componentId: number): Uint8Array | undefined {
  return appDataDictionary(extensions).find((entry) => entry.componentId === componentId)?.data;
}

/** An `app_data_dictionary` extension with these entries, sorted. */
export function appDataExtension(entries: Iterable<ComponentData>): Extension {
  const list = [...entries].toSorted((a, b) => a.componentId - b.componentId);
  return { type: EXTENSION.appDataDictionary, data: encode(componentDictionary, list) };
}

/** ComponentsList: the content of `app_components` and `safe_aad`. */
export const componentIds: Codec<readonly number[]> = vector(uint16);

export interface MediaType {
  /** `type/subtype`, UTF-8; empty means the first type that the group requires. */
  readonly type: Uint8Array;
  readonly parameters: readonly { readonly name: Uint8Array; readonly value: Uint8Array }[];
}

const mediaType: Codec<MediaType> = struct<MediaType>({
  type: opaque,
  parameters: vector(struct<MediaType["parameters"][number]>({ name: opaque, value: opaque })),
});

/** MediaTypeList: the content of `content_media_types`. */
export const mediaTypes: Codec<readonly MediaType[]> = vector(mediaType);

/** What `application_data` is in groups whose context has `content_media_types`. */
export interface ApplicationFraming {
  readonly mediaType: MediaType;
  readonly content: Uint8Array;
}

export const applicationFraming: Codec<ApplicationFraming> = struct<ApplicationFraming>({
  mediaType,
  content: opaque,
});

/** ComponentOperationLabel: the label under which a component uses MLS's own keys (§4.2, §4.3). */
export function componentLabel(componentId: number, label: Uint8Array): Uint8Array {
  const codec = struct<{ base: Uint8Array; componentId: number; label: Uint8Array }>({
    base: opaque,
    componentId: uint16,
    label: opaque,
  });
  return encode(codec, { base: new TextEncoder().encode("MLS Component"), componentId, label });
}
