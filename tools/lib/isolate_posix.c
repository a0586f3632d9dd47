/* isolate_posix.c - a child process for code that may crash or hang. Its answer comes through a pipe: one byte for the
 * outcome, then the text. What it does to itself, from signals to exit(), stays there. */
#include "isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_CHARS = 1024 };

static void silence(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int stream = 0; nothing >= 0 && stream < 3; stream++) dup2(nothing, stream);
}

static void child(isolated_work work, const void *argument, int answer_to)
{
    char answer[1 + ANSWER_CHARS] = "";
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    silence();
    answer[0] = work(argument, answer + 1, ANSWER_CHARS) ? '+' : '-';
    size_t n = 1 + strlen(answer + 1);
    _exit(write(answer_to, answer, n) == (ssize_t)n ? 0 : 1);
}

static long milliseconds_left(const struct timespec *start, int seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return seconds * 1000L - (now.tv_sec - start->tv_sec) * 1000L - (now.tv_nsec - start->tv_nsec) / 1000000L;
}

/* Reads until the child closes the pipe or the time is over; the number of bytes, or -1 when it is over. */
static ssize_t receive(int from, int seconds, char *bytes, size_t size)
{
    struct timespec start;
    size_t n = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (n < size) {
        long left = milliseconds_left(&start, seconds);
        struct pollfd ready = {.fd = from, .events = POLLIN};
        int polled = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (polled == 0) return -1;
        ssize_t got = polled > 0 ? read(from, bytes + n, size - n) : -1;
        if (got > 0)
            n += (size_t)got;
        else if (got == 0 || errno != EINTR)
            break;
    }
    return (ssize_t)n;
}

static bool explain(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(text, size, "it crashes: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "it ends the process with exit status %d", WEXITSTATUS(status));
    return false;
}

bool isolate(isolated_work work, const void *argument, int seconds, char *text, size_t size)
{
    int ends[2], status = 0;
    char answer[1 + ANSWER_CHARS];
    text[0] = 0;
    if (pipe2(ends, O_CLOEXEC)) {
        snprintf(text, size, "no pipe for a child process: %s", strerror(errno));
        return false;
    }
    fflush(NULL); /* or the child's exit() might write our buffers again */
    pid_t pid = fork();
    if (pid == 0) child(work, argument, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        snprintf(text, size, "no child process: %s", strerror(errno));
        close(ends[0]);
        return false;
    }
    ssize_t n = receive(ends[0], seconds, answer, sizeof answer - 1);
    close(ends[0]);
    if (n < 0) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (n < 0) snprintf(text, size, "it does not answer within %d s", seconds);
    if (n == 0) return explain(status, text, size);
    if (n <= 0) return false;
    answer[n] = 0;
    snprintf(text, size, "%s", answer + 1);
    return answer[0] == '+';
}
