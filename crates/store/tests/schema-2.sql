PRAGMA journal_mode = wal;
CREATE TABLE locks (
    account TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_failure_ms INTEGER NOT NULL,
    locked_until_ms INTEGER,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE attempts (
    sequence INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    account TEXT NOT NULL,
    outcome TEXT NOT NULL,
    client TEXT NOT NULL,
    service TEXT NOT NULL,
    method TEXT NOT NULL,
    calling_station TEXT,
    operator_name TEXT,
    outer_identity TEXT,
    detail TEXT
);
CREATE INDEX attempts_by_account ON attempts (account, time_ms);
CREATE INDEX attempts_by_time ON attempts (time_ms);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    sealed BLOB
);
INSERT INTO locks VALUES ('anna', 2, 1790000000000, NULL, 8), ('bo', 0, 1790000000000, NULL, 3);
INSERT INTO attempts VALUES (1, 1790000000000, 'anna', 'wrong-credential', 'ap', 'eduroam', 'pap',
    NULL, NULL, NULL, 'More about it.');
INSERT INTO accounts VALUES ('anna', 1, '{"id":"anna","kind":"student","display_name":"Anna Berg","aliases":["s100001"],"credential_version":3}', NULL);
PRAGMA user_version = 2;
