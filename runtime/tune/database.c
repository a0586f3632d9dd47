/* database.c - the tuned choices: a JSON file that anyone can read and edit.
 *
 *   { "format": "shunt-tuning-1",
 *     "devices": { DEVICE: { OP: { "algorithm": A, "params": P, "microseconds": T, "effort": "fast" },
 *                            NETWORK: { see network.c } } } }
 *
 * The user's file is <cache>/tuning.json; defaults, with a device class in place of the device, are the files
 * <data>/tuning/<class with "-" for spaces>.json. A file is read once per process. Storing takes a lock, reads the file again,
 * puts the entry in and replaces the file, so that processes which tune at once keep each other's results. */
#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/shutdown.h"
#include "runtime/shared/os.h"
#include "runtime/tune/database.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FORMAT "shunt-tuning-1"
enum { MAX_FILE_BYTES = 64 << 20, LOCK_SECONDS = 5 };

static const char *const efforts[] = {[EFFORT_SAFE] = "safe", [EFFORT_FAST] = "fast", [EFFORT_FULL] = "full"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *user;     /* the user's "devices" object; NULL: not read yet */
static json_t *defaults; /* the entries of each class read so far */
static bool user_damage_said;

/* ---- Reading: all under the lock ---- */

/* Parses a whole file. NULL, with the message set, when it is not a tuning file of this version. */
static json_t *load_devices(const char *path)
{
    file_mapping mapping;
    if (file_map(path, MAX_FILE_BYTES, &mapping) != SHUNT_OK) return NULL;
    json_error_t error = {.text = ""};
    json_t *document = bounded_json_load((const char *)mapping.data, mapping.size, &error);
    file_unmap(&mapping);
    const char *format = json_string_value(json_object_get(document, "format"));
    json_t *devices = json_object_get(document, "devices");
    if (!format || strcmp(format, FORMAT) || !json_is_object(devices)) {
        if (document)
            error_fail(SHUNT_E_INVALID, "%s: this is not a tuning file of format " FORMAT, path);
        else
            error_fail(SHUNT_E_INVALID, "%s: line %d: %s", path, error.line, error.text);
        devices = NULL;
    }
    json_incref(devices);
    json_decref(document);
    return devices;
}

/* A new reference to the "devices" object of a file, empty when the file is absent or damaged. NULL without memory. */
static json_t *read_devices(const char *path, bool *damage_said)
{
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return json_object();
    json_t *devices = load_devices(path);
    if (devices) return devices;
    if (!*damage_said) log_write(SHUNT_LOG_WARN, "tuning results are ignored: %s", shunt_last_error());
    *damage_said = true;
    return json_object();
}

/* A path in the cache folder, to be freed; NULL, with the message set, when there is no such place. */
static char *cache_path(const char *name)
{
    const char *folder = shunt_cache_folder();
    char *path = NULL;
    if (!folder) return NULL;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
    error_memory();
    return NULL;
}

static const json_t *user_devices(void)
{
    if (user) return user;
    shutdown_add(tune_free);
    char *path = cache_path("tuning.json");
    user = path ? read_devices(path, &user_damage_said) : json_object();
    free(path);
    return user;
}

static char *default_path(const char *class)
{
    char *path = NULL;
    if (asprintf(&path, "%s/tuning/%s.json", shunt_data_folder(), class) < 0) return NULL;
    for (char *c = os_last_slash(path); *c; c++)
        if (*c == ' ') *c = '-';
    return path;
}

/* The shipped entries of a class: OP -> entry. */
static const json_t *class_entries(const char *class)
{
    if (!defaults) defaults = json_object();
    shutdown_add(tune_free);
    json_t *entries = json_object_get(defaults, class);
    char *path = entries ? NULL : default_path(class);
    if (!path) return entries;
    bool said = false;
    json_t *devices = read_devices(path, &said);
    entries = json_object_get(devices, class);
    if (entries)
        json_object_set(defaults, class, entries);
    else
        json_object_set_new(defaults, class, json_object());
    json_decref(devices);
    free(path);
    return json_object_get(defaults, class);
}

static bool copy_text(const json_t *entry, const char *key, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(entry, key));
    if (!text || strlen(text) >= size) return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* An entry that someone has edited beyond recognition counts as absent. */
static bool parse_entry(const json_t *entry, tune_choice *out)
{
    *out = (tune_choice){.microseconds = json_number_value(json_object_get(entry, "microseconds"))};
    const char *effort = json_string_value(json_object_get(entry, "effort"));
    for (tune_effort e = EFFORT_SAFE; effort && e <= EFFORT_FULL; e++)
        if (!strcmp(effort, efforts[e])) out->effort = e;
    return copy_text(entry, "algorithm", out->algorithm, sizeof out->algorithm) && out->algorithm[0] &&
           copy_text(entry, "params", out->params, sizeof out->params);
}

json_t *database_find(const shunt_device *device, const char *key)
{
    char device_key[TUNE_KEY_CHARS];
    tune_device_key(device, device_key);
    pthread_mutex_lock(&lock);
    json_t *entry = json_deep_copy(json_object_get(json_object_get(user_devices(), device_key), key));
    pthread_mutex_unlock(&lock);
    return entry;
}

bool tune_find_own(const shunt_device *device, const shunt_op_desc *desc, tune_choice *out)
{
    char op_key[TUNE_KEY_CHARS];
    json_t *entry = database_find(device, tune_op_key(desc, op_key));
    bool found = parse_entry(entry, out);
    json_decref(entry);
    return found;
}

bool tune_find_default(const shunt_device *device, const shunt_op_desc *desc, tune_choice *out)
{
    char class[TUNE_KEY_CHARS], op_key[TUNE_KEY_CHARS];
    tune_device_class(device, class);
    tune_op_key(desc, op_key);
    pthread_mutex_lock(&lock);
    bool found = parse_entry(json_object_get(class_entries(class), op_key), out);
    pthread_mutex_unlock(&lock);
    return found;
}

/* ---- Storing ---- */

static shunt_status put(json_t *devices, const char *device_key, const char *op_key, json_t *entry)
{
    json_t *ops = json_object_get(devices, device_key);
    if (!json_is_object(ops)) {
        if (json_object_set_new(devices, device_key, json_object())) return error_memory();
        ops = json_object_get(devices, device_key);
    }
    return json_object_set(ops, op_key, entry) ? error_memory() : SHUNT_OK;
}

static shunt_status write_file(const char *path, json_t *devices)
{
    json_t *document = json_pack("{s:s, s:O}", "format", FORMAT, "devices", devices);
    char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(document);
    if (!text) return error_memory();
    file_writer writer;
    shunt_status status = file_write_begin(&writer, path);
    if (status == SHUNT_OK) {
        status = file_write(&writer, text, strlen(text));
        if (status == SHUNT_OK) status = file_write(&writer, "\n", 1);
        shunt_status ended = file_write_end(&writer, status == SHUNT_OK);
        if (status == SHUNT_OK) status = ended;
    }
    free(text);
    return status;
}

/* Waits for the lock, but not for a process that was stopped while it had it: false after LOCK_SECONDS, and at once from
 * then on. */
static bool wait_for_lock(int fd)
{
    static bool impatient;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    for (int waited = 0; !os_lock(fd); waited++) {
        if (errno != EWOULDBLOCK && errno != EINTR) return false;
        if (impatient || waited == LOCK_SECONDS * 50) {
            impatient = true;
            errno = EWOULDBLOCK;
            return false;
        }
        nanosleep(&pause, NULL);
    }
    return true;
}

/* *fd: the lock file; closing it releases the lock. -1: no lock could be taken, and the result is written anyway. */
static shunt_status take_file_lock(int *fd)
{
    char *path = cache_path("tuning.lock");
    if (!path) return SHUNT_E_NOT_FOUND;
    shunt_status status = SHUNT_OK;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*fd < 0 || !wait_for_lock(*fd)) {
        if (*fd >= 0 && errno == EWOULDBLOCK)
            log_write(SHUNT_LOG_WARN,
                      "%s: another process has kept this lock for %d s: is it stopped? The result is written all the "
                      "same; what that process finds now may be lost",
                      path, LOCK_SECONDS);
        else
            status = error_fail(SHUNT_E_IO, "%s: cannot be locked: %s", path, strerror(errno));
        if (*fd >= 0) close(*fd);
        *fd = -1;
    }
    free(path);
    return status;
}

