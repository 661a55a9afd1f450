/* SPDX-License-Identifier: MIT */
/*
 * Backup and restore. Beside engine_sqlite.c the only file that speaks
 * sqlite3_*; works on the store's own connection and on one of its own for
 * the other file. Runs in mailtrackctl, never in a server.
 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>
#include <sqlite3.h>

#include "engine.h"
#include "schema.h"

/* Between two calls of progress(): 1 MB with pages of 4 KB. */
#define STEP_PAGES 256

/* How long another writer may keep the store from a restore. */
#define WAIT_MAX APR_TIME_C(30000000)
#define WAIT_STEP APR_TIME_C(50000)

static sqlite3 *db_of(store_t *store)
{
    return apr_dbd_native_handle(store->driver, *store->handle);
}

static apr_status_t need_sqlite(store_t *store)
{
    return store->engine == &engine_sqlite && store->handle ? APR_SUCCESS
           : store_fail(store, APR_ENOTIMPL, "only SQLite stores are backed "
                        "up here; use pg_dump or mariadb-dump");
}

static apr_status_t system_fail(store_t *store, const char *what)
{
    apr_status_t rv = apr_get_os_error();
    char words[128];

    apr_strerror(rv, words, sizeof(words));
    return store_fail(store, rv, apr_pstrcat(store->pool, what, ": ", words,
                                             NULL));
}

static apr_status_t sqlite_fail(store_t *store, int code, sqlite3 *db)
{
    apr_status_t rv = STORE_ESQL;

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        rv = STORE_EBUSY;
        break;
    case SQLITE_FULL:
    case SQLITE_READONLY:
        rv = STORE_ESPACE;
        break;
    case SQLITE_NOTADB:
        rv = STORE_EFOREIGN;
        break;
    case SQLITE_CORRUPT:
        rv = STORE_EDATA;
        break;
    default:
        break;
    }
    return store_fail(store, rv, db ? sqlite3_errmsg(db)
                      : sqlite3_errstr(code));
}

/* Is path the store, or a file that belongs to it? */
static apr_status_t refuse_itself(store_t *store, const char *path)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    struct stat file;
    struct stat own;
    apr_size_t i;

    if (stat(path, &file) != 0) {
        return APR_SUCCESS;
    }
    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        if (stat(apr_pstrcat(store->pool, store->params, suffixes[i], NULL),
                 &own) == 0
            && own.st_dev == file.st_dev && own.st_ino == file.st_ino) {
            return store_fail(store, APR_EINVAL, "that is the store itself");
        }
    }
    return APR_SUCCESS;
}

/* All pages of one database into another. */
static apr_status_t copy(store_t *store, sqlite3 *to, sqlite3 *from,
                         const backup_how_t *how)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    apr_time_t waited = 0;
    int code;
    int end;

    if (!b) {
        return sqlite_fail(store, sqlite3_errcode(to), to);
    }
    do {
        code = sqlite3_backup_step(b, STEP_PAGES);
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
            apr_sleep(WAIT_STEP);
            waited += WAIT_STEP;
        }
        if (how->progress) {
            int total = sqlite3_backup_pagecount(b);

            how->progress(how->context,
                          total - sqlite3_backup_remaining(b), total);
        }
    } while (code == SQLITE_OK
             || ((code == SQLITE_BUSY || code == SQLITE_LOCKED)
                 && waited < WAIT_MAX));
    end = sqlite3_backup_finish(b);
    if (code != SQLITE_DONE || end != SQLITE_OK) {
        return sqlite_fail(store, code != SQLITE_DONE ? code : end, NULL);
    }
    return APR_SUCCESS;
}

/* -- taking one --------------------------------------------------------- */

/*
 * Several backups to one name: the first has the lock. One killed half-way
 * leaves its .tmp, which the next takes over; the inode is looked at again, as
 * the one we opened may have become somebody's finished backup meanwhile.
 */
