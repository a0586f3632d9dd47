/* trust_posix.c - see trust.h. */
#include "runtime/device/trust.h"

#include <stdio.h>
#include <unistd.h>

bool trust_owner(const struct stat *about, char *reason, size_t size)
{
    if (about->st_uid != 0 && about->st_uid != geteuid()) {
        snprintf(reason, size, "it belongs to user %u; only your own or root's files are used",
                 (unsigned)about->st_uid);
        return false;
    }
    if (about->st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(reason, size, "others may write to it (mode %o); to use it, run chmod go-w",
                 (unsigned)about->st_mode & 07777);
        return false;
    }
    return true;
}

bool trust_folder(const char *path, char *reason, size_t size)
{
    struct stat about;
    return stat(path, &about) || trust_owner(&about, reason, size);
}
