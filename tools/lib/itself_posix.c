/* itself_posix.c - see itself.h. */
#include "itself.h"
#include "runtime/shared/os.h"
#include "supervise.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 32 };

typedef struct run {
    const char *const *arguments;
    int seconds;
    os_text heard;
} run;

/* In the child, which becomes the command. */
static int work(void *context, FILE *parent)
{
    const run *self = context;
    static char name[] = "shunt";
    char *arguments[MOST_ARGUMENTS] = {name};
    for (int i = 0; i < MOST_ARGUMENTS - 2 && self->arguments[i]; i++) arguments[i + 1] = (char *)self->arguments[i];
    fputc('\n', parent); /* the time begins */
    fflush(parent);
    if (dup2(fileno(parent), 1) == 1 && dup2(fileno(parent), 2) == 2) execv("/proc/self/exe", arguments);
    return 1;
}

static int hear(void *context, const char *line)
{
    run *self = context;
    if (self->heard.to && line[0]) fprintf(self->heard.to, "%s\n", line);
    return self->seconds;
}

int itself_run(const char *const *arguments, int seconds, char **said)
{
    run self = {.arguments = arguments, .seconds = seconds};
    const worker job = {.work = work, .hear = hear, .context = &self};
    size_t size;
    int result;
    os_text_begin(&self.heard);
    const worker_end end = supervise(&job, &result);
    if (self.heard.to && end == WORKER_HUNG) fprintf(self.heard.to, "it did not end within %d s\n", seconds);
    if (self.heard.to && (end == WORKER_CRASHED || end == WORKER_KILLED))
        fprintf(self.heard.to, "it ended by a signal: %s\n", supervise_signal(result));
    *said = self.heard.to ? os_text_end(&self.heard, &size) : NULL;
    return end == WORKER_RETURNED ? result : -1;
}
