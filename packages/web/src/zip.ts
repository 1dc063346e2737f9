/**
 * Several files as one to download: a ZIP archive (APPNOTE 6.3.10) whose files are stored as they are, with UTF-8 names.
 * Bound: less than 4 GiB and 65,535 files, since ZIP64 is not written; beyond it nothing is made.
 */
export interface ZipFile {
  /** With `/` between folders. */
  name: string;
  parts: string[];
}

const utf8 = new TextEncoder();
/** 1 January 1980: when a file of an export was made is in it. */
const dosDate = 0x21;
const utf8Names = 0x0800;
const bytesMax = 0xffff_ffff;

/** Throws `RangeError` where it would be too large. */
export function zip(files: ZipFile[]): Blob {
  const body: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (const { name, parts } of files) {
    const content = parts.map((part) => utf8.encode(part));
    const length = content.reduce((sum, part) => sum + part.length, 0);
    const path = utf8.encode(name);
    const about = { crc: crc32(content), length, path };
    const local = localHeader(about);
    directory.push(centralHeader(about, offset));
    body.push(local, ...content);
    offset += local.length + length;
  }
  const directoryLength = directory.reduce((sum, entry) => sum + entry.length, 0);
  if (offset + directoryLength > bytesMax || files.length > 0xffff)
    throw new RangeError("too large for a ZIP file");
  return new Blob([...body, ...directory, end(files.length, directoryLength, offset)], {
    type: "application/zip",
  });
}

interface About {
  crc: number;
  length: number;
  path: Uint8Array;
}

/** §4.3.7 */
function localHeader({ crc, length, path }: About): Uint8Array<ArrayBuffer> {
  return record(30 + path.length, path, 30, (view) => {
    view.setUint32(0, 0x04034b50, true);
    common(view, 4, crc, length, path.length);
  });
}

/** §4.3.12 */
function centralHeader({ crc, length, path }: About, offset: number): Uint8Array<ArrayBuffer> {
  return record(46 + path.length, path, 46, (view) => {
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(4, 20, true);
    common(view, 6, crc, length, path.length);
    view.setUint32(42, offset, true);
  });
}

/** From 'version needed' to 'extra field length', which both headers share. */
function common(view: DataView, at: number, crc: number, length: number, nameLength: number): void {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, utf8Names, true);
  view.setUint16(at + 8, dosDate, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, length, true);
  view.setUint32(at + 18, length, true);
  view.setUint16(at + 22, nameLength, true);
}

/** §4.3.16 */
function end(files: number, directoryLength: number, directoryAt: number): Uint8Array<ArrayBuffer> {
  return record(22, new Uint8Array(), 22, (view) => {
    view.setUint32(0, 0x06054b50, true);
    view.setUint16(8, files, true);
    view.setUint16(10, files, true);
    view.setUint32(12, directoryLength, true);
    view.setUint32(16, directoryAt, true);
  });
}

function record(
  length: number,
  path: Uint8Array,
  pathAt: number,
  write: (view: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  write(new DataView(bytes.buffer));
  bytes.set(path, pathAt);
  return bytes;
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(parts: Uint8Array[]): number {
  let crc = 0xffff_ffff;
  for (const part of parts) for (const byte of part) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}
