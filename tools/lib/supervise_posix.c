/* supervise_posix.c - see supervise.h. The child's silence beyond the limit is what tells a hang. */
#include "supervise.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 16384, KILL_SECONDS = 10, SLICE_MILLISECONDS = 200 };

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A worker whose parent was killed must not continue unwatched. */
static _Noreturn void be_child(const worker *self, int pipe_end, pid_t parent)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    FILE *to = getppid() == parent ? fdopen(pipe_end, "w") : NULL;
    if (!to) _exit(EXIT_FAILURE);
    int result = self->work(self->context, to);
    fclose(to);
    _exit(result & 0x7f); /* no destructors: a driver that has been through the trials may crash in its own */
}

/* Gives the whole lines of the buffer to hear(), and moves the rest to its start. A line too long for it is cut. */
static size_t hear_lines(const worker *self, char *buffer, size_t used, int *limit)
{
    char *start = buffer, *end;
    buffer[used] = '\0';
    while ((end = memchr(start, '\n', (size_t)(buffer + used - start)))) {
        *end = '\0';
        *limit = self->hear(self->context, start);
        start = end + 1;
    }
    used -= (size_t)(start - buffer);
    memmove(buffer, start, used);
    return used < LINE_BYTES - 1 ? used : 0;
}

/* Waits for the pipe for a slice of time. *silent grows by what it took: by little more than the slice, even where this
 * process was stopped meanwhile (Ctrl-Z), and the child with it. Returns poll's number. */
static int wait_slice(int from, double *silent)
{
    struct pollfd ready = {.fd = from, .events = POLLIN};
    double began = now_seconds();
    int polled = poll(&ready, 1, SLICE_MILLISECONDS);
    *silent += fmin(now_seconds() - began, 2e-3 * SLICE_MILLISECONDS);
    return polled;
}

/* Until the child closes the pipe (true) or is silent for too long. */
static bool listen_to(const worker *self, int from)
{
    char *buffer = malloc(LINE_BYTES);
    size_t used = 0;
    int limit = 0;
    bool ended = !buffer;
    double silent = 0;
    while (!ended && (!limit || silent < limit)) {
        int polled = wait_slice(from, &silent);
        if (polled == 0) continue;
        ssize_t got = polled > 0 ? read(from, buffer + used, LINE_BYTES - 1 - used) : -1;
        ended = got == 0 || (got < 0 && errno != EINTR);
        if (got <= 0) continue;
        used = hear_lines(self, buffer, used + (size_t)got, &limit);
        silent = 0;
    }
    free(buffer);
    return ended;
}

/* waitpid with a limit: a process that waits inside a driver may be deaf even to SIGKILL. */
static bool reap(pid_t pid, bool hung, int *status)
{
    double until = now_seconds() + KILL_SECONDS;
    if (hung) kill(pid, SIGKILL);
    for (;;) {
        pid_t got = waitpid(pid, status, hung ? WNOHANG : 0);
        if (got == pid) return true;
        if (got < 0 && errno != EINTR) return false;
        if (hung && now_seconds() > until) return false;
        if (got == 0) usleep(10000);
    }
}

static worker_end end_by(int number)
{
    if (number == SIGKILL) return WORKER_KILLED;
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT ? WORKER_STOPPED
                                                                                          : WORKER_CRASHED;
}

const char *supervise_signal(int number)
{
    return strsignal(number);
}

worker_end supervise(const worker *self, int *result)
{
    int ends[2], status = 0;
    pid_t parent = getpid();
    *result = 0;
    if (pipe2(ends, O_CLOEXEC)) {
        say_failure("no pipe to a worker process: %s", strerror(errno));
        return WORKER_NONE;
    }
    fflush(NULL); /* or the child might write our buffers again */
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_child(self, ends[1], parent);
    }
    close(ends[1]);
    if (pid < 0) {
        say_failure("no worker process: %s", strerror(errno));
        close(ends[0]);
        return WORKER_NONE;
    }
    bool hung = !listen_to(self, ends[0]);
    close(ends[0]);
    if (!reap(pid, hung, &status)) {
        say_failure("worker process %ld hangs and cannot be killed", (long)pid);
        return WORKER_NONE;
    }
    *result = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (hung) return WORKER_HUNG;
    return WIFSIGNALED(status) ? end_by(WTERMSIG(status)) : WORKER_RETURNED;
}
