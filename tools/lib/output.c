/* output.c - see output.h. */
#include "output.h"
#include "args.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

int output_begin(output *self, const char *path)
{
    *self = (output){.path = strdup(path)};
    if (!self->path) return say_failure("%s: no memory", path);
    if (replace_begin(&self->to, path)) {
        self->file = self->to.file;
        return EXIT_OK;
    }
    free(self->path);
    self->path = NULL;
    return say_failure("%s: cannot be written: %s", path, self->to.reason);
}

int output_end(output *self, bool keep)
{
    if (!self->file) return EXIT_OK;
    int status = EXIT_OK;
    if (!replace_end(&self->to, keep)) status = say_failure("%s: cannot be written: %s", self->path, self->to.reason);
    free(self->path);
    *self = (output){0};
    return status;
}
