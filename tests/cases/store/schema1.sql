-- A store as schema 1 wrote it.
PRAGMA application_id = 1835098987;
PRAGMA user_version = 1;
CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE domain(key BLOB PRIMARY KEY, outcome INT NOT NULL, outcome_at INT NOT NULL, best_host INT NOT NULL, proof INT NOT NULL, proof_at INT NOT NULL, detail TEXT) WITHOUT ROWID;
CREATE TABLE address(key BLOB PRIMARY KEY, reason INT NOT NULL, source INT NOT NULL, checked_at INT NOT NULL, tried INT, tried_at INT, unknown_since INT, good_at INT, bad_at INT, mx INT, smtp TEXT, past BLOB) WITHOUT ROWID;
INSERT INTO meta VALUES('keys', 'plain');
INSERT INTO host VALUES(1, 'mx.acme.com');
INSERT INTO domain VALUES(CAST('acme.com' AS BLOB), 1, 1800000000, 1, 1, 1800000000, '');
INSERT INTO address VALUES(CAST('acme.com@ann' AS BLOB), 1, 1, 1800000000, NULL, NULL, NULL, 1800000000, NULL, 1, 'RCPT 250 2.1.5 Ok', NULL);
INSERT INTO address VALUES(CAST('acme.com@bob' AS BLOB), 13, 1, 1800000000, NULL, NULL, NULL, NULL, NULL, 1, CAST('RCPT 550 5.1.1 <' || char(1) || '>: unknown' AS TEXT), NULL);
INSERT INTO address VALUES(CAST('acme.com@cho' AS BLOB), 0, 0, 0, 20, 1800000000, 1800000000, NULL, NULL, NULL, NULL, NULL);
