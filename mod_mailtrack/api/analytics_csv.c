/* SPDX-License-Identifier: MIT */
/*
 * /api/export/analytics.csv: the figures of /api/analytics, one table a file.
 * Runs in httpd's worker threads; reads rollups, never history.
 */
#include <apr_strings.h>
#include <http_protocol.h>

#include "analysis.h"
#include "answer.h"
#include "csv.h"
#include "endpoints.h"
#include "habits.h"
#include "rules.h"

/* What a file holds; the same figures as the JSON. */
typedef enum {
    TABLE_SERIES, TABLE_HOURS, TABLE_COUNTRIES, TABLE_CITIES
} table_e;

static const char *const first_columns[REPORTS_FIRST] = {
    "first_1m", "first_5m", "first_15m", "first_1h", "first_4h", "first_1d",
    "first_3d", "first_7d", "first_later"
};

static void series_head(csv_t *csv)
{
    int i;

    csv_text(csv, "date");
    csv_text(csv, "mails");
    csv_text(csv, "mails_opened");
    csv_text(csv, "mails_possible");
    csv_text(csv, "opens");
    csv_text(csv, "possible");
    for (i = 0; i < ANALYSIS_VERDICTS; i++)
        csv_text(csv, verdict_name((verdict_e)i));
    for (i = 0; i < REPORTS_FIRST; i++)
        csv_text(csv, first_columns[i]);
}

static void series_cells(csv_t *csv, const char *day, const rollup_t *row)
{
    int i;

    csv_text(csv, day);
    csv_int(csv, row->mails);
    csv_int(csv, row->mails_opened);
    csv_int(csv, row->mails_possible);
    csv_int(csv, row->opens);
    csv_int(csv, row->possible);
    for (i = 0; i < ANALYSIS_VERDICTS; i++)
        csv_int(csv, row->verdicts[i]);
    for (i = 0; i < REPORTS_FIRST; i++)
        csv_int(csv, row->first[i]);
}

static void place_cells(csv_t *csv, const apr_array_header_t *places, int row,
                        int cities)
{
    const place_t *place = row ? &APR_ARRAY_IDX(places, row - 1, place_t)
                               : NULL;

    csv_text(csv, place ? place->country : "country");
    if (cities)
        csv_text(csv, place ? place->city : "city");
    if (place)
        csv_int(csv, place->opens);
    else
        csv_text(csv, "opens");
}

static int table_rows(const analysis_t *a, table_e table)
{
    return table == TABLE_SERIES ? a->series->nelts
         : table == TABLE_HOURS ? REPORTS_HOURS
         : table == TABLE_COUNTRIES ? a->places.countries->nelts
                                    : a->places.cities->nelts;
}

/* Row 0 is the head. */
static void table_row(csv_t *csv, call_t *call, const analysis_t *a,
                      table_e table, int row)
{
    csv_row(csv);
    if (table == TABLE_HOURS)
        habits_hour_row(csv, a->week, row);
    else if (table == TABLE_COUNTRIES)
        place_cells(csv, a->places.countries, row, 0);
    else if (table == TABLE_CITIES)
        place_cells(csv, a->places.cities, row, 1);
    else if (!row)
        series_head(csv);
    else
        series_cells(csv, analysis_day(a, row - 1, call->r->pool),
                     &APR_ARRAY_IDX(a->series, row - 1, rollup_t));
}

/* At most 1,200 rows: one answer, after the store has been given back. */
static int answer_csv(call_t *call, const analysis_t *a, table_e table)
{
    csv_t *csv = csv_make(call->r->pool);
    const char *row;
    apr_size_t len;
    int i;

    call_return(call);
    answer_headers(call);
    ap_set_content_type(call->r, "text/csv; charset=utf-8; header=present");
    apr_table_setn(call->r->headers_out, "Content-Disposition",
                   "attachment; filename=\"analytics.csv\"");
    for (i = 0; i <= table_rows(a, table); i++) {
        table_row(csv, call, a, table, i);
        row = csv_end(csv, &len);
        if (ap_rwrite(row, (int)len, call->r) < 0)
            break;
    }
    return OK;
}

int endpoint_analytics_csv(call_t *call)
{
    static const char *const tables[] = { "series", "hours", "countries",
                                          "cities", NULL };
    analysis_t a;
    table_e table;
    apr_status_t rv;
    int status;

    memset(&a, 0, sizeof(a));
    analysis_range(&a, call);
    table = (table_e)request_arg_choice(call->input, "table", tables,
                                        TABLE_SERIES);
    if (request_end(call->input))
        return answer_faults(call);
    if ((status = call_store(call)) != OK)
        return status;
    rv = analysis_series(&a, call);
    if (!rv && table == TABLE_HOURS)
        rv = analysis_week(&a, call);
    else if (!rv && table != TABLE_SERIES)
        rv = analysis_places(&a, call);
    if (rv)
        return answer_store(call, rv, "figure");
    return answer_csv(call, &a, table);
}
