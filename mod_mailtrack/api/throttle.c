/* SPDX-License-Identifier: MIT */
/*
 * Failures counted and checks bounded; contract in throttle.h. Any thread of
 * any child, under one robust mutex held for microseconds: a child that dies
 * with it leaves numbers that are good enough.
 */
#include "throttle.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <apr_shm.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define KEY_SIZE   16
#define WAYS       8
#define PAIR_SETS  1024
#define USER_SETS  512
#define SLOTS      (THROTTLE_WORK + THROTTLE_MORE)

/* The last failures of one key, a ring: next is the oldest. 0: none. */
typedef struct pair_t {
    unsigned char key[KEY_SIZE];
    apr_uint32_t next;
    apr_uint32_t at[THROTTLE_PAIR];     /* seconds since the epoch */
} pair_t;

typedef struct user_entry_t {
    unsigned char key[KEY_SIZE];
    apr_uint32_t next;
    apr_uint32_t at[THROTTLE_USER];
} user_entry_t;

struct throttle_t {
    pthread_mutex_t mutex;
    unsigned char secret[32];
    apr_uint32_t busy[SLOTS];           /* since when; 0: free */
    pair_t pairs[PAIR_SETS * WAYS];
    user_entry_t users[USER_SETS * WAYS];
};

/* Either table, seen alike. */
typedef struct table_t {
    char *base;
    apr_size_t stride;
    apr_size_t sets;
    apr_uint32_t limit;
} table_t;

typedef struct entry_t {
    unsigned char key[KEY_SIZE];
    apr_uint32_t next;
    apr_uint32_t at[];
} entry_t;

static table_t pairs_of(throttle_t *throttle)
{
    table_t table = { (char *)throttle->pairs, sizeof(pair_t), PAIR_SETS,
                      THROTTLE_PAIR };

    return table;
}

static table_t users_of(throttle_t *throttle)
{
    table_t table = { (char *)throttle->users, sizeof(user_entry_t),
                      USER_SETS, THROTTLE_USER };

    return table;
}

/* -- making and locking -------------------------------------------------- */

static int make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    int rc = pthread_mutexattr_init(&attr);

    if (!rc) {
        rc = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        if (!rc) {
            rc = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
        }
        if (!rc) {
            rc = pthread_mutex_init(mutex, &attr);
        }
        pthread_mutexattr_destroy(&attr);
    }
    return rc;
}

apr_status_t throttle_make(throttle_t **out, apr_pool_t *pool)
{
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, sizeof(throttle_t), NULL, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_shm_baseaddr_get(shm);
    memset(*out, 0, sizeof(throttle_t));
    if (RAND_bytes((*out)->secret, sizeof((*out)->secret)) != 1) {
        return APR_EGENERAL;
    }
    return make_mutex(&(*out)->mutex);
}

static void lock(throttle_t *throttle)
{
    if (pthread_mutex_lock(&throttle->mutex) == EOWNERDEAD) {
        pthread_mutex_consistent(&throttle->mutex);
    }
}

static void unlock(throttle_t *throttle)
{
    pthread_mutex_unlock(&throttle->mutex);
}

/* -- failures ------------------------------------------------------------ */

static void make_key(unsigned char key[KEY_SIZE], const throttle_t *throttle,
                     const char *user, const char *address)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    memset(digest, 0, sizeof(digest));
    if (md && EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
        EVP_DigestUpdate(md, throttle->secret, sizeof(throttle->secret));
        EVP_DigestUpdate(md, user, strlen(user) + 1);
        EVP_DigestUpdate(md, address, strlen(address) + 1);
        EVP_DigestFinal_ex(md, digest, &len);
    }
    EVP_MD_CTX_free(md);
    memcpy(key, digest, KEY_SIZE);
}

static entry_t *entry_at(const table_t *table, const unsigned char *key,
                         int way)
{
    apr_uint64_t number;

    memcpy(&number, key, sizeof(number));
    return (entry_t *)(void *)(table->base + table->stride
        * ((apr_size_t)(number % table->sets) * WAYS + (apr_size_t)way));
}

static entry_t *find(const table_t *table, const unsigned char *key)
{
    int way;

    for (way = 0; way < WAYS; way++) {
        entry_t *entry = entry_at(table, key, way);

        if (!memcmp(entry->key, key, KEY_SIZE)) {
            return entry;
        }
    }
    return NULL;
}

