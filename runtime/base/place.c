/* place.c - see place.h. */
#include "runtime/base/place.h"
#include "runtime/shared/os.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char plugins[PLACE_CHARS + 32] = SHUNT_PLUGIN_FOLDER, data[PLACE_CHARS + 32] = SHUNT_DATA_FOLDER;

bool place_own_folder(char folder[PLACE_CHARS])
{
    char *real = os_own_file(), *slash = real ? os_last_slash(real) : NULL;
    const bool fits = slash && slash - real < PLACE_CHARS;
    if (fits) snprintf(folder, PLACE_CHARS, "%.*s", (int)(slash - real), real);
    free(real);
    return fits;
}

/* SHUNT_DATA_FROM_LIBRARY: the way from the library's folder to that of the data. */
static void find(void)
{
    char folder[PLACE_CHARS], helper[PLACE_CHARS + 32], joined[PLACE_CHARS + sizeof SHUNT_DATA_FROM_LIBRARY];
    if (!place_own_folder(folder)) return;
    snprintf(helper, sizeof helper, "%s/shunt/shunt-probe%s", folder, os_program_ending);
    if (access(helper, X_OK)) return;
    snprintf(plugins, sizeof plugins, "%s/shunt", folder);
    snprintf(joined, sizeof joined, "%s/" SHUNT_DATA_FROM_LIBRARY, folder);
    char *real = os_real_path(joined);
    if (real && strlen(real) < sizeof data) strcpy(data, real);
    free(real);
}

static void find_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find);
}

bool place_is_plugin(const char *file)
{
    const size_t n = strlen(file), ending = strlen(os_library_ending);
    return n > ending && !strcmp(file + n - ending, os_library_ending);
}

const char *place_plugins(void)
{
    find_once();
    return plugins;
}

const char *place_data(void)
{
    find_once();
    return data;
}
