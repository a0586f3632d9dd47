/* device_option.c - options: set ones win over the environment, pointers live on, keys are checked. */
#include "runtime/base/option.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(option, comes_from_the_environment)
{
    unsetenv("SHUNT_TEST_KEY");
    cr_assert_null(shunt_option("test_key"));
    setenv("SHUNT_TEST_KEY", "from outside", 1);
    cr_assert_str_eq(shunt_option("test_key"), "from outside");
    cr_assert_str_eq(shunt_option("TEST_Key"), "from outside");
    setenv("SHUNT_TEST_KEY", "", 1);
    cr_assert_null(shunt_option("test_key"));
}

Test(option, set_value_wins_until_it_is_taken_back)
{
    setenv("SHUNT_TEST_KEY", "from outside", 1);
    cr_assert_eq(shunt_set_option("test_key", "set"), SHUNT_OK);
    cr_assert_str_eq(shunt_option("test_key"), "set");
    cr_assert_eq(shunt_set_option("test_key", ""), SHUNT_OK);
    cr_assert_str_eq(shunt_option("test_key"), "");
    cr_assert_eq(shunt_set_option("test_key", NULL), SHUNT_OK);
    cr_assert_str_eq(shunt_option("test_key"), "from outside");
    cr_assert_eq(shunt_set_option("never_set", NULL), SHUNT_OK);
}

Test(option, values_live_on)
{
    setenv("SHUNT_TEST_KEY", "old one", 1);
    const char *outside = shunt_option("test_key");
    setenv("SHUNT_TEST_KEY", "new one", 1);
    cr_assert_str_eq(outside, "old one");
    shunt_set_option("test_key", "first");
    const char *first = shunt_option("test_key");
    shunt_set_option("test_key", "second");
    cr_assert_str_eq(first, "first");
    shunt_set_option("test_key", "first");
    cr_assert_eq(shunt_option("test_key"), first, "an equal text is kept once");
}

Test(option, bad_keys_are_refused_by_name)
{
    char huge[200];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    const char *bad[] = {"", "a b", "a=b", "ä", huge};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(shunt_set_option(bad[i], "x"), SHUNT_E_INVALID);
        cr_assert_null(shunt_option(bad[i]));
    }
    shunt_set_option("a=b", "x");
    cr_assert(strstr(shunt_last_error(), "a=b") != NULL, "%s", shunt_last_error());
    cr_assert_eq(shunt_set_option(NULL, "x"), SHUNT_E_INVALID);
}

static void *set_and_get(void *seed)
{
    char key[32], value[32];
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "own_%d", *(int *)seed);
        snprintf(value, sizeof value, "%d", i % 50);
        if (shunt_set_option(key, value) || strcmp(shunt_option(key), value) != 0) return seed;
        shunt_set_option("shared", value);
        if (!shunt_option("shared")) return seed;
    }
    return NULL;
}

Test(option, threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    int seeds[4];
    for (int i = 0; i < 4; i++) {
        seeds[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, set_and_get, &seeds[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        cr_assert_null(failed);
    }
}

/* A setuid program, started by somebody else, who wrote its environment. */
Test(option, raised_rights_ignore_the_environment)
{
    char own[512], copy[] = "/tmp/shunt-test-XXXXXX", command[1200];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    cr_assert_gt(length, 0);
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    int fd = mkstemp(copy);
    cr_assert_geq(fd, 0);
    close(fd);
    snprintf(command, sizeof command, "cp %s/show_options %s && chmod 4755 %s", own, copy, copy);
    bool able = geteuid() == 0 && system(command) == 0 && system("command -v setpriv >/dev/null") == 0;
    static const char environment[] =
        "env SHUNT_PLUGIN_PATH=/tmp/a SHUNT_CACHE_DIR=/tmp/b HOME=/tmp/c XDG_CACHE_HOME=/tmp/d";
    static const char *const users[] = {"0", "12345"}, *const expected[] = {"/tmp/a /tmp/b\n", "- -\n"};
    for (int i = 0; able && i < 2; i++) {
        char said[128] = "";
        snprintf(command, sizeof command, "%s setpriv --reuid %s --clear-groups %s", environment, users[i], copy);
        FILE *out = popen(command, "r");
        cr_assert(out && fgets(said, sizeof said, out));
        able = pclose(out) == 0;
        if (able) cr_assert_str_eq(said, expected[i], "as user %s", users[i]);
    }
    unlink(copy);
    if (!able) cr_skip("only root can make a setuid program");
}
