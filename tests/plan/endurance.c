/* endurance.c - runs that do not wait, by the thousand, and a model opened and closed a hundred times and more: memory and descriptors do
 * not grow.
 * Arguments: the plugin folders, the device, a folder for a file, runs, openings. */
#include "tests/support/small_net.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RING = 8, SCORES = SMALL_NET_IMAGES * SMALL_NET_CLASSES, WARM = 10 /* one in so many comes before counting */ };
/* What allocators and drivers may keep. An event has 400 bytes: leaked by each of 6,000 runs, it is more. */
static const long MOST_KIB = 2048;

static int wrong;
static const char *selector;

static void need(shunt_status status)
{
    if (status) fprintf(stderr, "%s\n", shunt_last_error()), exit(2);
}

typedef struct usage {
    long kib, descriptors;
} usage;

static usage measure(void)
{
    usage now = {0, 0};
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) exit(2);
    fclose(file);
    now.kib = resident * (sysconf(_SC_PAGESIZE) / 1024);
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) now.descriptors++;
    if (folder) closedir(folder);
    return now;
}

static void compare(const char *what, int count, usage before)
{
    const usage after = measure();
    printf("%s %s: %d, resident %ld to %ld KiB, descriptors %ld to %ld\n", selector, what, count, before.kib, after.kib,
           before.descriptors, after.descriptors);
    if (after.kib - before.kib > MOST_KIB || after.descriptors > before.descriptors) wrong = 1;
}

static void run_frames(shunt_device *device, int count)
{
    static float results[RING][SCORES];
    small_net net;
    shunt_executor *executor;
    shunt_buffer *in;
    shunt_event *events[RING] = {NULL};
    const shunt_executor_options options = {.size = sizeof options, .streams = 2};
    usage before = {0, 0};
    need(small_net_create(&net));
    need(shunt_executor_create_with(net.graph, net.weights, device, &options, &executor));
    need(shunt_buffer_create(device, sizeof net.images, &in));
    need(shunt_buffer_write(in, 0, net.images, sizeof net.images));
    shunt_tensor src = {.desc = {SHUNT_F32, 4, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE}}};
    shunt_tensor dst = {.desc = {SHUNT_F32, 2, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, SMALL_NET_CLASSES}}};
    for (int i = 0; i < count; i++) {
        shunt_event **event = &events[i % RING];
        if (*event) need(shunt_event_wait(*event));
        shunt_event_release(*event);
        if (i == count / WARM) before = measure();
        src.data = i % 2 ? NULL : net.images;
        src.buffer = i % 2 ? in : NULL;
        dst.data = results[i % RING];
        need(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, event));
    }
    for (int i = 0; i < RING; i++) need(shunt_event_wait(events[i]));
    compare("runs", count, before);
    for (int i = 0; i < RING; i++) shunt_event_release(events[i]);
    shunt_buffer_destroy(in);
    shunt_executor_destroy(executor);
    small_net_destroy(&net);
}

static void open_models(shunt_device *device, const char *path, int count)
{
    static float image[3 * 32 * 32], logits[10];
    shunt_model *model;
    usage before = {0, 0};
    need(shunt_model_create("resnet8", NULL, &model));
    need(shunt_model_randomize(model, 1));
    need(shunt_model_save(model, path));
    shunt_model_destroy(model);
    for (int i = 0; i < count; i++) {
        if (i == count / WARM) before = measure();
        need(shunt_model_open(path, NULL, &model));
        need(shunt_model_run(model, device, 1, 32, 32, image, logits));
        shunt_model_destroy(model);
    }
    compare("openings", count, before);
}

int main(int argc, char **argv)
{
    char path[512];
    shunt_device *device;
    if (argc != 6) return 2;
    if (argv[1][0]) shunt_set_option("plugin_path", argv[1]);
    selector = argv[2];
    snprintf(path, sizeof path, "%s/endurance-%ld.safetensors", argv[3], (long)getpid());
    need(shunt_device_open(selector, NULL, &device));
    run_frames(device, atoi(argv[4]));
    open_models(device, path, atoi(argv[5]));
    remove(path);
    shunt_device_close(device);
    return wrong;
}