static shunt_status update_file(const char *device_key, const char *op_key, json_t *entry)
{
    char *path = cache_path("tuning.json");
    if (!path) return SHUNT_E_NOT_FOUND;
    shunt_status status = file_make_folders(shunt_cache_folder(), CACHE_FOLDER_MODE);
    int fd = -1;
    if (status == SHUNT_OK) status = take_file_lock(&fd);
    json_t *devices = status == SHUNT_OK ? read_devices(path, &user_damage_said) : NULL;
    if (status == SHUNT_OK && !devices) status = error_memory();
    if (status == SHUNT_OK) status = put(devices, device_key, op_key, entry);
    if (status == SHUNT_OK) status = write_file(path, devices);
    if (status == SHUNT_OK) { /* what other processes have found meanwhile is good for this one, too */
        json_decref(user);
        user = json_incref(devices);
    }
    json_decref(devices);
    if (fd >= 0) close(fd);
    free(path);
    return status;
}

shunt_status database_store(const shunt_device *device, const char *key, json_t *entry)
{
    char device_key[TUNE_KEY_CHARS];
    tune_device_key(device, device_key);
    if (!entry) return error_memory();
    pthread_mutex_lock(&lock);
    user_devices();
    shunt_status status = put(user, device_key, key, entry);
    if (status == SHUNT_OK) status = update_file(device_key, key, entry);
    pthread_mutex_unlock(&lock);
    json_decref(entry);
    return status;
}

shunt_status tune_store(const shunt_device *device, const shunt_op_desc *desc, const tune_choice *choice)
{
    char op_key[TUNE_KEY_CHARS];
    return database_store(device, tune_op_key(desc, op_key),
                          json_pack("{s:s, s:s, s:f, s:s}", "algorithm", choice->algorithm, "params", choice->params,
                                    "microseconds", choice->microseconds, "effort", efforts[choice->effort]));
}

void tune_free(void)
{
    pthread_mutex_lock(&lock);
    json_decref(user);
    json_decref(defaults);
    user = defaults = NULL;
    user_damage_said = false;
    pthread_mutex_unlock(&lock);
    tune_journal_free();
}
