/* child_posix.c - see child.h. posix_spawn, not fork: a child made by fork in a process with threads may hang on any lock that another
 * thread held. */
#include "runtime/shared/child.h"
#include "runtime/shared/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER = 3 /* the child's descriptor for answers */ };

/* ---- Starting it ---- */

/* Of this process: what the child must not have. */
#ifdef __GLIBC__
static int close_others(posix_spawn_file_actions_t *actions)
{
    return posix_spawn_file_actions_addclosefrom_np(actions, ANSWER + 1);
}
#else
static int close_others(posix_spawn_file_actions_t *actions)
{
    DIR *all = opendir("/proc/self/fd");
    int error = all ? 0 : errno;
    for (const struct dirent *entry; !error && (entry = readdir(all));) {
        const long descriptor = strtol(entry->d_name, NULL, 10);
        if (descriptor > ANSWER) error = posix_spawn_file_actions_addclose(actions, (int)descriptor);
    }
    if (all) closedir(all);
    return error;
}
#endif

static int set_streams(posix_spawn_file_actions_t *actions, int answer)
{
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    for (int stream = 1; stream < ANSWER && !error; stream++)
        error = posix_spawn_file_actions_adddup2(actions, 0, stream);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, answer, ANSWER);
    return error ? error : close_others(actions);
}

/* In a process group of its own, so that what a driver starts can be ended with it. */
static int spawn(char *const arguments[], char *const environment[], int answer, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        error = set_streams(&actions, answer);
        if (!error) error = posix_spawn(pid, arguments[0], &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int child_start(child *self, char *const arguments[], char *const environment[])
{
    int ends[2];
    pid_t pid = 0;
    *self = (child){.answers = -1};
    if (pipe2(ends, O_CLOEXEC)) return errno;
    /* Above the descriptors that the child sets up, even where the application has closed its standard ones. */
    int write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, ANSWER + 1);
    int error = write_end < 0 ? errno : 0;
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (!error) error = spawn(arguments, environment, write_end, &pid);
    if (write_end >= 0) close(write_end);
    if (error) close(ends[0]);
    if (!error) *self = (child){.process = pid, .group = pid, .answers = ends[0]};
    return error;
}

/* ---- Its answers and its end ---- */

/* What there is to read, without waiting. */
static void take(child *self, char *text, size_t *used, size_t size)
{
    while (self->answers >= 0 && *used < size - 1) {
        ssize_t n = read((int)self->answers, text + *used, size - 1 - *used);
        if (n < 0 && errno == EINTR) continue;
        if (n > 0) *used += (size_t)n;
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            close((int)self->answers);
            self->answers = -1;
        }
        if (n <= 0) break;
    }
    text[*used] = '\0';
}

void child_listen(child *self, int milliseconds, char *text, size_t *used, size_t size)
{
    struct pollfd readable = {.fd = (int)self->answers, .events = POLLIN};
    siginfo_t about = {0};
    poll(&readable, 1, milliseconds); /* ignores -1 */
    self->lost = waitid(P_PID, (id_t)self->process, &about, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    self->ended = self->lost || about.si_pid == (pid_t)self->process;
    take(self, text, used, size);
}

void child_end(child *self, char *how, size_t size)
{
    int status = 0;
    if (!self->lost) {
        kill(-(pid_t)self->group, SIGKILL);
        kill((pid_t)self->process, SIGKILL);
        while (waitpid((pid_t)self->process, &status, 0) < 0 && errno == EINTR) continue;
    }
    if (self->answers >= 0) close((int)self->answers);
    self->answers = -1;
    if (self->lost)
        snprintf(how, size, "ends the process");
    else if (WIFSIGNALED(status))
        snprintf(how, size, "crashes: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(how, size, "ends the process with exit status %d", WEXITSTATUS(status));
}

/* ---- In the child ---- */

void child_confine(unsigned seconds)
{
    const struct rlimit none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(seconds);
    setrlimit(RLIMIT_CORE, &none);
}

bool child_answer(const char *text)
{
    size_t n = strlen(text);
    return write(ANSWER, text, n) == (ssize_t)n;
}

void child_leave(int status)
{
    _exit(status);
}
