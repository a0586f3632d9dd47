/* helper.c - runs the helper program shunt-probe on a plugin and judges what became of it.
 *
 * posix_spawn, not fork: a child made by fork in a process with threads may hang on any lock that another thread held. The
 * helper answers on descriptor HELPER_ANSWER: a greeting with the library's version when it starts, HELPER_DONE when the
 * plugin has listed all of its devices. A helper that ends without HELPER_DONE has failed, also with exit status 0. The answer's
 * pipe may be held open by processes that a driver started, so its end is not waited for. */
#include "runtime/device/helper.h"

#include "runtime/base/option.h"
#include "runtime/base/place.h"
#include "runtime/device/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
        snprintf(path, PATH_CHARS, "%s/shunt-probe", folder);
        if (found(path)) return true;
    }
    snprintf(path, PATH_CHARS, "%s/shunt-probe", place_plugins());
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

/* In a process group of its own, so that what a driver starts can be ended with it. No signal is blocked or ignored there,
 * and no descriptor of the application's is open. Returns 0 or errno's value. */
static int spawn(const char *helper, const char *plugin, int seconds, int answer, pid_t *pid)
{
    char limit[16];
    char *arguments[] = {(char *)helper, (char *)plugin, limit, NULL}, **environment = options_environment();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    snprintf(limit, sizeof limit, "%d", seconds);
    sigemptyset(&none);
    sigfillset(&all);
    if (!environment) return ENOMEM;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) goto no_actions;
    error = posix_spawnattr_init(&attributes);
    if (error) goto no_attributes;
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    for (int stream = 1; stream < 3 && !error; stream++) error = posix_spawn_file_actions_adddup2(&actions, 0, stream);
    if (!error) error = posix_spawn_file_actions_adddup2(&actions, answer, HELPER_ANSWER);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, HELPER_ANSWER + 1);
    if (!error) error = posix_spawn(pid, helper, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
no_attributes:
    posix_spawn_file_actions_destroy(&actions);
no_actions:
    free(environment);
    return error;
}

typedef struct answer {
    char text[ANSWER_CHARS];
    size_t used;
    int pipe;   /* -1: its end was seen */
    bool ended; /* the child; else the time was up, or it is done */
    bool lost;  /* the application collects all children itself: there is no exit status */
} answer;

static bool done(const answer *self)
{
    return strstr(self->text, "\n" HELPER_DONE) != NULL;
}

/* What there is to read, without waiting. */
static void take(answer *self)
{
    while (self->pipe >= 0 && self->used < sizeof self->text - 1) {
        ssize_t n = read(self->pipe, self->text + self->used, sizeof self->text - 1 - self->used);
        if (n > 0) self->used += (size_t)n;
        if (n < 0 && errno == EINTR) continue;
        if (n == 0 || (n < 0 && errno != EAGAIN)) self->pipe = -1;
        if (n <= 0) return;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Until the helper says that it is done, or ends, or the time is up. */
static void listen(pid_t pid, int seconds, answer *self)
{
    const double end = now() + seconds;
    while (!self->ended && now() < end) {
        struct pollfd readable = {.fd = self->pipe, .events = POLLIN};
        poll(&readable, 1, POLL_MILLISECONDS); /* ignores -1 */
        siginfo_t child = {0};
        bool gone = waitid(P_PID, (id_t)pid, &child, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
        self->lost = gone;
        self->ended = gone || child.si_pid == pid;
        take(self);
        if (done(self)) return;
    }
}

/* Ends the helper and what was started there. Returns its wait status. */
static int end_all(pid_t pid, const answer *self)
{
    int status = 0;
    if (self->lost) return 0;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

static helper_verdict judge(const answer *self, int seconds, int status, char *reason, size_t size)
{
    static const char what[] = "loading it or looking for its devices";
    if (strncmp(self->text, HELPER_GREETING, strlen(HELPER_GREETING)) != 0) {
        snprintf(reason, size, "it does not start, or is of another version");
        return HELPER_UNUSABLE;
    }
    if (done(self)) return HELPER_SAFE;
    if (!self->ended) {
        snprintf(reason, size, "%s does not end within %d s", what, seconds);
        return HELPER_SLOW;
    }
    if (!self->lost && WIFSIGNALED(status))
        snprintf(reason, size, "%s crashes: %s", what, strsignal(WTERMSIG(status)));
    else if (!self->lost)
        snprintf(reason, size, "%s ends the process with exit status %d", what, WEXITSTATUS(status));
    else
        snprintf(reason, size, "%s ends the process", what);
    return HELPER_UNSAFE;
}

helper_verdict helper_run(const char *helper, const char *plugin, char *reason, size_t size)
{
    int ends[2], seconds = patience();
    pid_t pid;
    reason[0] = 0;
    if (pipe2(ends, O_CLOEXEC)) {
        snprintf(reason, size, "%s", strerror(errno));
        return HELPER_UNUSABLE;
    }
    /* Above the descriptors that the child sets up, even where the application has closed its standard ones. */
    int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, HELPER_ANSWER + 1);
    int error = write_end < 0 ? errno : 0;
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!error) error = spawn(helper, plugin, seconds, write_end, &pid);
    if (write_end >= 0) close(write_end);
    helper_verdict verdict = HELPER_UNUSABLE;
    if (error) {
        snprintf(reason, size, "%s", strerror(error));
    } else {
        answer heard = {.pipe = ends[0]};
        listen(pid, seconds, &heard);
        int status = end_all(pid, &heard);
        verdict = judge(&heard, seconds, status, reason, size);
    }
    close(ends[0]);
    return verdict;
}
