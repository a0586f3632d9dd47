/* temporary.h - a folder for a test's files, entered by enter_folder and removed by leave_folder: a suite's .init and
 * .fini; and checks on messages. */
#ifndef SHUNT_TESTS_TEMPORARY_H
#define SHUNT_TESTS_TEMPORARY_H

#include <shunt/shunt.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char folder[32];

static inline void enter_folder(void)
{
    strcpy(folder, "/tmp/shunt-test-XXXXXX");
    cr_assert(mkdtemp(folder) && !chdir(folder));
}

static inline void leave_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert(!chdir("/") && !system(command));
}

static inline void put_bytes(const char *path, const void *bytes, size_t size)
{
    remove(path); /* to truncate an old file instead makes ext4 write it to the disk: 2 ms */
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) cr_assert_fail("cannot write %s", path);
}

/* Entries of the folder. */
static inline int entries(void)
{
    int count = 0;
    DIR *dir = opendir(".");
    cr_assert(dir);
    for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* A limit on the file size fails in the same place as a full disk: in write(2). */
static inline void limit_file_size(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {bytes, RLIM_INFINITY};
    cr_assert(!setrlimit(RLIMIT_FSIZE, &limit));
}

/* The last message is one printable line with both texts in it. (An assertion costs a millisecond even when it holds,
 * so loops assert only what fails.) */
static inline void expect_message(const char *path, const char *reason)
{
    const char *message = shunt_last_error(), *c = message;
    while ((unsigned char)*c >= 0x20 && *c != 0x7f) c++;
    if (*c) cr_assert_fail("unprintable: %s", message);
    if (!strstr(message, path)) cr_assert_fail("no \"%s\" in: %s", path, message);
    if (!strstr(message, reason)) cr_assert_fail("no \"%s\" in: %s", reason, message);
}

#endif
