/* transport.c - see transport.h. */
#include "runtime/ranks/transport.h"
#include <shunt/ranks.h>
#include "runtime/base/error.h"
#include "runtime/base/option.h"
#include "runtime/base/place.h"
#include "runtime/device/device.h"
#include "runtime/device/trust.h"
#include "runtime/shared/os.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { REASON_CHARS = 160 };

static int is_plugin(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "shunt-", 6) && place_is_plugin(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The first such file of the folder; to be freed. */
static char *first_plugin(const char *folder)
{
    struct dirent **files = NULL;
    char *path = NULL;
    int count = scandir(folder, &files, is_plugin, by_name);
    if (count > 0 && asprintf(&path, "%s/%s", folder, files[0]->d_name) < 0) path = NULL;
    for (int i = 0; i < count; i++) free(files[i]);
    free(files);
    return path;
}

/* The first one of the plugin folders. To be freed; NULL: there is none. */
static char *find(void)
{
    char *folders = strdup(shunt_plugin_folders()), *found = NULL;
    for (char *rest = folders, *folder; folders && !found && (folder = strsep(&rest, os_list_divider));) {
        char *below = NULL;
        if (asprintf(&below, "%s/collective", folder) < 0) break;
        found = first_plugin(below);
        free(below);
    }
    free(folders);
    return found;
}

static shunt_status trusted(const char *path)
{
    struct stat about;
    char reason[REASON_CHARS], *folder = strdup(path), *slash = folder ? os_last_slash(folder) : NULL;
    if (slash) *slash = 0;
    const bool good = !stat(path, &about) && trust_owner(&about, reason, sizeof reason) &&
                      (!slash || trust_folder(folder, reason, sizeof reason));
    free(folder);
    if (good) return SHUNT_OK;
    return stat(path, &about) ? error_fail(SHUNT_E_NOT_FOUND, "%s: there is no such file", path)
                              : error_fail(SHUNT_E_UNSUPPORTED, "%s: refused: %s", path, reason);
}

static shunt_status load(const char *path, const shunt_collective_plugin **out)
{
    shunt_status status = trusted(path);
    if (status) return status;
    /* Global: Open MPI loads parts of its own that look for its symbols. */
    void *library = os_library_open(path, true);
    if (!library) return error_fail(SHUNT_E_NOT_FOUND, "%s", os_library_error());
    shunt_collective_entry_fn entry;
    *(void **)&entry = os_library_symbol(library, "shunt_collective_entry");
    const shunt_collective_plugin *plugin = entry ? entry(&device_host_services) : NULL;
    if (!plugin || plugin->size < sizeof *plugin || plugin->abi_major != SHUNT_ABI_MAJOR)
        return error_fail(SHUNT_E_ABI, "%s: it is no collective plugin for this version", path);
    *out = plugin;
    return SHUNT_OK;
}

const char *shunt_ranks_plugin(void)
{
    const char *chosen = shunt_option("collective");
    if (chosen) return chosen;
    char *found = find();
    chosen = found ? option_intern(found) : NULL;
    free(found);
    if (!chosen)
        error_fail(SHUNT_E_NOT_FOUND,
                   "there is no collective/shunt-mpi.so in the plugin folders (%s); it is built where an MPI with its "
                   "headers is "
                   "found, such as Debian's libopenmpi-dev",
                   shunt_plugin_folders());
    return chosen;
}

shunt_status transport_load(const shunt_collective_plugin **out)
{
    const char *path = shunt_ranks_plugin();
    return path ? load(path, out) : SHUNT_E_NOT_FOUND;
}
