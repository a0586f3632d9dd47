/* ranks.c - see ranks.h. */
#include "ranks.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_CHARS = 256, PARAMS_CHARS = 32 };

/* Each rank has a profile of its own, FILE.RANK. */
static int divide_profile(const shunt_ranks_info *here)
{
    const char *path = shunt_option("profile");
    char *own;
    if (here->count == 1 || !path || !*path) return EXIT_OK;
    if (asprintf(&own, "%s.%u", path, here->rank) < 0) return say_failure("no memory");
    const int status = shunt_set_option("profile", own) ? say_library_failure(NULL) : EXIT_OK;
    free(own);
    return status;
}

int ranks_begin(shunt_ranks **out)
{
    return shunt_ranks_open(out) ? say_library_failure(NULL) : divide_profile(shunt_ranks_describe(*out));
}

void ranks_end(shunt_ranks *ranks, int status)
{
    const shunt_ranks_info *here = shunt_ranks_describe(ranks);
    if (status == EXIT_OK || !here || here->count == 1) shunt_ranks_close(ranks);
}

bool ranks_speak(const shunt_ranks *ranks)
{
    return shunt_ranks_describe(ranks)->rank == 0;
}

int ranks_say(shunt_ranks *ranks, const char *line)
{
    void *lines = NULL;
    size_t bytes = 0;
    if (shunt_ranks_gather(ranks, line, strlen(line), &lines, &bytes)) return say_library_failure(NULL);
    if (lines) fwrite(lines, 1, bytes, stderr);
    free(lines);
    return EXIT_OK;
}

/* The processors that this rank may use: those that the launcher bound it to, else its share of all. */
static long own_processors(const shunt_ranks_info *here)
{
    const long all = os_processors(), allowed = os_own_processors();
    if (allowed < all) return allowed;
    return all > (long)here->local_count ? all / (long)here->local_count : 1;
}

int64_t ranks_workers(const shunt_ranks *ranks)
{
    enum { MOST = 8 };
    const shunt_ranks_info *here = shunt_ranks_describe(ranks);
    if (here->count == 1) return 0;
    const long own = own_processors(here);
    return own < MOST ? own : MOST;
}

/* "BACKEND:gpu" -> the selector of the GPU that is this rank's. text stays as it is where there is none. */
static int choose_gpu(const shunt_ranks_info *here, char *text, size_t size)
{
    const size_t n = strlen(text) - strlen("gpu"); /* the backend's name and the colon */
    shunt_device_list *devices;
    if (shunt_devices_list(&devices)) return say_library_failure(NULL);
    uint32_t gpus = 0, at = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < shunt_devices_count(devices); i++) {
            const shunt_device_entry *entry = shunt_devices_at(devices, i);
            if (entry->info->type != SHUNT_DEVICE_GPU || strncasecmp(entry->selector, text, n)) continue;
            if (pass == 0)
                gpus++;
            else if (at++ == here->local_rank % gpus) {
                snprintf(text, size, "%s", entry->selector);
                pass = 2;
                break;
            }
        }
    shunt_devices_free(devices);
    return EXIT_OK;
}

static int open_device(const shunt_ranks_info *here, const device_settings *settings, shunt_device **out)
{
    const char *wanted = settings->device ? settings->device : shunt_option("device");
    device_settings own = *settings;
    char text[LINE_CHARS] = "";
    int status = EXIT_OK;
    if (wanted) {
        snprintf(text, sizeof text, "%s", wanted);
        const char *colon = strchr(text, ':');
        if (colon && !strcasecmp(colon, ":gpu")) status = choose_gpu(here, text, sizeof text);
        own.device = text;
    }
    if (status == EXIT_OK) status = device_from_settings(&own, out);
    if (status != EXIT_OK || own.threads || shunt_device_describe(*out)->info->type != SHUNT_DEVICE_CPU) return status;
    own.threads = own_processors(here);
    shunt_device_close(*out);
    return device_from_settings(&own, out);
}

int ranks_device(shunt_ranks *ranks, const device_settings *settings, shunt_device **out)
{
    const shunt_ranks_info *here = shunt_ranks_describe(ranks);
    if (here->count == 1) return device_from_settings(settings, out);
    const int status = open_device(here, settings, out);
    if (status != EXIT_OK) return status;
    const shunt_device_entry *entry = shunt_device_describe(*out);
    char line[2 * LINE_CHARS];
    snprintf(line, sizeof line, "%s: %s, %.80s", here->host, entry->selector, entry->info->name);
    if (shunt_ranks_introduce(ranks, line)) return say_library_failure(NULL);
    snprintf(line, sizeof line, "rank %u of %u on %s: %s, %.120s\n", here->rank, here->count, here->host,
             entry->selector, entry->info->name);
    return ranks_say(ranks, line);
}
