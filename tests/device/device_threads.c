/* device_threads.c - four threads list, open, fail, cache and set options at once. A plain main, not Criterion, so that
 * thread and leak checkers see the whole process and its exit status. Argument: the folder of the test plugins. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/device/device.h"

enum { THREADS = 4, ROUNDS = 50 };

static int open_and_close(const char *selector, const char *expected)
{
    shunt_device *device;
    if (shunt_device_open(selector, NULL, &device)) return strstr(shunt_last_error(), expected) == NULL;
    int wrong = strcmp(shunt_device_describe(device)->selector, expected) != 0;
    shunt_device_close(device);
    return wrong;
}

static int use_cache(int round)
{
    void *blob;
    size_t n;
    int key = round % 5, wrong = cache_put("threads", &key, sizeof key, &key, sizeof key) != SHUNT_OK;
    if (cache_get("threads", &key, sizeof key, &blob, &n)) return 1;
    wrong += n != sizeof key || memcmp(blob, &key, n) != 0;
    free(blob);
    return wrong;
}

static void *work(void *unused)
{
    static const char *const cases[][2] = {
        {"good:amd", "good:2"},
        {"good:9", "\"good:9\": no device of the backend good"},
        {"closed:0", "closed:0: opening: fakeCreateContext: in use"},
        {"closed:2", "lacks the required pointer op_launch"},
        {"asleep", "driver asleep"},
        {"scalar", "scalar"},
    };
    intptr_t wrong = 0;
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        const char *const *one = cases[i % 6];
        wrong += open_and_close(one[0], one[1]) + use_cache(i);
        wrong += shunt_set_option("thread_test", one[0]) != SHUNT_OK || !shunt_option("thread_test");
    }
    shunt_plugin_list *plugins;
    if (shunt_plugins_list(&plugins)) return (void *)(wrong + 1);
    shunt_plugins_free(plugins);
    return (void *)wrong;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    intptr_t wrong = 0;
    char cache[] = "/tmp/shunt-threads-XXXXXX", command[64];
    if (argc != 2 || !mkdtemp(cache)) return 2;
    shunt_set_option("plugin_path", argv[1]);
    shunt_set_option("cache_dir", cache);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL)) return 2;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong += (intptr_t)result;
    }
    shunt_shutdown();
    snprintf(command, sizeof command, "rm -r %s", cache);
    if (system(command)) wrong++;
    if (wrong) fprintf(stderr, "%ld answers were wrong\n", (long)wrong);
    return wrong != 0;
}
