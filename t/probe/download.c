/* SPDX-License-Identifier: MIT */
/*
 * One download for t/65-refresh.t: download places|relays FILE [key=value...]
 * with url, account, key, edition, ca. Prints "new", "same" or why not.
 */
#include <stdio.h>
#include <string.h>

#include <apr_general.h>

#include "download.h"

static void set(refresh_t *what, const char *word)
{
    const char *value = strchr(word, '=') + 1;

    if (!strncmp(word, "url=", 4)) {
        what->url = value;
    }
    else if (!strncmp(word, "account=", 8)) {
        what->account_id = value;
    }
    else if (!strncmp(word, "key=", 4)) {
        what->license_key = value;
    }
    else if (!strncmp(word, "edition=", 8)) {
        what->edition = value;
    }
    else {
        what->ca_file = value;
    }
}

int main(int argc, char **argv)
{
    download_t download = { .kind = DOWNLOAD_PLACES };
    int i;

    if (argc < 3) {
        return 2;
    }
    apr_initialize();
    apr_pool_create(&download.pool, NULL);
    if (!strcmp(argv[1], "relays")) {
        download.kind = DOWNLOAD_RELAYS;
    }
    download.what.file = argv[2];
    download.what.edition = "Test-City";
    for (i = 3; i < argc; i++) {
        set(&download.what, argv[i]);
    }
    download_run(&download);
    puts(download.problem ? download.problem
         : download.changed ? "new" : "same");
    apr_pool_destroy(download.pool);
    return 0;
}
