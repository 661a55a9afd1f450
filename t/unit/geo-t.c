/* SPDX-License-Identifier: MIT */
/*
 * Places: names found and cut, a file that comes, changes, is renamed over,
 * written over in place, cut off, replaced by garbage or taken away. Makes its
 * databases with t/lib/mmdb (Debian: libmaxmind-db-writer-perl).
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "geo.h"
#include "utf8.h"

static apr_pool_t *pool;
static char root[] = "/tmp/mailtrack-geo-XXXXXX";

static int run(const char *command)
{
    return system(command);
}

static int make(const char *path, const char *places)
{
    return run(apr_psprintf(pool, "perl '%s' '%s' %s",
                            source_file("t/lib/mmdb"), path, places));
}

static const char *in_root(const char *name)
{
    return apr_pstrcat(pool, root, "/", name, NULL);
}

static void place(geo_t *geo, const char *address, const char *want)
{
    geo_place_t found;

    geo_lookup(&found, geo, address);
    is_str(apr_pstrcat(pool, found.country, "/", found.city, NULL), want,
           "place of %s", address ? address : "(none)");
}

static geo_t *fresh(const char *path)
{
    geo_t *geo = NULL;

    if (geo_make(&geo, path, pool) != APR_SUCCESS) {
        printf("Bail out! geo_make\n");
        exit(99);
    }
    return geo;
}

static void test_names(void)
{
    const char *path = in_root("names.mmdb");
    const char *longer = apr_psprintf(pool, "%0200d", 0);
    geo_place_t found;
    geo_t *geo;

    make(path, apr_psprintf(pool, "192.0.2.0/24 Germany 'K\xc3\xb6ln' "
         "2001:db8::/32 France '' 198.51.100.0/24 '' '' "
         "203.0.113.0/24 '%s\xc3\xa9' '%.127s\xc3\xa9\xc3\xa9'",
         longer, longer));
    geo = fresh(path);
    is_int(geo_state(geo), GEO_OPEN, "a database");
    is_str(geo_type(geo, pool), "Test-City", "of this type");
    ok(geo_built_at(geo) > 1600000000, "built lately");
    place(geo, "192.0.2.77", "Germany/K\xc3\xb6ln");
    place(geo, "::ffff:192.0.2.77", "Germany/K\xc3\xb6ln");
    place(geo, "2001:db8::1", "France/");
    place(geo, "198.51.100.1", "/");
    place(geo, "8.8.8.8", "/");
    place(geo, "not an address", "/");
    place(geo, "192.0.2.77x", "/");
    place(geo, "", "/");
    place(geo, NULL, "/");
    geo_lookup(&found, geo, "203.0.113.1");
    is_int(strlen(found.country), 64, "a long name is cut");
    is_int(strlen(found.city), 127, "at a character");
    ok(utf8_valid(found.city, strlen(found.city)), "and stays UTF-8");
}

static void test_files(void)
{
    const char *path = in_root("files.mmdb");
    const char *other = in_root("other.mmdb");
    geo_t *geo;

    is_int(geo_state(fresh(NULL)), GEO_OFF, "none configured");
    place(fresh(NULL), "192.0.2.1", "/");
    geo = fresh(path);
    is_int(geo_state(geo), GEO_ABSENT, "not there");
    is_str(geo_type(geo, pool), "", "has no type");
    is_int(geo_built_at(geo), 0, "and no age");
    place(geo, "192.0.2.1", "/");
    make(path, "192.0.2.0/24 Germany Berlin");
    place(geo, "192.0.2.1", "Germany/Berlin");
    make(path, "192.0.2.0/24 France Paris");
    place(geo, "192.0.2.1", "France/Paris");
    unlink(path);
    place(geo, "192.0.2.1", "France/Paris");
    is_int(geo_state(geo), GEO_OPEN, "a file that went stays in use");
    run(apr_psprintf(pool, "echo garbage >'%s.x'; mv '%s.x' '%s'", path,
                     path, path));
    place(geo, "192.0.2.1", "France/Paris");
    make(other, "192.0.2.0/24 Spain Madrid");
    run(apr_psprintf(pool, "head -c 700 '%s' >'%s.x'; mv '%s.x' '%s'", other,
                     path, path, path));
    place(geo, "192.0.2.1", "France/Paris");
    run(apr_psprintf(pool, "mv '%s' '%s'", other, path));
    place(geo, "192.0.2.1", "Spain/Madrid");
    run(apr_psprintf(pool, "echo garbage >'%s'", other));
    is_int(geo_state(fresh(other)), GEO_BROKEN, "garbage is known");
    is_int(geo_state(fresh(root)), GEO_BROKEN, "a directory, too");
}

/* cp writes into the mapped file: reading what it cut off would be SIGBUS. */
static void test_in_place(void)
{
    const char *path = in_root("place.mmdb");
    const char *next = in_root("next.mmdb");
    geo_t *geo;

    make(path, "192.0.2.0/24 Germany Berlin");
    make(next, "192.0.2.0/24 Spain Madrid");
    geo = fresh(path);
    place(geo, "192.0.2.1", "Germany/Berlin");
    is_int(truncate(path, 0), 0, "cut off to nothing");
    place(geo, "192.0.2.1", "/");
    is_int(geo_state(geo), GEO_BROKEN, "is no database");
    run(apr_psprintf(pool, "head -c 300 '%s' >'%s'", next, path));
    place(geo, "192.0.2.1", "/");
    run(apr_psprintf(pool, "cat '%s' >'%s'", next, path));
    place(geo, "192.0.2.1", "Spain/Madrid");
}