static apr_status_t open_temporary(int *fd, store_t *store, const char *path)
{
    struct stat named;
    struct stat opened;

    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return system_fail(store, path);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0 || fstat(*fd, &opened) != 0
        || lstat(path, &named) != 0 || named.st_ino != opened.st_ino
        || named.st_dev != opened.st_dev || !S_ISREG(opened.st_mode)) {
        close(*fd);
        return store_fail(store, STORE_EBUSY, apr_pstrcat(store->pool, path,
                          ": another backup is writing it", NULL));
    }
    /* whoever owns it could read what is written to it; with another name it
     * may be the last good backup */
    if (opened.st_uid != geteuid() || opened.st_nlink != 1) {
        close(*fd);
        return store_fail(store, APR_EINVAL, apr_pstrcat(store->pool, path,
                          ": it is another user's, or has another name: "
                          "remove it", NULL));
    }
    if (fchmod(*fd, 0600) != 0 || ftruncate(*fd, 0) != 0) {
        apr_status_t rv = system_fail(store, path);

        close(*fd);
        return rv;
    }
    return APR_SUCCESS;
}

/*
 * The read transaction pins one state of the store: without it each commit of
 * the drain (ten a second) would make the copy begin anew. Readers hold up no
 * writer in WAL mode; the WAL grows meanwhile and is used again afterwards.
 */
static apr_status_t copy_snapshot(store_t *store, sqlite3 *to,
                                  const backup_how_t *how)
{
    sqlite3 *from = db_of(store);
    int code = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_master",
                            NULL, NULL, NULL);
    apr_status_t rv;

    rv = code == SQLITE_OK ? copy(store, to, from, how)
         : sqlite_fail(store, code, from);
    if (!sqlite3_get_autocommit(from)) {
        /* nothing was written: there is nothing to lose */
        sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
    }
    return rv;
}

/* The copy needs no journal and no sync of its own: until it is complete
 * nobody looks at it. */
