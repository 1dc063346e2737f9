/**
 * The tables of the store on disk. What is large is appended to tables with integer row numbers (`envelopes`,
 * `bundles`); what finds it again is small index rows beside them. Accounts and devices have integer numbers inside.
 * A change of the schema is a new entry at the end of `migrations`, never an edit of an old one.
 */

/** "FDCH": says to SQLite's tools and to us whose file this is. */
export const applicationId = 0x46444348;

const version1 = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  handle TEXT NOT NULL,
  record BLOB NOT NULL,
  administrator INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  opaque BLOB,
  wrapped_key BLOB
) STRICT;

CREATE TABLE devices (
  number INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  id BLOB NOT NULL,
  fencing INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  UNIQUE (account, id)
) STRICT;

-- Beside accounts, because a row is rewritten whole and every delivery raises a head.
CREATE TABLE inboxes (
  account INTEGER PRIMARY KEY,
  incarnation BLOB NOT NULL,
  floor INTEGER NOT NULL,
  head INTEGER NOT NULL
) STRICT;

CREATE TABLE envelopes (
  number INTEGER PRIMARY KEY,
  server BLOB NOT NULL,
  sender BLOB NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  created INTEGER NOT NULL,
  received INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

CREATE TABLE inbox_items (
  account INTEGER NOT NULL,
  position INTEGER NOT NULL,
  envelope INTEGER NOT NULL,
  PRIMARY KEY (account, position)
) STRICT, WITHOUT ROWID;

-- Only envelopes that lie in more than one inbox; the last of these drops the envelope.
CREATE TABLE shared_envelopes (envelope INTEGER PRIMARY KEY, inboxes INTEGER NOT NULL) STRICT;

-- What was delivered, also after it is gone. origin: the first 12 bytes of the server id, then the envelope id.
CREATE TABLE seen (
  account INTEGER NOT NULL,
  origin BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at);

CREATE TABLE outgoing (
  number INTEGER PRIMARY KEY,
  destination BLOB NOT NULL,
  class TEXT NOT NULL,
  stream INTEGER NOT NULL,
  next INTEGER NOT NULL,
  UNIQUE (destination, class)
) STRICT;

-- envelopes: their ids and senders, 48 bytes each.
CREATE TABLE bundles (
  number INTEGER PRIMARY KEY,
  created INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  envelopes BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE outbox (
  outgoing INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  bundle INTEGER NOT NULL,
  PRIMARY KEY (outgoing, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox_envelopes (
  envelope BLOB NOT NULL,
  bundle INTEGER NOT NULL,
  outgoing INTEGER NOT NULL,
  PRIMARY KEY (envelope, bundle)
) STRICT, WITHOUT ROWID;

CREATE TABLE incoming (
  source BLOB NOT NULL,
  class TEXT NOT NULL,
  stream INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  PRIMARY KEY (source, class)
) STRICT, WITHOUT ROWID;

-- addresses: JSON.
CREATE TABLE links (
  server BLOB PRIMARY KEY,
  linked_by_us INTEGER NOT NULL,
  linked_by_them INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  local_name TEXT,
  addresses TEXT NOT NULL,
  linked_at INTEGER NOT NULL,
  last_contact_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE server_records (
  number INTEGER PRIMARY KEY,
  server BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;

CREATE TABLE key_package_stocks (
  device INTEGER PRIMARY KEY,
  capability BLOB NOT NULL,
  last_resort BLOB
) STRICT;

CREATE TABLE key_packages (
  number INTEGER PRIMARY KEY,
  device INTEGER NOT NULL,
  package BLOB NOT NULL
) STRICT;
CREATE INDEX key_packages_by_device ON key_packages (device);

CREATE TABLE sealed (
  number INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (account, name)
) STRICT;

CREATE TABLE grants (
  account BLOB NOT NULL,
  peer BLOB NOT NULL,
  server BLOB NOT NULL,
  PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
  account BLOB NOT NULL,
  peer BLOB NOT NULL,
  PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
  account BLOB NOT NULL,
  envelope BLOB NOT NULL,
  server BLOB NOT NULL,
  code TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account, envelope, server)
) STRICT, WITHOUT ROWID;
`;

/** How far people let themselves be shown; who linked a server. */
const visibilityAndOrigin = `
ALTER TABLE accounts ADD COLUMN visibility TEXT;
ALTER TABLE links ADD COLUMN origin TEXT NOT NULL DEFAULT 'person';
`;

/** Records that others told, which stay without a link; how far those others have told. */
const heardRecords = `
ALTER TABLE server_records ADD COLUMN hops INTEGER NOT NULL DEFAULT 0;
ALTER TABLE server_records ADD COLUMN heard_from BLOB;
ALTER TABLE server_records ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;

CREATE TABLE told_records (
  server BLOB PRIMARY KEY,
  incarnation BLOB NOT NULL,
  up_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/**
 * Bundles of others on their way: `handed_by` gave them, they go on to `next`; class 0 is control, 1 messages, 2 bulk;
 * an empty bundle was handed on. A number is never given twice: by it is known what was sent, and what was paid.
 * custody_owed: receipts for `server`. receipts: of relays, for what lies in the own outbox; path: 32 bytes a relay.
 */
const custody = `
CREATE TABLE custody (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  handed_by BLOB NOT NULL,
  next BLOB NOT NULL,
  source BLOB NOT NULL,
  destination BLOB NOT NULL,
  class INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  created INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  until INTEGER NOT NULL,
  hash BLOB NOT NULL,
  passed INTEGER NOT NULL,
  bundle BLOB NOT NULL,
  UNIQUE (source, destination, class, stream, sequence, handed_by)
) STRICT;
CREATE INDEX custody_order ON custody (next, source, class, stream, sequence, number);
CREATE INDEX custody_hash ON custody (next, hash);
CREATE INDEX custody_until ON custody (until);

CREATE TABLE custody_sources (
  server BLOB PRIMARY KEY,
  sequence INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE custody_owed (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  server BLOB NOT NULL,
  receipt BLOB NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE INDEX custody_owed_server ON custody_owed (server, number);

CREATE TABLE receipts (
  outgoing INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  relay BLOB NOT NULL,
  hash BLOB NOT NULL,
  taken INTEGER NOT NULL,
  until INTEGER NOT NULL,
  at INTEGER NOT NULL,
  path BLOB NOT NULL,
  PRIMARY KEY (outgoing, sequence, relay)
) STRICT, WITHOUT ROWID;
`;

/**
 * Rooms' logs: of those that this server is the hub of, and copies of others'. founder: only where it is the hub.
 * servers, former: 32 bytes each. idle_since: when the last follower went. Entries are found by log and position, and
 * by age where they are pruned.
 */
const rooms = `
CREATE TABLE room_logs (
  number INTEGER PRIMARY KEY,
  room BLOB NOT NULL,
  hub BLOB NOT NULL,
  founder BLOB,
  term INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash BLOB NOT NULL,
  mls_group BLOB NOT NULL,
  access BLOB NOT NULL,
  servers BLOB NOT NULL,
  former BLOB NOT NULL,
  anchor INTEGER NOT NULL,
  at INTEGER NOT NULL,
  idle_since INTEGER,
  UNIQUE (room, hub)
) STRICT;

CREATE TABLE room_entries (
  number INTEGER PRIMARY KEY,
  log INTEGER NOT NULL,
  position INTEGER NOT NULL,
  at INTEGER NOT NULL,
  signed BLOB NOT NULL,
  UNIQUE (log, position)
) STRICT;
CREATE INDEX room_entries_at ON room_entries (at);

CREATE TABLE room_infos (log INTEGER PRIMARY KEY, position INTEGER NOT NULL, info BLOB NOT NULL) STRICT;

CREATE TABLE room_followers (
  account BLOB NOT NULL,
  room BLOB NOT NULL,
  hub BLOB NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (account, room)
) STRICT, WITHOUT ROWID;
`;

/** Key packages by the kind of room that they are for: those from before are for hybrid ones. */
const keyPackageSuites = `
ALTER TABLE key_packages ADD COLUMN suite TEXT NOT NULL DEFAULT 'hybrid';
DROP INDEX key_packages_by_device;
CREATE INDEX key_packages_by_device ON key_packages (device, suite);

CREATE TABLE stocks_by_suite (
  device INTEGER NOT NULL,
  suite TEXT NOT NULL,
  capability BLOB NOT NULL,
  last_resort BLOB,
  PRIMARY KEY (device, suite)
) STRICT, WITHOUT ROWID;
INSERT INTO stocks_by_suite SELECT device, 'hybrid', capability, last_resort FROM key_package_stocks;
DROP TABLE key_package_stocks;
ALTER TABLE stocks_by_suite RENAME TO key_package_stocks;
`;

/** continues_hub, continues_position: what a log's newest takeover continues. successor: the hub that goes on with it. */
const succession = `
ALTER TABLE room_logs ADD COLUMN continues_hub BLOB;
ALTER TABLE room_logs ADD COLUMN continues_position INTEGER;
ALTER TABLE room_logs ADD COLUMN successor BLOB;
`;

/** Segments of accounts' archives, and their pieces by where they begin. */
const archives = `
CREATE TABLE archive_segments (
  number INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  device BLOB NOT NULL,
  segment INTEGER NOT NULL,
  total INTEGER NOT NULL,
  held INTEGER NOT NULL,
  UNIQUE (account, device, segment)
) STRICT;

CREATE TABLE archive_pieces (
  number INTEGER PRIMARY KEY,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (segment, offset)
) STRICT;
`;

/** Rooms that people let others see; a listing that is put anew goes to the end. */
const roomListings = `
CREATE TABLE room_listings (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  account BLOB NOT NULL,
  room BLOB NOT NULL,
  link BLOB NOT NULL,
  description TEXT NOT NULL,
  people INTEGER NOT NULL,
  open INTEGER NOT NULL,
  UNIQUE (account, room)
) STRICT;
`;

/** Entry n brings a store from version n (`PRAGMA user_version`) to n + 1. */
export const migrations: readonly string[] = [
  version1,
  visibilityAndOrigin,
  heardRecords,
  custody,
  rooms,
  keyPackageSuites,
  succession,
  archives,
  roomListings,
];
