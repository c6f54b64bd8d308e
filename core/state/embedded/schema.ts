/** Tables of a data directory and how a file is known as one. Runs nothing. */

/** `application_id` of the file: "Mrdn". */
export const APPLICATION_ID = 0x4d72646e
/** `user_version` of the file; raised with every change of the tables. */
export const SCHEMA_VERSION = 1

export const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (position INTEGER PRIMARY KEY, records INTEGER NOT NULL, envelope BLOB NOT NULL);
  CREATE TABLE sessions (client TEXT PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE subscriptions (
    client TEXT NOT NULL, filter TEXT NOT NULL, options BLOB NOT NULL, PRIMARY KEY (client, filter)
  ) WITHOUT ROWID;
  CREATE TABLE inbox (
    client TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, qos INTEGER NOT NULL, bytes INTEGER NOT NULL,
    message BLOB NOT NULL, PRIMARY KEY (client, position)
  ) WITHOUT ROWID;
  CREATE INDEX inbox_qos0 ON inbox (client, position) WHERE qos = 0;
  CREATE TABLE retained (
    tenant TEXT NOT NULL, topic TEXT NOT NULL, message BLOB NOT NULL, PRIMARY KEY (tenant, topic)
  ) WITHOUT ROWID;
  INSERT INTO meta VALUES ('next', 1);
`
