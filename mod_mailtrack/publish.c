/* SPDX-License-Identifier: MIT */
/* Runs in the drain's thread; reads before it writes. */
#include "publish.h"

#include <apr_strings.h>
#include <apr_uuid.h>

#include "settings.h"

apr_status_t publish_settings(store_t *store, const instance_t *in,
                              apr_pool_t *pool)
{
    const mailtrack_conf_t *conf = in->conf;
    const char *rows[][2] = {
        { "base_url", conf->base_url },
        { "pixel_path", conf->pixel_path },
        { "spool_dir", conf->spool_dir },
        { "rules_file", conf->rules_file },
        { "geoip_file", conf->geoip_file ? conf->geoip_file : "" },
        { "min_delay_us", apr_psprintf(pool, "%" APR_TIME_T_FMT,
                                       conf->min_delay) },
        { "anonymize_ip", conf->anonymize ? "on" : "off" }
    };
    char uuid[APR_UUID_FORMATTED_LENGTH + 1];
    const char *instance_id;
    apr_status_t rv;
    apr_uuid_t id;
    apr_size_t i;

    apr_uuid_get(&id);
    apr_uuid_format(uuid, &id);
    rv = settings_claim(&instance_id, store, "instance_id", uuid, pool);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]) && rv == APR_SUCCESS;
         i++) {
        rv = settings_set(store, rows[i][0], rows[i][1], pool);
    }
    return rv;
}
