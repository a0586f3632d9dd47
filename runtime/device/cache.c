/* cache.c - results kept between processes: one file an entry, <folder>/<ns>/<hash of the key>.bin. A file holds its
 * whole key and a checksum, so a collision, a cut or a flipped bit reads as absent. Files appear by renaming, so
 * processes need no lock. A cache that does not work costs time, never a result. */
#include "runtime/device/device.h"
#include "runtime/base/option.h"
#include "runtime/base/error.h"
#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_MAGIC UINT64_C(0x3165686361437453) /* "StCache1" where bytes are little-endian: no other order fits */
#define ENTRY_LIMIT (UINT64_C(1) << 30)

/* Followed by the key, then the blob. */
typedef struct cache_header {
    uint64_t magic, nkey, nblob, checksum; /* of key and blob */
} cache_header;

/* FNV-1a: every step is one-to-one, so a single changed byte always shows. */
static uint64_t hash(uint64_t from, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) from = (from ^ p[i]) * UINT64_C(0x100000001b3);
    return from;
}

static uint64_t hash_of(const void *bytes, size_t n)
{
    return hash(UINT64_C(0xcbf29ce484222325), bytes, n);
}

const char *shunt_cache_folder(void)
{
    const char *folder = shunt_option("cache_dir");
    if (folder && *folder) return folder;
    const char *base = shunt_environment("XDG_CACHE_HOME"), *below = "shunt";
    if (!base || base[0] != '/')
        base = shunt_environment("HOME"), below = ".cache/shunt"; /* XDG: absolute or ignored */
    if (!base) {
        shunt_fail(SHUNT_E_NOT_FOUND, "there is no cache folder: set SHUNT_CACHE_DIR, XDG_CACHE_HOME or HOME");
        return NULL;
    }
    char *path = NULL;
    const char *kept = asprintf(&path, "%s/%s", base, below) < 0 ? NULL : shunt_intern(path);
    if (!kept) shunt_fail_memory();
    free(path);
    return kept;
}

/* The entry's file, to be freed; and, where asked for, the folder that it is in. */
static shunt_status entry_path(const char *ns, const void *key, size_t nkey, char **path, char **folder)
{
    size_t n = ns ? strspn(ns, "abcdefghijklmnopqrstuvwxyz0123456789_-") : 0;
    if (n == 0 || n > 64 || ns[n])
        return shunt_fail(SHUNT_E_INVALID, "cache name space \"%.64s\": it must be made of 1 to 64 of a-z 0-9 _ -",
                          ns ? ns : "(null)");
    const char *root = shunt_cache_folder();
    if (!root) return SHUNT_E_NOT_FOUND;
    if (folder && asprintf(folder, "%s/%s", root, ns) < 0) {
        *folder = NULL;
        return shunt_fail_memory();
    }
    if (asprintf(path, "%s/%s/%016llx.bin", root, ns, (unsigned long long)hash_of(key, nkey)) < 0) {
        *path = NULL;
        return shunt_fail_memory();
    }
    return SHUNT_OK;
}

/* One warning a process says it; a broken disk would say it for every kernel. */
static void warn_once(atomic_flag *said, const char *what)
{
    if (!atomic_flag_test_and_set(said)) shunt_log(SHUNT_LOG_WARN, "cache: %s (said once)", what);
}

static shunt_status damaged(const char *path, const char *reason)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    shunt_status status = shunt_fail(SHUNT_E_NOT_FOUND, "%s: ignored, %s", path, reason);
    warn_once(&said, shunt_last_error());
    return status;
}

