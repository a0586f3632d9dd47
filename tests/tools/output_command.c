/* output_command.c - what the command writes to: a device, a FIFO or a link stays what it is, standard output's file is
 * written on, a full disk is reported, and a closed standard descriptor takes nothing into a result's file. */
#include "tests/support/command_support.h"
#include <fcntl.h>
#include <sys/sysmacros.h>

TestSuite(output_command, .init = enter_folder, .fini = leave_folder);

/* Each writes a file whose path stands between the two. A profile that cannot be written is a warning. */
static const struct {
    const char *before, *after;
    int failed; /* exit status */
} writers[] = {
    {"shunt eval --device scalar --threads 1 --weights w.st --data cifar10:data --predictions ", "", 1},
    {"shunt convert w.st ", "", 1},
    {"SHUNT_PROFILE=", " shunt classify --device scalar --weights w.st picture.ppm", 0},
};
enum { NWRITERS = 3 };

static void prepare(void)
{
    put_cifar("data", 40);
    put_weights("w.st", "resnet8", 0);
    put_picture("picture.ppm", 32, 32);
}

static void write_with(size_t i, const char *path)
{
    run("%s%s%s", writers[i].before, path, writers[i].after);
}

/* Of the path itself, not of what it points to. */
static mode_t kind_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) ? 0 : info.st_mode & S_IFMT;
}

Test(output_command, devices_stay)
{
    prepare();
    if (mknod("null", S_IFCHR | 0666, makedev(1, 3)) || mknod("full", S_IFCHR | 0666, makedev(1, 7)) ||
        access("null", W_OK))
        cr_skip("only root makes device nodes");
    for (size_t i = 0; i < NWRITERS; i++) {
        write_with(i, "null");
        expect_success();
        write_with(i, "full");
        expect_failure(writers[i].failed, "full", "No space left on device");
        cr_assert(kind_of("null") == S_IFCHR && kind_of("full") == S_IFCHR, "replaced by: %s", writers[i].before);
    }
}

Test(output_command, pipes_stay)
{
    static char got[1 << 20];
    prepare();
    cr_assert(!mkfifo("pipe", 0666));
    for (size_t i = 0; i < NWRITERS; i++) {
        write_with(i, "pipe");
        expect_failure(writers[i].failed, "pipe", "a FIFO without a reader");
        cr_assert_eq(kind_of("pipe"), S_IFIFO, "replaced by: %s", writers[i].before);

        int reader = open("pipe", O_RDONLY | O_NONBLOCK);
        cr_assert(!system("cat pipe >got & sleep 0.1"));
        write_with(i, "pipe");
        close(reader);
        expect_success();
        cr_assert(!system("wait; sleep 0.1"));
        slurp("got", got, sizeof got);
        static const char *const begins[] = {"index,label", "", "{\"traceEvents\""};
        cr_assert(!strncmp(got, begins[i], strlen(begins[i])), "%.40s", got);
    }
    struct stat from, to;
    write_with(1, "copy.st");
    cr_assert(!system("cat pipe >got & sleep 0.1"));
    write_with(1, "pipe");
    cr_assert(!system("sleep 0.1") && !stat("copy.st", &from) && !stat("got", &to));
    cr_assert_eq(from.st_size, to.st_size);
}

Test(output_command, links_stay)
{
    prepare();
    for (size_t i = 0; i < NWRITERS; i++)
        for (int there = 0; there < 2; there++) {
            remove("real");
            remove("link");
            if (there) put_bytes("real", "old", 3);
            cr_assert(!symlink("real", "link"));
            write_with(i, "link");
            expect_success();
            struct stat info;
            cr_assert(kind_of("link") == S_IFLNK && !stat("real", &info) && info.st_size > 3, "%s", writers[i].before);
        }
}

/* The predictions first, then the report, whatever standard output is. */
Test(output_command, standard_output_is_written_on)
{
    prepare();
    write_with(0, "/dev/stdout");
    expect_success();
    cr_assert(!strncmp(said.out, "index,label", 11) && strstr(said.out, "top-1 error"), "%s", said.out);
    write_with(0, "/dev/stdout | cat");
    expect_success();
    cr_assert(!strncmp(said.out, "index,label", 11) && strstr(said.out, "top-1 error"), "%s", said.out);
}

/* Nothing but the weights comes out. */
Test(output_command, weights_to_standard_output)
{
    prepare();
    write_with(1, "copy.st");
    expect_success();
    for (int piped = 0; piped < 2; piped++) {
        write_with(1, piped ? "/dev/stdout | cat" : "/dev/stdout");
        expect_success();
        cr_assert(!system("cmp copy.st out.txt"));
    }
}

/* With standard error closed, the first file that is opened would be it. */
Test(output_command, closed_descriptors)
{
    char good[4096], bad[4096];
    prepare();
    cr_assert(!system(
        "mkdir -p set/val/c0 set/val/c1 && cp picture.ppm set/val/c0/a.ppm && cp picture.ppm set/val/c1/b.ppm && "
        "echo broken >set/val/c1/bad.ppm"));
    put_weights("two.st", "resnet8", 2);
    static const char line[] = "shunt eval --device scalar --threads 1 --weights two.st --data imagefolder:set/val "
                               "--skip-bad --predictions p.csv";
    run("%s", line);
    cr_assert_eq(said.status, 0, "%s", said.err);
    slurp("p.csv", good, sizeof good);
    static const char *const closed[] = {"2>&-", "<&- 2>&-", "<&-"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        remove("p.csv");
        run("%s %s", line, closed[i]);
        cr_assert_eq(said.status, 0);
        slurp("p.csv", bad, sizeof bad);
        cr_assert_str_eq(bad, good, "with %s", closed[i]);
    }
    /* What cannot be printed is a failure, and nothing of it is in the file. */
    run("%s >&-", line);
    cr_assert_eq(said.status, 1);
    cr_assert(strstr(said.err, "standard output"), "%s", said.err);
    slurp("p.csv", bad, sizeof bad);
    cr_assert_str_eq(bad, good);
}

Test(output_command, full_disk_leaves_the_old_file)
{
    char text[64];
    prepare();
    for (size_t i = 0; i < NWRITERS; i++) {
        put_bytes("old", "old", 3);
        int before = entries();
        limit_file_size(500);
        write_with(i, "old");
        limit_file_size(RLIM_INFINITY);
        cr_assert_eq(said.status, writers[i].failed, "%s", writers[i].before);
        slurp("old", text, sizeof text);
        cr_assert_str_eq(text, "old");
        cr_assert(entries() <= before + 2, "%s leaves files", writers[i].before);
    }
}
