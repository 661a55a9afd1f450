/* SPDX-License-Identifier: MIT */
/*
 * The module record and the hooks, with the reason for their order.
 */
#include <string.h>

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include "api/entry.h"
#include "api/fallback.h"
#include "dbd.h"
#include "directives.h"
#include "instance.h"
#include "opens/pixel.h"

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *base)
{
    int rc = directives_check(pconf, ptemp, base);

    (void)plog;
    return rc == OK ? instance_check_all(pconf, ptemp, base) : rc;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *base)
{
    (void)plog;
    dbd_retrieve();
    return instance_make_all(pconf, ptemp, base);
}

static void child_init(apr_pool_t *pchild, server_rec *base)
{
    instance_child(pchild, base);
}

/*
 * quick handler FIRST: before mod_cache, which would look hits up by URL.
 * child_init LAST: the drain must not start before mod_dbd is ready.
 * translate_name, map_to_storage, handler FIRST: the API's paths are no files,
 * whatever aliases, fallbacks and extensions say.
 */
static void register_hooks(apr_pool_t *pool)
{
    static const char *const after[] = {
        "mod_proxy.c", "mod_rewrite.c", "mod_alias.c", "mod_vhost_alias.c",
        "mod_userdir.c", NULL
    };

    (void)pool;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_quick_handler(pixel_handler, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_translate_name(entry_translate, NULL, after, APR_HOOK_FIRST);
    ap_hook_map_to_storage(entry_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(entry_handler, NULL, NULL, APR_HOOK_FIRST);
    fallback_register();
    ap_hook_insert_error_filter(fallback_insert, NULL, NULL,
                                APR_HOOK_LAST);
}

/* the one symbol that leaves the module: all else is hidden */
extern module AP_MODULE_DECLARE_DATA mailtrack_module
    __attribute__((visibility("default")));

module AP_MODULE_DECLARE_DATA mailtrack_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    directives_create,
    directives_merge,
    directives_table,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
