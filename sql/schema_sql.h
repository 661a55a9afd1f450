/* SPDX-License-Identifier: MIT */
/* The migrations as embed.awk compiles them in. Private to schema.c. */
#ifndef MAILTRACK_SCHEMA_SQL_H
#define MAILTRACK_SCHEMA_SQL_H

typedef struct schema_migration_t {
    int version;                /* 0 ends the list */
    const char *name;
    const char *sql;
} schema_migration_t;

extern const schema_migration_t schema_sqlite[];
extern const schema_migration_t schema_pgsql[];
extern const schema_migration_t schema_mysql[];

#endif
