/* Temporary files of writers that were killed are removed; those of others stay. */
#include "runtime/base/file.h"
#include "runtime/base/option.h"
#include "runtime/device/device.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <utime.h>

#include "tests/support/temporary.h"

TestSuite(sweep, .init = enter_folder, .fini = leave_folder, .timeout = 60);

static void make_old(const char *path)
{
    struct utimbuf old = {time(NULL) - 3600, time(NULL) - 3600};
    cr_assert(!utime(path, &old), "%s", path);
}

/* The temporary files of a writer that is killed amid writing `name`, made an hour old. */
static void be_killed(const char *name)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        file_writer writer;
        if (!file_write_begin(&writer, name) && !file_write(&writer, "half", 4)) raise(SIGKILL);
        _exit(1);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    char left[64];
    snprintf(left, sizeof left, "%s.tmp-%d-0", name, (int)pid);
    make_old(left);
}

static void write_whole(const char *name)
{
    file_writer writer;
    cr_assert(!file_write_begin(&writer, name) && !file_write(&writer, "whole", 5) && !file_write_end(&writer, 1), "%s",
              shunt_last_error());
}

Test(sweep, thirty_killed_writers_leave_nothing_for_long)
{
    for (int i = 0; i < 30; i++) be_killed("last.ckpt"); /* each removes what the one before has left */
    cr_assert_eq(entries(), 1);
    write_whole("last.ckpt");
    cr_assert_eq(entries(), 1);
    cr_assert(!access("last.ckpt", F_OK));
}

Test(sweep, process_number_that_is_used_again_hides_nothing)
{
    char left[64];
    snprintf(left, sizeof left, "last.ckpt.tmp-%d-0", (int)getpid());
    put_bytes(left, "half", 4);
    make_old(left);
    write_whole("last.ckpt");
    cr_assert_eq(entries(), 1);
}

Test(sweep, living_writer_keeps_its_file)
{
    file_writer writer;
    char left[64];
    cr_assert(!file_write_begin(&writer, "some") && !file_write(&writer, "slow", 4) && !fflush(writer.file));
    snprintf(left, sizeof left, "some.tmp-%d-0", (int)getpid());
    make_old(left);
    write_whole("some");
    cr_assert(!access(left, F_OK), "the file of a writer that is still there was removed");
    cr_assert_eq(file_write_end(&writer, 1), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(entries(), 1);
}

Test(sweep, what_is_young_or_not_ours_stays)
{
    static const char *const others[] = {"some.tmp-",      "some.tmp-1",        "some.tmp-1-",   "some.tmp-1-0x",
                                         "some.tmp-x-0",   "some.tmp--1-0",     "other.tmp-1-0", "asome.tmp-1-0",
                                         "some.tmp-1-0.x", "some.tmp-2-0.tmp-", "some2.tmp-1-0", ".tmp-1-0"};
    enum { COUNT = sizeof others / sizeof *others };
    for (size_t i = 0; i < COUNT; i++) {
        put_bytes(others[i], "mine", 4);
        make_old(others[i]);
    }
    put_bytes("some.tmp-7-0", "young", 5);
    cr_assert(!mkdir("some.tmp-8-0", 0777) && !symlink("other.tmp-1-0", "some.tmp-9-0"));
    write_whole("some");
    for (size_t i = 0; i < COUNT; i++) cr_assert(!access(others[i], F_OK), "%s was removed", others[i]);
    cr_assert(!access("some.tmp-7-0", F_OK) && !access("some.tmp-8-0", F_OK) && !access("some.tmp-9-0", F_OK));
}

Test(sweep, cache_entry_that_is_never_written_again)
{
    static const char left[] = "cache/ns/0123456789abcdef.bin.tmp-4242-0";
    char cache[64];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    cr_assert_eq(shunt_set_option("cache_dir", cache), SHUNT_OK);
    cr_assert(!mkdir("cache", 0700) && !mkdir("cache/ns", 0700));
    put_bytes(left, "half", 4);
    make_old(left);
    cr_assert_eq(cache_put("ns", "key", 3, "value", 5), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(access(left, F_OK) != 0);
}
