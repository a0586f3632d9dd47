/* output.c - see output.h. */
#include "output.h"
#include "args.h"
#include "say.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What fopen would give: 0666 less the umask, which mkstemp ignores. */
static void open_up(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)!fchmod(fd, 0666 & ~mask);
}

int output_begin(output *self, const char *path)
{
    int fd = -1;
    *self = (output){.path = strdup(path)};
    if (!self->path || asprintf(&self->temporary, "%s.XXXXXX", path) < 0) {
        self->temporary = NULL;
        say_failure("%s: no memory", path);
        goto fail;
    }
    fd = mkstemp(self->temporary);
    if (fd < 0) {
        say_failure("%s: cannot be written: %s", path, strerror(errno));
        goto fail;
    }
    open_up(fd);
    self->file = fdopen(fd, "w");
    if (self->file) return EXIT_OK;
    say_failure("%s: cannot be written: %s", path, strerror(errno));
    close(fd);
    unlink(self->temporary);
fail:
    free(self->temporary);
    free(self->path);
    *self = (output){0};
    return EXIT_FAILED;
}

int output_end(output *self, bool keep)
{
    int status = EXIT_OK;
    if (!self->file) return EXIT_OK;
    bool whole = fflush(self->file) == 0 && !ferror(self->file) && fsync(fileno(self->file)) == 0;
    int reason = errno;
    if (fclose(self->file) != 0 && whole) {
        whole = false;
        reason = errno;
    }
    if (keep && whole && rename(self->temporary, self->path) != 0) {
        whole = false;
        reason = errno;
    }
    if (keep && !whole) status = say_failure("%s: cannot be written: %s", self->path, strerror(reason));
    if (!keep || !whole) unlink(self->temporary);
    free(self->temporary);
    free(self->path);
    *self = (output){0};
    return status;
}
