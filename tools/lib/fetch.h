/* fetch.h - a file from an HTTPS server, whole and checked, or not at all. */
#ifndef SHUNT_TOOLS_FETCH_H
#define SHUNT_TOOLS_FETCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct fetch_request {
    const char *url;    /* https:// */
    const char *path;   /* until it is complete and checked, the file is PATH.part; a later call continues it */
    const char *sha256; /* its first digits, 8 to 64 of them; NULL: not known */
    /* Without `sha256`: checks the file; after false, shunt_last_error() says why. */
    bool (*check)(const char *path);
    const char *ca;   /* file of certificates to trust instead of the system's; NULL: the system's */
    uint64_t most;    /* bytes that it may have */
    int64_t patience; /* seconds without a byte */
} fetch_request;

/* Prints why when it fails. digits: 65 bytes, the whole SHA-256. */
int fetch(const fetch_request *request, char *digits);

/* Of a file. Prints why when it fails. */
int fetch_sha256(const char *path, char *digits);

#endif
