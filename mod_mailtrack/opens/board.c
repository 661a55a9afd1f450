/* SPDX-License-Identifier: MIT */
/*
 * Shared numbers of one instance. Written by every child's threads; readers
 * may see a mix of moments, which is fine for counters and times.
 */
#include "board.h"

#include <apr_shm.h>
#include <string.h>

struct board_t {
    apr_int64_t fields[BOARD_FIELDS];
};

apr_status_t board_make(board_t **board, apr_pool_t *pool)
{
    apr_shm_t *shm;
    apr_status_t rv;

    rv = apr_shm_create(&shm, sizeof(board_t), NULL, pool);
    if (rv == APR_SUCCESS) {
        *board = apr_shm_baseaddr_get(shm);
        memset(*board, 0, sizeof(board_t));
    }
    return rv;
}

apr_int64_t board_get(const board_t *board, board_field_t field)
{
    return __atomic_load_n(&board->fields[field], __ATOMIC_RELAXED);
}

void board_set(board_t *board, board_field_t field, apr_int64_t value)
{
    __atomic_store_n(&board->fields[field], value, __ATOMIC_RELAXED);
}

void board_add(board_t *board, board_field_t field, apr_int64_t delta)
{
    __atomic_add_fetch(&board->fields[field], delta, __ATOMIC_RELAXED);
}
