/* fetch_sha256.c - the digest of a file on the disk: what counts is what arrived there. */
#include "fetch.h"
#include "say.h"
#include "args.h"
#include "runtime/shared/sha256.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int fetch_sha256(const char *path, char *digits)
{
    static char buffer[1 << 16];
    FILE *file = fopen(path, "rb");
    sha256 hash;
    if (!file) return say_failure("%s: %s", path, strerror(errno));
    sha256_begin(&hash);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, file)) > 0;) sha256_add(&hash, buffer, n);
    int failed = ferror(file);
    fclose(file);
    if (failed) return say_failure("%s: cannot be read", path);
    sha256_end(&hash, digits);
    return EXIT_OK;
}
