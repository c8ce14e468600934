-- A store as schema 2 wrote it.
PRAGMA application_id = 1835098987;
PRAGMA user_version = 2;
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE domain(key BLOB PRIMARY KEY, outcome INT NOT NULL, outcome_at INT NOT NULL, best_host INT NOT NULL, proof INT NOT NULL, proof_at INT NOT NULL, detail TEXT) WITHOUT ROWID;
CREATE TABLE address(key BLOB PRIMARY KEY, reason INT NOT NULL, source INT NOT NULL, checked_at INT NOT NULL, tried INT, tried_at INT, unknown_since INT, good_at INT, bad_at INT, mx INT, smtp TEXT, past BLOB, soft BLOB, soft_at INT, complained_at INT, origin INT, waits INT) WITHOUT ROWID;
CREATE TABLE report(id INTEGER PRIMARY KEY, at INT NOT NULL);
CREATE TABLE misjudged(host INT NOT NULL, reason INT NOT NULL, count INT NOT NULL, PRIMARY KEY(host, reason)) WITHOUT ROWID;
CREATE TABLE peer(name TEXT NOT NULL, origin INT NOT NULL, learned_at INT NOT NULL, habits BLOB NOT NULL, out_until INT, out_reason INT, out_line TEXT, day_at INT, asked INT, PRIMARY KEY(name, origin)) WITHOUT ROWID;
INSERT INTO meta VALUES('keys', 'plain');
INSERT INTO host VALUES(1, 'mx.acme.com');
INSERT INTO domain VALUES(CAST('acme.com' AS BLOB), 1, 1800000000, 1, 1, 1800000000, '');
INSERT INTO address VALUES(CAST('acme.com@ann' AS BLOB), 1, 1, 1800000000, NULL, NULL, NULL, 1800000000, NULL, 1, 'RCPT 250 2.1.5 Ok', X'00D2496B01', NULL, NULL, NULL, NULL, NULL);
INSERT INTO address VALUES(CAST('acme.com@bob' AS BLOB), 13, 1, 1800000000, NULL, NULL, NULL, NULL, NULL, 1, CAST('RCPT 550 5.1.1 <' || char(1) || '>: unknown' AS TEXT), X'00D2496B0D', NULL, NULL, NULL, NULL, NULL);
INSERT INTO address VALUES(CAST('acme.com@cho' AS BLOB), 0, 0, 0, 20, 1800000000, 1800000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7, 1);
