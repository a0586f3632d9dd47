/* main.c - runs the tests of one program, one after another; see criterion/criterion.h.  Its last line is as Criterion's.
 *   PROGRAM [--filter=SUITE/NAME]...   a pattern as of the shell; other arguments of Criterion's are not read
 * The exit status is 1 when a test failed. */
#include "criterion/criterion.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, FAILED = 1, NAME_CHARS = 256 };

static cr_case *cases;
static bool noted; /* in the process of a test: an expectation failed */
static int passed, failed, skipped;

void cr_register(cr_case *self)
{
    cr_case **end = &cases;
    while (*end) end = &(*end)->next;
    *end = self;
}

void cr_failed(const char *file, int line, const char *condition, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: %s:", file, line, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    noted = true;
}

void cr_end(void)
{
    fflush(NULL);
    _exit(noted ? FAILED : 0);
}

void cr_skipped(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(NULL);
    _exit(SKIPPED);
}

static const cr_options *suite_of(const cr_case *self)
{
    static const cr_options none;
    for (const cr_case *at = cases; at; at = at->next)
        if (!at->run && !at->run_with && !strcmp(at->suite, self->suite)) return &at->options;
    return &none;
}

/* In a process of its own. */
static _Noreturn void run(const cr_case *self, void *parameter)
{
    const cr_options *own = &self->options, *suite = suite_of(self);
    const double seconds = own->timeout > 0 ? own->timeout : suite->timeout;
    if (seconds > 0) alarm((unsigned)ceil(seconds));
    if (suite->init) suite->init();
    if (own->init) own->init();
    if (self->run)
        self->run();
    else
        self->run_with(parameter);
    if (own->fini) own->fini();
    if (suite->fini) suite->fini();
    cr_end();
}

static void judge(const cr_case *self, size_t number, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        passed++;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        skipped++;
        printf("skipped: %s/%s\n", self->suite, self->name);
    } else {
        failed++;
        printf("failed: %s/%s, parameter %zu: %s %d\n", self->suite, self->name, number,
               WIFEXITED(status) ? "exit status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
}

static void start(const cr_case *self, size_t number, void *parameter)
{
    int status = -1;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) run(self, parameter);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(2);
    }
    judge(self, number, status);
}

static void run_all(const cr_case *self)
{
    if (self->run) start(self, 0, NULL);
    if (!self->run_with) return;
    const struct criterion_test_params all = self->parameters();
    for (size_t i = 0; i < all.length; i++) start(self, i, (char *)all.params + i * all.size);
}

/* Whether the arguments want it: there is no filter, or one of them fits. */
static bool wanted(const cr_case *self, char **arguments)
{
    char name[NAME_CHARS];
    bool filtered = false;
    snprintf(name, sizeof name, "%s/%s", self->suite, self->name);
    for (; *arguments; arguments++) {
        if (strncmp(*arguments, "--filter=", 9) != 0) continue;
        filtered = true;
        if (!fnmatch(*arguments + 9, name, 0)) return true;
    }
    return !filtered;
}

int main(int argc, char **argv)
{
    (void)argc;
    for (const cr_case *at = cases; at; at = at->next)
        if (wanted(at, argv + 1)) run_all(at);
    printf("Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", passed + failed + skipped, passed, failed);
    return failed > 0;
}
