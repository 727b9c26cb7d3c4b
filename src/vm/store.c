/*
 * store.c - events in SQLite.
 */
#include "vm/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define STORE_APPLICATION 0x766d7331 /* "vms1" */
#define STORE_VERSION     1
#define STORE_WAIT_MS     30000

struct store {
    sqlite3 *db;                       /* owns */
    sqlite3_stmt *insert, *insert_row; /* own: an event, a field of one */
    char path[];
};

/* Every event and field stays: nothing is ever changed or taken out. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE event (number INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL, cause TEXT NOT NULL);"
    "CREATE TABLE field (event INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL,"
    " value TEXT NOT NULL, PRIMARY KEY (event, position)) WITHOUT ROWID;"
    "PRAGMA application_id = 1986884401;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static int failed(struct store *s, struct err *err, const char *doing)
{
    int code = sqlite3_errcode(s->db);

    switch (code & 0xff) {
    case SQLITE_NOMEM: return err_set_errno(err, ENOMEM, "%s %s", doing, s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, EBUSY, "%s %s: another process holds it for too long", doing, s->path);
    case SQLITE_FULL: return err_set_errno(err, ENOSPC, "%s %s", doing, s->path);
    case SQLITE_READONLY:
    case SQLITE_PERM: return err_set_errno(err, EACCES, "%s %s", doing, s->path);
    case SQLITE_CANTOPEN: return err_set_errno(err, ENOENT, "%s %s", doing, s->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
        return err_set(err, EBADMSG, "%s %s: the file is damaged or no store of events: %s", doing,
                       s->path, sqlite3_errmsg(s->db));
    default: return err_set(err, EIO, "%s %s: %s", doing, s->path, sqlite3_errmsg(s->db));
    }
}

static int run(struct store *s, const char *sql, struct err *err, const char *doing)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(s, err, doing);
}

/* --- opening --- */

static int read_number(struct store *s, const char *sql, s64 *ret, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = 0;

    if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        rc = failed(s, err, "opening");
    else
        *ret = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc;
}

static int check_version(struct store *s, struct err *err)
{
    s64 application, version;
    int rc = read_number(s, "PRAGMA application_id", &application, err);

    if (rc == 0)
        rc = read_number(s, "PRAGMA user_version", &version, err);
    if (rc < 0)
        return rc;
    if (application != STORE_APPLICATION)
        return err_set(err, EBADMSG, "opening %s: the file is no store of events", s->path);
    if (version > STORE_VERSION)
        return err_set(err, ENOTSUP, "opening %s: a newer version of vm-cli wrote it", s->path);
    return 0;
}

static int prepare(struct store *s, struct err *err)
{
    if (sqlite3_prepare_v2(s->db,
                           "INSERT INTO event (number, time_ms, kind, cause)"
                           " VALUES ((SELECT coalesce(max(number), 0) + 1 FROM event), ?, ?, ?)",
                           -1, &s->insert, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(s->db, "INSERT INTO field VALUES (?, ?, ?, ?)", -1, &s->insert_row,
                           NULL) != SQLITE_OK)
        return failed(s, err, "opening");
    return 0;
}

int store_open(const char *path, bool create, struct store **ret, struct err *err)
{
    struct store *s = calloc(1, sizeof *s + strlen(path) + 1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
                (create ? SQLITE_OPEN_CREATE : 0);
    int rc = 0;

    if (!s)
        return err_set_errno(err, ENOMEM, "opening %s", path);
    strcpy(s->path, path);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
        rc = s->db ? failed(s, err, "opening") : err_set_errno(err, ENOMEM, "opening %s", path);
    if (rc == 0) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, STORE_WAIT_MS);
        rc = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", err, "opening");
    }
    if (rc == 0 && create)
        rc = run(s, schema, err, "making");
    if (rc == 0)
        rc = check_version(s, err);
    if (rc == 0)
        rc = prepare(s, err);
    if (rc < 0)
        s = store_close(s);
    *ret = s;
    return rc;
}

struct store *store_close(struct store *s)
{
    if (!s)
        return NULL;
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->insert_row);
    sqlite3_close(s->db);
    free(s);
    return NULL;
}

/* --- writing --- */

int store_begin(struct store *s, struct err *err)
{
    return run(s, "BEGIN IMMEDIATE", err, "writing to");
}

int store_commit(struct store *s, struct err *err)
{
    int rc = run(s, "COMMIT", err, "writing to");

    if (rc < 0)
        store_rollback(s);
    return rc;
}

