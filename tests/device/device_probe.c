/* device_probe.c - a plugin that crashes, hangs or ends the process is found out by the helper shunt-probe, never by the
 * application; what was found is kept until something changes. */
#include "tests/support/device_setup.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

enum { LIMIT_SECONDS = 1 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Writes a program to this test's folder. */
static void write_script(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
    cr_assert_eq(chmod(in_folder(name), 0755), 0);
}

/* The helper, which notes each of its runs in the file "runs". */
static void use_helper(void)
{
    char script[2 * SETUP_PATH_CHARS];
    snprintf(script, sizeof script, "#!/bin/sh\necho >>%s/runs\nexec %s \"$@\"\n", setup_folder, TEST_HELPER);
    write_script("helper", script);
    shunt_set_option("probe_helper", in_folder("helper"));
}

static int runs(void)
{
    int count = 0;
    FILE *file = fopen(in_folder("runs"), "r");
    for (int c; file && (c = getc(file)) != EOF;) count += c == '\n';
    if (file) fclose(file);
    return count;
}

/* A copy under the name "hostile.so", not a link, so that a test may change it. */
static void copy_plugin(const char *from, long bytes)
{
    char command[3 * SETUP_PATH_CHARS];
    unlink(in_folder("hostile.so")); /* which may be loaded */
    snprintf(command, sizeof command, "head -c %ld %s/%s.so >%s", bytes, TEST_PLUGINS, from, in_folder("hostile.so"));
    cr_assert_eq(system(command), 0);
}

/* The plugin is the only one. */
static void begin(const char *plugin)
{
    char seconds[8];
    make_folder();
    copy_plugin(plugin, 1 << 24);
    use_helper();
    snprintf(seconds, sizeof seconds, "%d", LIMIT_SECONDS);
    shunt_set_option("probe_seconds", seconds);
    shunt_set_option("plugin_path", setup_folder);
    cr_assert_eq(mkdir(in_folder("cache"), 0700), 0);
    shunt_set_option("cache_dir", in_folder("cache"));
    shunt_set_log_handler(note_log, NULL);
}

/* As a new process would: nothing is loaded. Options end with the library. */
static void start_again(void)
{
    char folder[SETUP_PATH_CHARS];
    snprintf(folder, sizeof folder, "%s", setup_folder);
    shunt_shutdown();
    log_text[0] = 0;
    shunt_set_option("probe_helper", in_folder("helper"));
    shunt_set_option("probe_seconds", "1");
    shunt_set_option("plugin_path", setup_folder);
    shunt_set_option("cache_dir", in_folder("cache"));
}

static void end(void)
{
    shunt_shutdown();
    remove_folder();
}

/* auto takes another device and says why, in one line; the plugin's name is refused with the reason. */
static void expect_refused(const char *plugin, const char *reason)
{
    shunt_device *device;
    begin(plugin);
    double start = now();
    cr_assert_eq(shunt_device_open("auto", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_lt(now() - start, LIMIT_SECONDS + 5);
    cr_assert_str_eq(shunt_device_describe(device)->selector, "scalar");
    assert_contains(log_text, reason);
    assert_contains(log_text, "shunt doctor");
    cr_assert_eq(log_lines, 1, "%s", log_text);
    shunt_device_close(device);
    cr_assert_eq(shunt_device_open("hostile", NULL, &device), SHUNT_E_NOT_FOUND);
    assert_contains(shunt_last_error(), reason);
    assert_contains(shunt_last_error(), "shunt doctor");
}

Test(probe, crash)
{
    expect_refused("hostile/crash", "crashes: Segmentation fault");
    end();
}

Test(probe, exit_status_0)
{
    expect_refused("hostile/exit", "ends the process with exit status 0");
    end();
}

Test(probe, exit_at_once)
{
    expect_refused("hostile/exit_3", "ends the process with exit status 3");
    end();
}

Test(probe, hang)
{
    expect_refused("hostile/hang", "does not end within 1 s");
    end();
}

/* It holds the pipe of the answer open, which must not be waited for; and it is not left behind. */
Test(probe, child_left_behind)
{
    int pid = 0;
    expect_refused("hostile/child", "ends the process with exit status 0");
    for (int i = 0; i < 100 && pid == 0; i++) {
        FILE *file = fopen(in_folder("hostile.so.pid"), "r");
        if (file && fscanf(file, "%d", &pid) != 1) pid = 0;
        if (file) fclose(file);
        if (pid == 0) usleep(1000);
    }
    if (pid > 0) { /* it may have been ended before it could write */
        usleep(100000);
        char state[64], line[256] = "";
        snprintf(state, sizeof state, "/proc/%d/stat", pid);
        FILE *file = fopen(state, "r");
        if (file && !fgets(line, sizeof line, file)) line[0] = 0;
        if (file) fclose(file);
        cr_assert(!line[0] || strstr(line, ") Z"), "it still runs: %s", line);
    }
    end();
}

/* A shared object that is cut off may crash the loader, or be refused by it. */
Test(probe, cut_off)
{
    shunt_device *device;
    begin("good");
    struct stat whole;
    cr_assert_eq(stat(in_folder("hostile.so"), &whole), 0);
    for (int part = 1; part < 8; part++) {
        copy_plugin("good", whole.st_size * part / 8);
        start_again();
        cr_assert_eq(shunt_device_open("auto", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
        if (part < 4)
            cr_assert_str_eq(shunt_device_describe(device)->selector, "scalar"); /* later only symbols are cut */
        shunt_device_close(device);
    }
    end();
}

/* Each trial is `each` runs of the helper: 2 of a plugin that ends the process, which may have noted what did that, else 1. */
static void expect_trials(int count, int each)
{
    shunt_device_list *devices;
    start_again();
    cr_assert_eq(shunt_devices_list(&devices), SHUNT_OK);
    shunt_devices_free(devices);
    cr_assert_eq(runs(), count * each, "%d runs of the helper, not %d", runs(), count * each);
}

/* The second start does not pay for the first one's, until something changes that the verdict depends on. */
static void expect_kept(const char *plugin, int each)
{
    int count = 1;
    begin(plugin);
    write_file("driver.icd", "libone.so\n", 10);
    if (TEST_OPENCL) cr_assert_eq(setenv("OCL_ICD_VENDORS", in_folder("driver.icd"), 1), 0);
    expect_trials(count, each);
    expect_trials(count, each);
    cr_assert_eq(setenv("LD_SHUNT_TEST", "1", 1), 0);
    expect_trials(++count, each);
    expect_trials(count, each);
    cr_assert_eq(utimensat(AT_FDCWD, in_folder("hostile.so"), NULL, 0), 0);
    expect_trials(++count, each);
    write_file("driver.icd", "libtwo.so.2\n", 12);
    if (TEST_OPENCL) expect_trials(++count, each);
    expect_trials(count, each);
    cr_assert_eq(setenv("SHUNT_PROBE", "isolated", 1), 0);
    expect_trials(++count, each); /* `shunt doctor` */
    cr_assert_eq(unsetenv("SHUNT_PROBE"), 0);
    expect_trials(count, each);
    cr_assert_eq(unsetenv("LD_SHUNT_TEST"), 0);
    cr_assert_eq(unsetenv("OCL_ICD_VENDORS"), 0);
    end();
}

Test(probe, a_good_verdict_is_kept_while_nothing_changes)
{
    expect_kept("good", 1);
}

Test(probe, a_bad_verdict_is_kept_while_nothing_changes)
{
    expect_kept("hostile/exit", 2);
}

Test(probe, what_was_too_slow_is_asked_again)
{
    begin("hostile/hang");
    expect_trials(1, 1);
    expect_trials(2, 1);
    end();
}

/* Moved without its helper, or beside the helper of another version, the library works as it did before there was one. */
static void expect_without(const char *why)
{
    shunt_device_list *devices;
    shunt_set_option("log", "debug");
    cr_assert_eq(shunt_devices_list(&devices), SHUNT_OK);
    cr_assert_eq(shunt_devices_count(devices), 4); /* scalar and the plugin's three */
    shunt_devices_free(devices);
    assert_contains(log_text, "loaded without a trial");
    assert_contains(log_text, why);
    end();
}

Test(probe, without_the_helper)
{
    begin("good");
    shunt_set_option("probe_helper", "/nowhere/shunt-probe");
    expect_without("is not installed");
}

Test(probe, with_another_version_of_the_helper)
{
    begin("good");
    write_script("helper", "#!/bin/sh\necho shunt-probe 99 >&3\necho done >&3\n");
    expect_without("another version");
}

Test(probe, with_a_helper_that_does_not_start)
{
    begin("good");
    write_script("helper", "#!/nowhere/sh\n");
    expect_without("No such file");
}

/* An application may have closed its standard descriptors, or collect its children itself. */
Test(probe, odd_applications)
{
    begin("hostile/crash");
    signal(SIGCHLD, SIG_IGN);
    int kept = fcntl(0, F_DUPFD, 10);
    close(0);
    expect_trials(1, 2);
    cr_assert_neq(dup2(kept, 0), -1);
    shunt_device *device;
    cr_assert_eq(shunt_device_open("hostile", NULL, &device), SHUNT_E_NOT_FOUND);
    assert_contains(shunt_last_error(), "loading it or looking for its devices");
    signal(SIGCHLD, SIG_DFL);
    end();
}
