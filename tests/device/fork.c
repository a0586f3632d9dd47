/* fork.c - what a child made by fork() may do with the library: all, if the parent had used no device; else every call that
 * needs a device ends at once with a message, on the devices of the parent and on its own. A plain main, not Criterion, which
 * forks itself. Arguments: the plugin folders, the device. */
#include <shunt/shunt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 32, CLASSES = 10, LIMIT_SECONDS = 60 };

typedef struct network {
    const char *selector;
    shunt_device *device;
    shunt_model *model;
} network;

static float image[3 * SIDE * SIDE], expected[CLASSES];
static int failures;

static void complain(const char *what)
{
    fprintf(stderr, "%s; last error: %s\n", what, shunt_last_error());
    failures++;
}

static shunt_status make(network *self)
{
    shunt_status status = shunt_device_open(self->selector, "threads=2", &self->device);
    if (!status) status = shunt_model_create("resnet8", NULL, &self->model);
    if (!status) status = shunt_model_randomize(self->model, 1);
    return status;
}

static void destroy(network *self)
{
    shunt_model_destroy(self->model);
    shunt_device_close(self->device);
    *self = (network){.selector = self->selector};
}

static shunt_status run(const network *self, int64_t n, float *logits)
{
    return shunt_model_run(self->model, self->device, n, SIDE, SIDE, image, logits);
}

static void expect_refusal(const char *what, shunt_status status)
{
    if (status != SHUNT_E_UNSUPPORTED || !strstr(shunt_last_error(), "made by fork()")) complain(what);
}

/* What the parent made is refused, and can be freed. */
static void use_inherited(network *self)
{
    float logits[CLASSES];
    double flops, bytes;
    expect_refusal("inherited plan", run(self, 1, logits));
    shunt_executor *executor;
    shunt_status status = shunt_model_executor(self->model, self->device, &executor);
    const shunt_tensor_desc two = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {2, 3, SIDE, SIDE}};
    if (!status) status = shunt_executor_prepare(executor, &two, 1);
    expect_refusal("inherited device, new plan", status);
    expect_refusal("measuring", shunt_device_measure(self->device, &flops, &bytes));
    expect_refusal("verifying", shunt_device_verify(self->device, NULL));
    destroy(self);
    shunt_shutdown();
}

static void use_own(network *self)
{
    network own = {.selector = self->selector};
    shunt_device_list *devices;
    shunt_plugin_list *plugins;
    expect_refusal("own device", make(&own));
    expect_refusal("auto", shunt_device_open("auto", NULL, &own.device));
    expect_refusal("list of devices", shunt_devices_list(&devices));
    expect_refusal("list of plugins", shunt_plugins_list(&plugins));
}

static void use_all(network *self)
{
    float logits[CLASSES] = {0};
    network own = {.selector = self->selector};
    if (make(&own) || run(&own, 1, logits)) complain("a child of a parent that used no device");
    if (memcmp(logits, expected, sizeof logits) != 0 && expected[0] != 0) complain("other results in a child");
    destroy(&own);
    shunt_shutdown();
}

static void in_child(const char *what, void (*use)(network *), network *parents)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        alarm(LIMIT_SECONDS);
        failures = 0;
        use(parents);
        exit(failures > 0); /* destructors must not hang either */
    }
    waitpid(child, &status, 0);
    if (status) fprintf(stderr, "%s: wait status %d%s\n", what, status, WIFSIGNALED(status) ? ", a signal" : "");
    failures += status != 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    network parents = {.selector = argv[2]};
    for (size_t i = 0; i < sizeof image / sizeof *image; i++) image[i] = (float)(i % 97) / 50 - 1;
    shunt_set_option("plugin_path", argv[1]);
    shunt_set_option("tune", "off");
    in_child("before the first use", use_all, &parents);
    if (make(&parents) || run(&parents, 1, expected)) {
        complain("the parent");
        return 1;
    }
    in_child("what was inherited", use_inherited, &parents);
    in_child("a device of its own", use_own, &parents);
    float again[CLASSES];
    if (run(&parents, 1, again) || memcmp(again, expected, sizeof again) != 0) complain("the parent afterwards");
    destroy(&parents);
    in_child("after the last device was closed", use_own, &parents);
    shunt_shutdown();
    return failures != 0;
}