static apr_uint32_t newest(const table_t *table, const entry_t *entry)
{
    return entry->at[(entry->next + table->limit - 1) % table->limit];
}

/* A place for key: its own, else the one unused for longest. */
static entry_t *claim(const table_t *table, const unsigned char *key)
{
    entry_t *found = find(table, key);
    int way;

    if (found) {
        return found;
    }
    found = entry_at(table, key, 0);
    for (way = 1; way < WAYS; way++) {
        entry_t *entry = entry_at(table, key, way);

        if (newest(table, entry) < newest(table, found)) {
            found = entry;
        }
    }
    memset(found, 0, table->stride);
    memcpy(found->key, key, KEY_SIZE);
    return found;
}

/* Seconds until one more failure is allowed. A clock that went back (a time
 * that is yet to come) bars nobody. */
static int wait_of(const table_t *table, const unsigned char *key,
                   apr_uint32_t now)
{
    const entry_t *entry = find(table, key);
    apr_uint32_t oldest = entry ? entry->at[entry->next] : 0;

    if (!oldest || oldest > now || now - oldest >= THROTTLE_WINDOW) {
        return 0;
    }
    return (int)(THROTTLE_WINDOW - (now - oldest));
}

static void note(const table_t *table, const unsigned char *key,
                 apr_uint32_t now)
{
    entry_t *entry = claim(table, key);

    entry->at[entry->next] = now;
    entry->next = (entry->next + 1) % table->limit;
}

static void take_back(const table_t *table, const unsigned char *key)
{
    entry_t *entry = find(table, key);

    if (entry) {
        entry->next = (entry->next + table->limit - 1) % table->limit;
        entry->at[entry->next] = 0;
    }
}

static void forget(const table_t *table, const unsigned char *key)
{
    entry_t *entry = find(table, key);

    if (entry) {
        memset(entry, 0, table->stride);
    }
}

/* -- work ---------------------------------------------------------------- */

/* @return a free slot or -1 */
static int take_slot(throttle_t *throttle, int known, apr_uint32_t now)
{
    int count = known ? SLOTS : THROTTLE_WORK;
    int i;

    for (i = 0; i < count; i++) {
        apr_uint32_t since = throttle->busy[i];

        if (!since || since > now || now - since >= THROTTLE_STALE) {
            throttle->busy[i] = now;
            return i;
        }
    }
    return -1;
}

int throttle_begin(throttle_try_t *attempt, throttle_t *throttle,
                   const char *user, const char *address, int known,
                   apr_time_t now)
{
    table_t pairs = pairs_of(throttle);
    table_t users = users_of(throttle);
    int wait, all;

    make_key(attempt->pair, throttle, user, address);
    make_key(attempt->user, throttle, user, "");
    attempt->known = known;
    attempt->stamp = (apr_uint32_t)apr_time_sec(now);
    lock(throttle);
    wait = wait_of(&pairs, attempt->pair, attempt->stamp);
    all = known ? 0 : wait_of(&users, attempt->user, attempt->stamp);
    wait = all > wait ? all : wait;
    if (!wait) {
        attempt->slot = take_slot(throttle, known, attempt->stamp);
        wait = attempt->slot < 0;
    }
    if (!wait) {
        note(&pairs, attempt->pair, attempt->stamp);
        if (!known) {
            note(&users, attempt->user, attempt->stamp);
        }
    }
    unlock(throttle);
    return wait;
}

void throttle_rest(throttle_try_t *attempt, throttle_t *throttle)
{
    lock(throttle);
    if (throttle->busy[attempt->slot] == attempt->stamp) {
        throttle->busy[attempt->slot] = 0;
    }
    unlock(throttle);
}

void throttle_end(const throttle_try_t *attempt, throttle_t *throttle,
                  throttle_end_t end)
{
    table_t pairs = pairs_of(throttle);
    table_t users = users_of(throttle);

    if (end == THROTTLE_WRONG) {
        return;
    }
    lock(throttle);
    if (end == THROTTLE_GOOD) {
        forget(&pairs, attempt->pair);
    } else {
        take_back(&pairs, attempt->pair);
    }
    if (!attempt->known) {
        take_back(&users, attempt->user);
    }
    unlock(throttle);
}
