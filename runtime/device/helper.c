/* helper.c - runs the helper program shunt-probe on a plugin and judges what became of it.
 *
 * The helper answers with a greeting with the library's version when it starts, and with HELPER_DONE when the plugin has listed all of
 * its devices. A helper that ends without HELPER_DONE has failed, also with exit status 0. */
#include "runtime/device/helper.h"

#include "runtime/base/option.h"
#include "runtime/base/place.h"
#include "runtime/device/registry.h"
#include "runtime/shared/child.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_SECONDS = 10, MOST_SECONDS = 600, POLL_MILLISECONDS = 5, ANSWER_CHARS = 128 };
enum { PATH_CHARS = PLACE_CHARS + 32 };

/* ---- Where it is --------------------------------------------------------------------------------------------------- */

static bool found(char *path)
{
    return access(path, X_OK) == 0;
}

/* Installed it lies in the plugins' folder; in a build folder, beside the library. */
static bool find_helper(char path[PATH_CHARS])
{
    char folder[PLACE_CHARS];
    const char *wanted = shunt_option("probe_helper");
    if (wanted) {
        snprintf(path, PATH_CHARS, "%s", wanted);
        return found(path);
    }
    if (place_own_folder(folder)) {
        snprintf(path, PATH_CHARS, "%s/shunt-probe%s", folder, os_program_ending);
        if (found(path)) return true;
    }
    snprintf(path, PATH_CHARS, "%s/shunt-probe%s", place_plugins(), os_program_ending);
    return found(path);
}

bool helper_find(char *path, size_t size)
{
    char all[PATH_CHARS];
    if (!find_helper(all) || strlen(all) >= size) return false;
    memcpy(path, all, strlen(all) + 1);
    return true;
}

/* ---- Running it ---------------------------------------------------------------------------------------------------- */

static int patience(void)
{
    const char *text = shunt_option("probe_seconds");
    long seconds = text ? strtol(text, NULL, 10) : 0;
    return seconds >= 1 && seconds <= MOST_SECONDS ? (int)seconds : DEFAULT_SECONDS;
}

static int start(child *self, const char *helper, const char *plugin, int seconds)
{
    char limit[16], **environment = options_environment();
    if (!environment) return ENOMEM;
    snprintf(limit, sizeof limit, "%d", seconds);
    int error = child_start(self, (char *const[]){(char *)helper, (char *)plugin, limit, NULL}, environment);
    free(environment);
    return error;
}

static bool done(const char *answer)
{
    return strstr(answer, "\n" HELPER_DONE) != NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Until the helper says that it is done, or ends, or the time is up. */
static void listen_to(child *helper, int seconds, char answer[ANSWER_CHARS])
{
    size_t used = 0;
    const double end = now() + seconds;
    answer[0] = '\0';
    while (!helper->ended && !done(answer) && now() < end)
        child_listen(helper, POLL_MILLISECONDS, answer, &used, ANSWER_CHARS);
}

static helper_verdict judge(const char *answer, bool ended, int seconds, const char *how, char *reason, size_t size)
{
    static const char what[] = "loading it or looking for its devices";
    if (strncmp(answer, HELPER_GREETING, strlen(HELPER_GREETING)) != 0) {
        snprintf(reason, size, "it does not start, or is of another version");
        return HELPER_UNUSABLE;
    }
    if (done(answer)) return HELPER_SAFE;
    if (!ended) {
        snprintf(reason, size, "%s does not end within %d s", what, seconds);
        return HELPER_SLOW;
    }
    snprintf(reason, size, "%s %s", what, how);
    return HELPER_UNSAFE;
}

helper_verdict helper_run(const char *helper, const char *plugin, char *reason, size_t size)
{
    child self;
    char answer[ANSWER_CHARS], how[ANSWER_CHARS];
    const int seconds = patience(), error = start(&self, helper, plugin, seconds);
    reason[0] = 0;
    if (error) {
        snprintf(reason, size, "%s", strerror(error));
        return HELPER_UNUSABLE;
    }
    listen_to(&self, seconds, answer);
    child_end(&self, how, sizeof how);
    return judge(answer, self.ended, seconds, how, reason, size);
}
