/* transport.c - see transport.h. */
#include "runtime/ranks/transport.h"
#include <shunt/ranks.h>
#include "runtime/base/error.h"
#include "runtime/base/option.h"
#include "runtime/device/device.h"
#include "runtime/device/trust.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { REASON_CHARS = 160 };

/* The first such file of the plugin folders. To be freed; NULL: there is none. */
static char *find(void)
{
    char *folders = strdup(shunt_plugin_folders()), *found = NULL;
    for (char *rest = folders, *folder; folders && !found && (folder = strsep(&rest, ":"));) {
        char *pattern = NULL;
        glob_t files = {0};
        if (asprintf(&pattern, "%s/collective/shunt-*.so", folder) < 0) break;
        if (!glob(pattern, 0, NULL, &files)) found = strdup(files.gl_pathv[0]);
        globfree(&files);
        free(pattern);
    }
    free(folders);
    return found;
}

static shunt_status trusted(const char *path)
{
    struct stat about;
    char reason[REASON_CHARS], *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
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
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) return error_fail(SHUNT_E_NOT_FOUND, "%s", dlerror());
    shunt_collective_entry_fn entry;
    *(void **)&entry = dlsym(library, "shunt_collective_entry");
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