/* Reads the whole entry, header and all, into *bytes. Read, not mapped: another process may cut the file meanwhile. */
static shunt_status read_entry(const char *path, char **bytes, size_t *nbytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not block */
    if (file < 0 && errno == ENOENT) return shunt_fail(SHUNT_E_NOT_FOUND, "%s: no such entry", path);
    if (file < 0) return damaged(path, strerror(errno));
    struct stat about;
    char *buffer = NULL;
    const char *reason = NULL;
    size_t n = 0;
    if (fstat(file, &about))
        reason = strerror(errno);
    else if (!S_ISREG(about.st_mode))
        reason = "it is not a regular file";
    else if ((uint64_t)about.st_size < sizeof(cache_header))
        reason = "it is cut off";
    else if ((uint64_t)about.st_size > ENTRY_LIMIT)
        reason = "it is larger than 1 GiB";
    else if (!(buffer = malloc((size_t)about.st_size)))
        reason = "out of host memory";
    while (!reason && n < (size_t)about.st_size) {
        ssize_t got = read(file, buffer + n, (size_t)about.st_size - n);
        if (got > 0)
            n += (size_t)got;
        else if (got == 0)
            reason = "it is cut off";
        else if (errno != EINTR)
            reason = strerror(errno);
    }
    close(file);
    if (reason) {
        free(buffer);
        return damaged(path, reason);
    }
    *bytes = buffer;
    *nbytes = n;
    return SHUNT_OK;
}

static shunt_status check_entry(const char *path, const char *bytes, size_t nbytes, const void *key, size_t nkey)
{
    cache_header header;
    memcpy(&header, bytes, sizeof header);
    size_t rest = nbytes - sizeof header;
    if (header.magic != CACHE_MAGIC) return damaged(path, "it is not a cache entry of this version");
    if (header.nkey > rest || header.nblob != rest - header.nkey) return damaged(path, "its length is wrong");
    if (hash_of(bytes + sizeof header, rest) != header.checksum) return damaged(path, "its checksum is wrong");
    if (header.nkey != nkey || memcmp(bytes + sizeof header, key, nkey) != 0)
        return shunt_fail(SHUNT_E_NOT_FOUND, "%s: it holds another key of the same hash", path);
    return SHUNT_OK;
}

shunt_status shunt_cache_get(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob)
{
    char *path = NULL, *bytes = NULL;
    size_t nbytes = 0;
    shunt_status status = entry_path(ns, key, nkey, &path, NULL);
    if (!status) status = read_entry(path, &bytes, &nbytes);
    if (!status) status = check_entry(path, bytes, nbytes, key, nkey);
    if (!status) {
        *nblob = nbytes - sizeof(cache_header) - nkey;
        memmove(bytes, bytes + sizeof(cache_header) + nkey, *nblob);
        *blob = bytes;
        bytes = NULL;
    }
    free(bytes);
    free(path);
    return status;
}

static shunt_status write_entry(const char *path, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    cache_header header = {CACHE_MAGIC, nkey, nblob, hash(hash_of(key, nkey), blob, nblob)};
    shunt_writer writer;
    shunt_status status = shunt_write_begin(&writer, path);
    if (status) return status;
    status = shunt_write(&writer, &header, sizeof header);
    if (!status) status = shunt_write(&writer, key, nkey);
    if (!status) status = shunt_write(&writer, blob, nblob);
    shunt_status ended = shunt_write_end(&writer, !status);
    return status ? status : ended;
}

shunt_status shunt_cache_put(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (nkey > ENTRY_LIMIT / 2 || nblob > ENTRY_LIMIT / 2)
        return shunt_fail(SHUNT_E_UNSUPPORTED, "cache entry of %zu bytes: more than 512 MiB are not kept", nblob);
    char *path = NULL, *folder = NULL;
    shunt_status status = entry_path(ns, key, nkey, &path, &folder);
    if (status == SHUNT_E_INVALID) return status; /* the caller's mistake */
    if (!status) status = shunt_make_folders(folder);
    if (!status) status = write_entry(path, key, nkey, blob, nblob);
    if (status) {
        shunt_fail_context(status, "results are not kept for the next start");
        warn_once(&said, shunt_last_error());
    }
    free(folder);
    free(path);
    return status;
}
