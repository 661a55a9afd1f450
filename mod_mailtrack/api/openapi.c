/* SPDX-License-Identifier: MIT */
/*
 * /api/openapi.json: what this API is, for programs. The text is openapi.json
 * of this directory, built in; the version and the server's URL are put in
 * when it is asked for. Runs in httpd's worker threads.
 */
#include "config.h"

#include "answer.h"
#include "endpoints.h"
#include "openapi_json.h"

int endpoint_openapi(call_t *call)
{
    json_t *body, *servers;

    if (request_end(call->input))
        return answer_faults(call);
    body = json_loads(openapi_json, 0, NULL);
    if (!body)
        return answer_problem(call, HTTP_INTERNAL_SERVER_ERROR, "The "
                              "description was built wrong.");
    json_object_set_new(json_object_get(body, "info"), "version",
                        json_string(MAILTRACK_VERSION));
    servers = json_pack("[{s:s}]", "url", call->conf->base_url);
    json_object_set_new(body, "servers", servers);
    return answer_json(call, HTTP_OK, body);
}