static int stop;

typedef struct reader_t {
    geo_t *geo;
    apr_thread_t *thread;
    int wrong;
    int looked;
} reader_t;

static void *APR_THREAD_FUNC reader_run(apr_thread_t *thread, void *data)
{
    reader_t *r = data;
    geo_place_t found;

    (void)thread;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        geo_lookup(&found, r->geo, "192.0.2.1");
        r->wrong += strcmp(found.country, "Germany")
                    && strcmp(found.country, "Spain");
        r->looked++;
    }
    return NULL;
}

/* The hit path shares one geo_t between threads while the file changes. */
static void test_threads(void)
{
    const char *path = in_root("threads.mmdb");
    reader_t readers[4];
    apr_status_t rv;
    int wrong = 0, looked = 0;
    int i;

    make(path, "192.0.2.0/24 Germany Berlin");
    memset(readers, 0, sizeof(readers));
    readers[0].geo = fresh(path);
    for (i = 0; i < 4; i++) {
        readers[i].geo = readers[0].geo;
        apr_thread_create(&readers[i].thread, NULL, reader_run, &readers[i],
                          pool);
    }
    for (i = 0; i < 4; i++) {
        make(path, i % 2 ? "192.0.2.0/24 Germany Berlin"
             : "192.0.2.0/24 Spain Madrid");
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (i = 0; i < 4; i++) {
        apr_thread_join(&rv, readers[i].thread);
        wrong += readers[i].wrong;
        looked += readers[i].looked;
    }
    is_int(wrong, 0, "%d lookups while the file was replaced", looked);
}

int main(void)
{
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (!mkdtemp(root)) {
        printf("Bail out! no directory\n");
        return 99;
    }
    if (run("perl -MMaxMind::DB::Writer::Tree -e 1 2>/dev/null") != 0) {
        printf("1..0 # SKIP libmaxmind-db-writer-perl is not there\n");
        return 0;
    }
    test_names();
    test_files();
    test_in_place();
    test_threads();
    failed = done_testing();
    if (run(apr_psprintf(pool, "rm -rf '%s'", root)) != 0) {
        failed = 1;
    }
    apr_terminate();
    return failed;
}
