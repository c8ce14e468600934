#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/store.h"

#define APPLICATION_ID 0x6d61636b /* says whose file it is, to file(1) and to us */
#define OPEN_BUSY_MS   1000       /* another process may be bringing it up to date: so long, ... */
#define OPEN_TRIES     50         /* ... so often */
#define OPEN_PAUSE_MS  20
#define BUSY_MS        100 /* a run has others waiting */

/* Step i leads from schema i to i + 1, in one transaction. A step that was ever released never
 * changes: a new one is appended. */
static const char *const steps[MC_STORE_SCHEMA] = {
    /* Times are seconds since 1970. Reasons and sources are the codes of codes.c. An address's key
     * is domain@local, or a keyed hash of 16 bytes whose first 8 are its domain's. */
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE domain(key BLOB PRIMARY KEY, outcome INT NOT NULL, outcome_at INT NOT NULL,"
    " best_host INT NOT NULL, proof INT NOT NULL, proof_at INT NOT NULL, detail TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE address(key BLOB PRIMARY KEY, reason INT NOT NULL, source INT NOT NULL,"
    " checked_at INT NOT NULL, tried INT, tried_at INT, unknown_since INT, good_at INT,"
    " bad_at INT, mx INT, smtp TEXT, past BLOB) WITHOUT ROWID;",
    /* What delivery reports say: days with soft bounces, complaints; which reports were read; how
     * often a `deliverable` proved wrong, by the host that gave it and the reason of the bounce. */
    "ALTER TABLE address ADD COLUMN soft BLOB;"
    "ALTER TABLE address ADD COLUMN soft_at INT;"
    "ALTER TABLE address ADD COLUMN complained_at INT;"
    "CREATE TABLE report(id INTEGER PRIMARY KEY, at INT NOT NULL);"
    "CREATE TABLE misjudged(host INT NOT NULL, reason INT NOT NULL, count INT NOT NULL,"
    " PRIMARY KEY(host, reason)) WITHOUT ROWID;"
    /* What was learned of mail servers, from the address of ours that they saw. */
    "CREATE TABLE peer(name TEXT NOT NULL, origin INT NOT NULL, learned_at INT NOT NULL,"
    " habits BLOB NOT NULL, out_until INT, out_reason INT, out_line TEXT, day_at INT, asked INT,"
    " PRIMARY KEY(name, origin)) WITHOUT ROWID;"
    "ALTER TABLE address ADD COLUMN origin INT;"
    "ALTER TABLE address ADD COLUMN waits INT;",
    /* What most rows have, in one piece: see private.h. Rows that are there get it when they are
     * written the next time; until then they are read as they were. */
    "ALTER TABLE address ADD COLUMN usual BLOB;",
};

const char *mc_schema_remedy(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process has been writing to it for long: run again when it is done";
    case SQLITE_FULL:
        return "make room and run again, name another with --store FILE, or go without it with "
               "--no-store";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "restore it from a copy or move it away, name another with --store FILE, or go "
               "without it with --no-store";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return "the file and its folder must be writable; name another with --store FILE, or go "
               "without it with --no-store";
    default:
        return "name another with --store FILE, or go without it with --no-store";
    }
}

static bool pragma_number(sqlite3 *db, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok)
        *number = sqlite3_column_int(statement, 0);
    return sqlite3_finalize(statement) == SQLITE_OK && ok;
}

/* For our eyes only. False with errno. */
static bool make_folders(const char *path)
{
    char *folder = mc_strdup(path);
    bool ok = true;
    for (char *slash = strchr(folder + 1, '/'); slash && ok; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(folder, 0700) == 0 || errno == EEXIST;
        *slash = '/';
    }
    free(folder);
    return ok;
}

/* Under the write lock: another process may be at it too. */
static bool migrate(sqlite3 *db, const char *path, char *error, size_t error_size)
{
    int version, id, tables;
    char sql[64];
    if (pragma_number(db, "PRAGMA user_version", &version) && version == MC_STORE_SCHEMA &&
        pragma_number(db, "PRAGMA application_id", &id) && id == APPLICATION_ID)
        return true; /* however long another process writes */
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        !pragma_number(db, "PRAGMA user_version", &version) ||
        !pragma_number(db, "PRAGMA application_id", &id) ||
        !pragma_number(db, "SELECT count(*) FROM sqlite_master", &tables))
        return false;
    if (id != APPLICATION_ID && (id || version || tables)) {
        snprintf(error, error_size,
                 "%s is a database of another program: give --store another "
                 "file",
                 path);
        return false;
    }
    if (version < 0 || version > MC_STORE_SCHEMA) {
        snprintf(error, error_size,
                 "the store %s has schema %d, this program knows schemas up to %d: use the newer "
                 "mailcheck that wrote it, another --store FILE, or --no-store",
                 path, version, MC_STORE_SCHEMA);
        return false;
    }
    for (; version < MC_STORE_SCHEMA; version++)
        if (sqlite3_exec(db, steps[version], NULL, NULL, NULL) != SQLITE_OK)
            return false;
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", MC_STORE_SCHEMA);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return false;
    snprintf(sql, sizeof sql, "PRAGMA application_id = %d", APPLICATION_ID);
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

/* Made here, so that nobody else may read it (SQLite's own files beside it follow its mode). One
 * that is there is not opened but by SQLite: the locks of a process go with the first descriptor of
 * the file that it closes, and it may have the file open already. False with errno. */
static bool have_file(const char *path, bool must_exist)
{
    struct stat file;
    if (stat(path, &file) == 0) {
        if (S_ISDIR(file.st_mode))
            errno = EISDIR;
        return !S_ISDIR(file.st_mode) && faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0;
    }
    if (errno != ENOENT || must_exist)
        return false;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_CREAT, 0600);
    return fd >= 0 && close(fd) == 0;
}

sqlite3 *mc_schema_open(const char *path, bool must_exist, char *error, size_t error_size)
{
    static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                   "PRAGMA temp_store = MEMORY;" MC_STORE_KEEP_PAGES ";";
    sqlite3 *db = NULL;
    error[0] = '\0';
    if (!must_exist && !make_folders(path)) {
        snprintf(error, error_size, "cannot make the folder of the store %s: %s", path,
                 strerror(errno));
        return NULL;
    }
    if (!have_file(path, must_exist)) {
        snprintf(error, error_size, "cannot open the store %s: %s%s", path, strerror(errno),
                 must_exist ? "" : " (--store FILE names another, --no-store does without)");
        return NULL;
    }
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK &&
        sqlite3_busy_timeout(db, OPEN_BUSY_MS) == SQLITE_OK) {
        /* of those who make a file at the same time all but one are turned away at once */
        for (int i = 0; i < OPEN_TRIES; i++) {
            if (sqlite3_exec(db, settings, NULL, NULL, NULL) == SQLITE_OK &&
                migrate(db, path, error, error_size)) {
                (void)sqlite3_busy_timeout(db, BUSY_MS);
                return db;
            }
            if (error[0] || sqlite3_errcode(db) != SQLITE_BUSY)
                break;
            if (!sqlite3_get_autocommit(db))
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            sqlite3_sleep(OPEN_PAUSE_MS);
        }
    }
    if (!error[0])
        snprintf(error, error_size, "the store %s cannot be used: %s (%s)", path,
                 db ? sqlite3_errmsg(db) : "no memory",
                 mc_schema_remedy(db ? sqlite3_errcode(db) : SQLITE_NOMEM));
    sqlite3_close(db);
    return NULL;
}
