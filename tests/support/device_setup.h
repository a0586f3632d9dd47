/* device_setup.h - what the device tests share: folders of chosen test plugins, and a log to look into. */
#ifndef DEVICE_SETUP_H
#define DEVICE_SETUP_H

#include <criterion/criterion.h>
#include <shunt/shunt.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a loader says of a library, in glibc's words; others have their own. */
#ifdef __GLIBC__
#define LOADER_SAYS(words) words
#else
#define LOADER_SAYS(words) ""
#endif

enum { SETUP_PATH_CHARS = 512 };

static char setup_folder[SETUP_PATH_CHARS]; /* this test's own */

static inline const char *make_folder(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(setup_folder, sizeof setup_folder, "%s/shunt-test-XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(setup_folder));
    return setup_folder;
}

static inline int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about, (void)type, (void)at;
    return remove(path);
}

static inline void remove_folder(void)
{
    nftw(setup_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Path of a file in this test's folder, good until the next call. */
static inline const char *in_folder(const char *name)
{
    static char path[SETUP_PATH_CHARS * 2];
    snprintf(path, sizeof path, "%s/%s", setup_folder, name);
    return path;
}

static inline void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(in_folder(name), "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    cr_assert_eq(fclose(file), 0);
}

#ifdef TEST_PLUGINS
/* Puts the plugins of this space-separated list, and no others, on the search path. */
static inline void use_plugins(const char *names)
{
    char list[512], target[SETUP_PATH_CHARS], file[128];
    snprintf(list, sizeof list, "%s", names);
    make_folder();
    for (char *rest = list, *name; (name = strsep(&rest, " "));) {
        snprintf(target, sizeof target, "%s/%s.so", TEST_PLUGINS, name);
        snprintf(file, sizeof file, "%s.so", name);
        if (*name) cr_assert_eq(symlink(target, in_folder(file)), 0);
    }
    cr_assert_eq(shunt_set_option("plugin_path", setup_folder), SHUNT_OK);
}
#endif

static char log_text[8192];
static int log_lines;

static inline void note_log(void *context, int level, const char *message)
{
    (void)context;
    size_t used = strlen(log_text);
    snprintf(log_text + used, sizeof log_text - used, "%d: %s\n", level, message);
    log_lines++;
}

#define assert_contains(text, part) cr_assert_not_null(strstr(text, part), "\"%s\" lacks \"%s\"", text, part)
#define assert_lacks(text, part) cr_assert_null(strstr(text, part), "\"%s\" contains \"%s\"", text, part)

#endif
