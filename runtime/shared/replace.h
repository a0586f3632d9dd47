/* replace.h - the one way in which the library and the command write a file.
 *
 * A regular file appears under its name only when it is complete: it is written under a temporary name in the same folder, synced,
 * and renamed. A symbolic link is followed: the file it names is replaced, or made, and the link stays. Anything else (a
 * device, a FIFO, /dev/stdout, /dev/fd/N) is never replaced: what was written is kept aside, and copied into it at the
 * end. */
#ifndef SHUNT_RUNTIME_REPLACE_H
#define SHUNT_RUNTIME_REPLACE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct replacement {
    FILE *file;             /* what the caller writes to; NULL: not begun, or ended */
    char *path, *temporary; /* the file and its temporary name; NULL if the content is written through */
    int through;            /* descriptor that is written through, or -1 */
    bool stdout_named;      /* it is standard output's */
    /* After a failure: errno's value, and the same in words. */
    int error;
    const char *reason;
} replacement;

/* Fails early if the target cannot be written. A FIFO that nobody reads is refused, since opening it would block. */
bool replace_begin(replacement *self, const char *path);

/* Gives the file its name. If keep is false, or if not all of it could be written, the old file is unchanged and no temporary file
 * remains. Releases everything in both cases. Returns true if the file was kept, or if keep was false. Does nothing for a file that
 * was not begun. */
bool replace_end(replacement *self, bool keep);

#endif