static apr_status_t fill(store_t *store, const char *path,
                         const backup_how_t *how)
{
    sqlite3 *to = NULL;
    apr_status_t rv;
    int code;

    code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_exec(to, "PRAGMA journal_mode=OFF;"
                            "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    }
    rv = code == SQLITE_OK ? copy_snapshot(store, to, how)
         : sqlite_fail(store, code, to);
    sqlite3_close(to);
    return rv;
}

static apr_status_t sync_directory(store_t *store, const char *path)
{
    char *copied = apr_pstrdup(store->pool, path);
    int fd = open(dirname(copied), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0 || fsync(fd) != 0) {
        rv = system_fail(store, path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

/* link(2) fails where the name is taken, rename(2) does not. */
static apr_status_t publish(store_t *store, const char *tmp, const char *path,
                            int replace)
{
    if (replace) {
        if (rename(tmp, path) != 0) {
            return system_fail(store, path);
        }
    } else if (link(tmp, path) != 0) {
        return system_fail(store, path);
    } else if (unlink(tmp) != 0) {
        return system_fail(store, tmp);
    }
    return sync_directory(store, path);
}

/*
 * Bytes 18 and 19 of the header say "WAL" in the copy of a WAL store (SQLite's
 * file format, 1.3.3): 1 makes it a database in one file that can be read where
 * nothing may be written.
 */
static apr_status_t finish(int fd, store_t *store, const char *tmp)
{
    static const char rollback_mode[2] = { 1, 1 };

    if (pwrite(fd, rollback_mode, 2, 18) != 2 || fsync(fd) != 0) {
        return system_fail(store, tmp);
    }
    return APR_SUCCESS;
}

apr_status_t backup_write(store_t *store, const char *path,
                          const backup_how_t *how, apr_pool_t *pool)
{
    const char *tmp = apr_pstrcat(pool, path, ".tmp", NULL);
    struct stat st;
    int version;
    int fd;
    apr_status_t rv = need_sqlite(store);

    if (rv == APR_SUCCESS) {
        rv = refuse_itself(store, path);
    }
    if (rv == APR_SUCCESS && !how->replace && lstat(path, &st) == 0) {
        rv = store_fail(store, APR_EEXIST, "the file exists");
    }
    if (rv == APR_SUCCESS) {
        rv = open_temporary(&fd, store, tmp);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = fill(store, tmp, how);
    if (rv == APR_SUCCESS) {
        rv = finish(fd, store, tmp);
    }
    if (rv == APR_SUCCESS) {
        rv = backup_examine(&version, store, tmp, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = publish(store, tmp, path, how->replace);
    }
    if (rv != APR_SUCCESS) {
        unlink(tmp);            /* gone already where publish() came to it */
    }
    close(fd);
    return rv;
}

/* -- looking at one ----------------------------------------------------- */

/* One value of one statement; NULL when there is no row. */
static int get_text(const char **value, sqlite3 *db, const char *sql,
                    apr_pool_t *pool)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    *value = NULL;
    if (code != SQLITE_OK) {
        return code;
    }
    code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);

        *value = text ? apr_pstrdup(pool, (const char *)text) : NULL;
        code = SQLITE_OK;
    }
    sqlite3_finalize(stmt);     /* repeats the step's failure */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static apr_status_t examine(int *version, store_t *store, sqlite3 *db,
                            apr_pool_t *pool)
{
    const char *text = NULL;
    /* its schema may be anybody's */
    int code = sqlite3_exec(db, "PRAGMA trusted_schema=OFF", NULL, NULL,
                            NULL);

    if (code == SQLITE_OK) {
        code = get_text(&text, db, "PRAGMA integrity_check(1)", pool);
    }

    if (code != SQLITE_OK) {
        return sqlite_fail(store, code, db);
    }
    if (!text || strcmp(text, "ok")) {
        return store_fail(store, STORE_EDATA, apr_pstrcat(pool, "damaged: ",
                          text ? text : "empty", NULL));
    }
    code = get_text(&text, db, "SELECT max(version) FROM schema_migrations"
                    " WHERE applied_at > 0", pool);
    if (code != SQLITE_OK || !text) {
        return store_fail(store, STORE_EFOREIGN, "a database, but no "
                          "Mailtrack store");
    }
    *version = (int)apr_atoi64(text);
    code = get_text(&text, db, "SELECT name FROM sqlite_master"
                    " WHERE type IN ('trigger', 'view')", pool);
    if (code != SQLITE_OK) {
        return sqlite_fail(store, code, db);
    }
    /* no release has any; SQL of a stranger's would run with each hit */
    if (text) {
        return store_fail(store, STORE_EFOREIGN, "it holds triggers or views, "
                          "which no Mailtrack store has");
    }
    if (*version > schema_current(store)) {
        return store_fail(store, STORE_ENEWER, apr_psprintf(pool, "made by a "
                          "later release (schema version %d, this program "
                          "speaks %d)", *version, schema_current(store)));
    }
    return APR_SUCCESS;
}

static apr_status_t open_file(sqlite3 **db, store_t *store, const char *path)
{
    struct stat st;
    int code;

    *db = NULL;
    if (stat(path, &st) != 0) {
        return system_fail(store, "cannot be read");
    }
    if (!S_ISREG(st.st_mode) || st.st_size == 0) {
        return store_fail(store, STORE_EFOREIGN, S_ISREG(st.st_mode)
                          ? "empty" : "not a file");
    }
    code = sqlite3_open_v2(path, db, SQLITE_OPEN_READONLY, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : sqlite_fail(store, code, *db);
}

apr_status_t backup_examine(int *version, store_t *store, const char *path,
                            apr_pool_t *pool)
{
    sqlite3 *db = NULL;
    apr_status_t rv = need_sqlite(store);

    *version = 0;
    if (rv == APR_SUCCESS) {
        rv = refuse_itself(store, path);
    }
    if (rv == APR_SUCCESS) {
        rv = open_file(&db, store, path);
    }
    if (rv == APR_SUCCESS) {
        rv = examine(version, store, db, pool);
    }
    sqlite3_close(db);
    return rv;
}

/* -- putting one back --------------------------------------------------- */

/*
 * The spool's offsets come with the rest, and that is what keeps hits exact:
 * in every state of the store the offsets say which lines its opens came from.
 * With the backup's offsets the drain reads again what it stored after the
 * backup was taken, as far as the segments are still there, and nothing twice;
 * keeping the present ones would lose those hits. A drain that is at work
 * finds its offset changed (offsets_move fails), rolls back and looks again; an
 * idle one reads the offsets once a second. Rows of segments that are gone by
 * now are harmless: names are never used twice.
 */
apr_status_t backup_load(store_t *store, const char *path,
                         const backup_how_t *how, apr_pool_t *pool)
{
    sqlite3 *from = NULL;
    apr_status_t rv = need_sqlite(store);

    (void)pool;
    if (rv == APR_SUCCESS) {
        rv = open_file(&from, store, path);
    }
    if (rv == APR_SUCCESS) {
        /* the first step takes the write lock, the last one commits */
        rv = copy(store, db_of(store), from, how);
    }
    sqlite3_close(from);
    if (rv == APR_SUCCESS) {
        /* best effort: somebody who reads just now keeps the WAL in use */
        sqlite3_wal_checkpoint_v2(db_of(store), "main",
                                  SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    return rv;
}