void store_rollback(struct store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static int step(struct store *s, sqlite3_stmt *stmt, struct err *err)
{
    int rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : failed(s, err, "writing to");

    sqlite3_reset(stmt);
    return rc;
}

int store_append(struct store *s, const struct life_event *e, struct err *err)
{
    s64 number;
    int rc;

    sqlite3_bind_int64(s->insert, 1, e->time_ms);
    sqlite3_bind_text(s->insert, 2, life_kind_text(e->kind), -1, SQLITE_STATIC);
    sqlite3_bind_text(s->insert, 3, e->cause, -1, SQLITE_STATIC);
    rc = step(s, s->insert, err);
    number = sqlite3_last_insert_rowid(s->db);
    for (unsigned i = 0; rc == 0 && i < e->fields.count; i++) {
        sqlite3_bind_int64(s->insert_row, 1, number);
        sqlite3_bind_int(s->insert_row, 2, (int)i);
        sqlite3_bind_text(s->insert_row, 3, e->fields.rows[i].key, -1, SQLITE_STATIC);
        sqlite3_bind_text(s->insert_row, 4, e->fields.rows[i].value, -1, SQLITE_STATIC);
        rc = step(s, s->insert_row, err);
    }
    return rc;
}

/* --- reading --- */

static const char *text(sqlite3_stmt *stmt, int column)
{
    const unsigned char *at = sqlite3_column_text(stmt, column);

    return at ? (const char *)at : "";
}

/* The row's event begins. */
static int take_event(struct store *s, sqlite3_stmt *row, struct life_event *e, struct err *err)
{
    life_event_fini(e);
    e->number = sqlite3_column_int64(row, 0);
    e->time_ms = sqlite3_column_int64(row, 1);
    e->cause = strdup(text(row, 3));
    if (!e->cause)
        return err_set_errno(err, ENOMEM, "reading %s", s->path);
    if (!life_kind_find(text(row, 2), &e->kind))
        return err_set(err, ENOTSUP,
                       "reading %s: event %lld is of kind '%s', which this version does not know",
                       s->path, (long long)e->number, text(row, 2));
    return 0;
}

static int take_field(struct store *s, sqlite3_stmt *row, struct life_event *e, struct err *err)
{
    if (sqlite3_column_type(row, 4) == SQLITE_NULL)
        return 0;
    if (settings_add(&e->fields, text(row, 4), text(row, 5)) < 0)
        return err_set_errno(err, ENOMEM, "reading %s", s->path);
    return 0;
}

static int read_all(struct store *s, sqlite3_stmt *rows,
                    int (*fn)(void *arg, const struct life_event *e, struct err *err), void *arg,
                    struct err *err)
{
    struct life_event e = { 0 };
    int rc = 0, got;

    while (rc == 0 && (got = sqlite3_step(rows)) != SQLITE_DONE) {
        if (got != SQLITE_ROW) {
            rc = failed(s, err, "reading");
            break;
        }
        if (e.number && e.number != sqlite3_column_int64(rows, 0))
            rc = fn(arg, &e, err);
        if (rc == 0 && e.number != sqlite3_column_int64(rows, 0))
            rc = take_event(s, rows, &e, err);
        if (rc == 0)
            rc = take_field(s, rows, &e, err);
    }
    if (rc == 0 && e.number)
        rc = fn(arg, &e, err);
    life_event_fini(&e);
    return rc;
}

int store_each(struct store *s, s64 after,
               int (*fn)(void *arg, const struct life_event *e, struct err *err), void *arg,
               struct err *err)
{
    sqlite3_stmt *rows = NULL;
    int rc;

    if (sqlite3_prepare_v2(s->db,
                           "SELECT number, time_ms, kind, cause, key, value FROM event"
                           " LEFT JOIN field ON field.event = event.number"
                           " WHERE number > ? ORDER BY number, position",
                           -1, &rows, NULL) != SQLITE_OK)
        return failed(s, err, "reading");
    sqlite3_bind_int64(rows, 1, after);
    rc = read_all(s, rows, fn, arg, err);
    sqlite3_finalize(rows);
    return rc;
}

int store_copy(struct store *s, const char *path, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = 0;

    if (sqlite3_prepare_v2(s->db, "VACUUM INTO ?", -1, &stmt, NULL) != SQLITE_OK)
        return failed(s, err, "copying");
    sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        rc = failed(s, err, "copying");
    sqlite3_finalize(stmt);
    return rc;
}
