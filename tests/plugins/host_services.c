/* host_services.c - uses what the host gives: says through the log what it got, and names itself by an option. */
#include "fake.h"

static shunt_backend backend = {FAKE_BACKEND("unnamed")};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    if (host->size < sizeof *host || host->abi_major != SHUNT_ABI_MAJOR) return NULL;
    const char *name = host->option("test_name");
    if (name) backend.name = name;
    void *blob = NULL;
    size_t nblob = 0;
    char text[128];
    shunt_status put = host->cache_put("test", "key", 3, "value", 6),
                 got = host->cache_get("test", "key", 3, &blob, &nblob);
    snprintf(text, sizeof text, "put %d got %d %zu bytes\x1b: %s", put, got, nblob, got ? "-" : (char *)blob);
    host->cache_free(blob);
    host->log(SHUNT_LOG_ERROR, text);
    return &backend;
}
