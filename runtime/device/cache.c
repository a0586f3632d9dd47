/* cache.c - results kept between processes: one file an entry, <folder>/<ns>/<SHA-256 of the key>.bin. A file holds its
 * whole key and the SHA-256 of all it holds, so damage of any kind reads as absent. That is no protection against people: a
 * cached program runs, so a folder or a file that others could have written is not used. Files appear by renaming, so
 * processes need no lock. A cache that does not work costs time, never a result. */
#include "runtime/device/device.h"
#include "runtime/device/trust.h"
#include "runtime/base/option.h"
#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/shared/os.h"
#include "runtime/shared/sha256.h"
#include "runtime/shared/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_MAGIC UINT64_C(0x3265686361437453) /* "StCache2" where bytes are little-endian: no other order fits */
#define ENTRY_LIMIT (UINT64_C(1) << 30)

enum { NAME_DIGITS = 32 /* of the key's digest, in the file's name */ };

/* Followed by the key, then the blob. */
typedef struct cache_header {
    uint64_t magic, nkey, nblob;
    char digits[64]; /* SHA-256 of key and blob */
} cache_header;

/* `second` follows `first`. */
static void digest(const void *first, size_t nfirst, const void *second, size_t nsecond, char digits[65])
{
    sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, first, nfirst);
    sha256_add(&hash, second, nsecond);
    sha256_end(&hash, digits);
}

/* One warning a process says it; a broken disk would say it for every kernel. */
static void warn_once(atomic_flag *said, const char *what)
{
    if (!atomic_flag_test_and_set(said)) log_write(SHUNT_LOG_WARN, "cache: %s (reported once)", what);
}

static const char *chosen_folder(void)
{
    const char *folder = shunt_option("cache_dir");
    if (folder && *folder) return folder;
    const char *base = NULL, *below = NULL;
    for (const os_cache_place *at = os_cache_places; at->variable && !base; at++) {
        base = option_environment(at->variable);
        below = at->below;
        if (base && !os_is_absolute(base)) base = NULL; /* XDG: absolute or ignored */
    }
    if (!base) {
        error_fail(SHUNT_E_NOT_FOUND, "there is no cache folder: set SHUNT_CACHE_DIR, XDG_CACHE_HOME or HOME");
        return NULL;
    }
    char *path = NULL;
    const char *kept = asprintf(&path, "%s/%s", base, below) < 0 ? NULL : option_intern(path);
    if (!kept) error_memory();
    free(path);
    return kept;
}

const char *shunt_cache_folder(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    char reason[160];
    const char *folder = chosen_folder();
    if (!folder || trust_folder(folder, reason, sizeof reason)) return folder;
    error_fail(SHUNT_E_IO, "%s: not used as cache folder: %s", folder, reason);
    warn_once(&said, shunt_last_error());
    return NULL;
}

/* The entry's file, to be freed; and, where asked for, the folder that it is in. */
static shunt_status entry_path(const char *ns, const void *key, size_t nkey, char **path, char **folder)
{
    size_t n = ns ? strspn(ns, "abcdefghijklmnopqrstuvwxyz0123456789_-") : 0;
    if (n == 0 || n > 64 || ns[n])
        return error_fail(SHUNT_E_INVALID, "cache name space \"%.64s\": it must consist of 1 to 64 of a-z 0-9 _ -",
                          ns ? ns : "(null)");
    char digits[65];
    const char *root = shunt_cache_folder();
    if (!root) return SHUNT_E_NOT_FOUND;
    digest(key, nkey, NULL, 0, digits);
    if (folder && asprintf(folder, "%s/%s", root, ns) < 0) {
        *folder = NULL;
        return error_memory();
    }
    if (asprintf(path, "%s/%s/%.*s.bin", root, ns, NAME_DIGITS, digits) < 0) {
        *path = NULL;
        return error_memory();
    }
    return SHUNT_OK;
}

static shunt_status damaged(const char *path, const char *reason)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    shunt_status status = error_fail(SHUNT_E_NOT_FOUND, "%s: ignored, %s", path, reason);
    warn_once(&said, shunt_last_error());
    return status;
}

/* Reads the whole entry, header and all, into *bytes. Read, not mapped: another process may cut the file meanwhile. */
static shunt_status read_entry(const char *path, char **bytes, size_t *nbytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not block */
    if (file < 0 && errno == ENOENT) return error_fail(SHUNT_E_NOT_FOUND, "%s: no such entry", path);
    if (file < 0) return damaged(path, strerror(errno));
    struct stat about;
    char *buffer = NULL, distrust[160];
    const char *reason = NULL;
    size_t n = 0;
    if (fstat(file, &about))
        reason = strerror(errno);
    else if (!S_ISREG(about.st_mode))
        reason = "it is not a regular file";
    else if (!trust_owner(&about, distrust, sizeof distrust))
        reason = distrust;
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
    char digits[65];
    memcpy(&header, bytes, sizeof header);
    size_t rest = nbytes - sizeof header;
    if (header.magic != CACHE_MAGIC) return damaged(path, "it is not a cache entry of this version");
    if (header.nkey > rest || header.nblob != rest - header.nkey) return damaged(path, "its length is wrong");
    digest(bytes + sizeof header, rest, NULL, 0, digits);
    if (memcmp(digits, header.digits, sizeof header.digits) != 0) return damaged(path, "its SHA-256 is wrong");
    if (header.nkey != nkey || memcmp(bytes + sizeof header, key, nkey) != 0)
        return error_fail(SHUNT_E_NOT_FOUND, "%s: it holds another key of the same hash", path);
    return SHUNT_OK;
}

shunt_status cache_get(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob)
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
    cache_header header = {.magic = CACHE_MAGIC, .nkey = nkey, .nblob = nblob};
    char digits[65];
    file_writer writer;
    digest(key, nkey, blob, nblob, digits);
    memcpy(header.digits, digits, sizeof header.digits);
    shunt_status status = file_write_begin(&writer, path);
    if (status) return status;
    os_deny_others(fileno(writer.file)); /* whatever the umask */
    status = file_write(&writer, &header, sizeof header);
    if (!status) status = file_write(&writer, key, nkey);
    if (!status) status = file_write(&writer, blob, nblob);
    shunt_status ended = file_write_end(&writer, !status);
    return status ? status : ended;
}

shunt_status cache_put(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    static atomic_flag said = ATOMIC_FLAG_INIT, swept = ATOMIC_FLAG_INIT;
    if (nkey > ENTRY_LIMIT / 2 || nblob > ENTRY_LIMIT / 2)
        return error_fail(SHUNT_E_UNSUPPORTED, "cache entry of %zu bytes: more than 512 MiB are not kept", nblob);
    char *path = NULL, *folder = NULL;
    bool distrusted = !shunt_cache_folder() && chosen_folder(); /* that has been said */
    shunt_status status = entry_path(ns, key, nkey, &path, &folder);
    if (status == SHUNT_E_INVALID) return status; /* the caller's mistake */
    if (!status) status = file_make_folders(folder, CACHE_FOLDER_MODE);
    /* An entry that was being written when its process was killed may never be written again. */
    if (!status && !atomic_flag_test_and_set(&swept)) sweep_temporaries(folder, NULL);
    if (!status) status = write_entry(path, key, nkey, blob, nblob);
    if (status && !distrusted) {
        error_context(status, "results are not kept for the next start");
        warn_once(&said, shunt_last_error());
    }
    free(folder);
    free(path);
    return status;
}
