/* cl_failures.c - every OpenCL function that the plugin calls is made to fail, at its 1st, 2nd, 4th ... call, by the layer
 * layers/fail_nth.c. Each failure must come back as a status whose message has the call and the code, or be one that costs
 * nothing but time (`harmless`); afterwards no object may be left and the same process must compute the right result.
 * A plain main, for leak checkers. Arguments: the plugin's folder, the plugin, the layer, which OPENCL_LAYERS names too.
 * SHUNT_TEST_DEVICE: selector (opencl). Exit status 77: there is no such device, or the loader knows no layers. */
#include "runtime/device/device.h"
#include "tests/layers/fail_nth.h"
#include "tests/support/cl_application.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, WORDS = 64 };

/* Failures that may go unseen, as far as the result is right. */
static const struct {
    const char *function, *why;
} harmless[] = {
    {"clGetPlatformInfo", "a platform may lack a name"},
    {"clGetDeviceIDs", "another platform has devices"},
    {"clGetDeviceInfo", "of a device's name for the log"},
    {"clGetCommandQueueInfo", "of a queue's end: it is asked again"},
    {"clCreateProgramWithBinary", "the source is compiled"},
    {"clBuildProgram", "of a cached binary: the source is compiled; of several sources: each alone"},
    {"clRetainProgram", "of several sources as one: each alone"},
    {"clGetProgramInfo", "the program is not cached"},
    {"clCreateProgramWithSource", "of several sources: each alone; else another algorithm stands in; logged"},
    {"clCreateKernel", "another algorithm stands in; logged"},
    {"clSetKernelArg", "another algorithm stands in; logged"},
    {"clGetEventProfilingInfo", "the step's time is not known"},
    {"clEnqueueUnmapMemObject", "nobody could do anything about it; logged"},
    {"clFinish", "at the end of a queue or of a mapping; logged"},
    {"clReleaseDevice", "nobody could do anything about it"},
    {"clReleaseContext", "nobody could do anything about it"},
    {"clReleaseCommandQueue", "nobody could do anything about it"},
    {"clReleaseMemObject", "nobody could do anything about it"},
    {"clReleaseProgram", "nobody could do anything about it"},
    {"clReleaseKernel", "nobody could do anything about it"},
    {"clReleaseEvent", "nobody could do anything about it"},
};

static const fail_nth *layer;
static small_net net;
static small_net_result expected, expected_logits;
static bool training; /* or it is left out, as it takes longer */
static const char *selector = "opencl";
static uint32_t clblast_side; /* 0: CLBlast is left out */
static unsigned reported, unseen, wrong;

static const char *harmless_because(const char *function)
{
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (!strcmp(function, harmless[i].function)) return harmless[i].why;
    return NULL;
}

static void complain(const char *what, unsigned n, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void complain(const char *what, unsigned n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "WRONG %s, call %u: ", what, n);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    wrong++;
}

/* ---- What is run ------------------------------------------------------------------------------------------------ */

/* Everything of the ABI that the small network leaves out: words are filled, copied, waited for and read, and mapped. */
static shunt_status move_words(const shunt_device *device, shunt_bqueue *queue, shunt_bbuffer *buffers[2],
                               shunt_bevent **event)
{
    const shunt_device_ops *ops = device->ops;
    const shunt_arg first = {buffers[0], 0}, second = {buffers[1], 0};
    uint32_t words[WORDS], *mapped;
    shunt_status status = ops->fill(queue, first, 7, sizeof words, NULL);
    if (!status) status = ops->copy(queue, second, first, sizeof words, event);
    if (!status) status = ops->queue_wait(queue, *event);
    if (!status) status = ops->queue_flush(queue);
    if (!status) status = ops->event_wait(*event);
    uint64_t start, end;
    if (!status) status = ops->event_time(*event, &start, &end);
    if (!status) status = ops->read(queue, words, second, sizeof words, NULL);
    shunt_status finished = ops->queue_finish(queue);
    if (!status) status = finished;
    if (status) return status;
    status = ops->buffer_map(device->handle, buffers[1], (void **)&mapped);
    if (status) return status;
    for (int i = 0; i < WORDS; i++)
        if (words[i] != 7 || mapped[i] != 7) complain("words", (unsigned)i, "%u and %u", words[i], mapped[i]);
    ops->buffer_unmap(device->handle, buffers[1]);
    return SHUNT_OK;
}

static shunt_status use_memory(const shunt_device *device)
{
    const shunt_device_ops *ops = device->ops;
    shunt_bqueue *queue = NULL;
    shunt_bbuffer *buffers[2] = {NULL};
    shunt_bevent *event = NULL;
    shunt_status status = ops->queue_create(device->handle, 1, &queue);
    for (int i = 0; i < 2 && !status; i++)
        status =
            ops->buffer_alloc(device->handle, WORDS * 4, i ? SHUNT_USE_STAGING : SHUNT_USE_ACTIVATION, &buffers[i]);
    if (!status) status = move_words(device, queue, buffers, &event);
    if (status) device_fail(device, status, "using memory");
    if (event) ops->event_release(event);
    for (int i = 0; i < 2; i++) ops->buffer_free(device->handle, buffers[i]);
    if (queue) ops->queue_destroy(device->handle, queue);
    return status;
}

/* Square matrices of ones and halves. */
static shunt_status run_product(const shunt_device *device, shunt_bqueue *queue, shunt_bop *op,
                                shunt_bbuffer *buffers[4], uint64_t workspace)
{
    enum { SRC, WEIGHTS, DST, WORKSPACE };
    static const uint32_t words[] = {0x3f800000, 0x3f000000, 0}; /* 1, 0.5, 0 */
    const uint64_t bytes = 4 * (uint64_t)clblast_side * clblast_side;
    const shunt_device_ops *ops = device->ops;
    float result = 0;
    shunt_arg args[4];
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < 4 && !status; i++) {
        const uint64_t room = i < WORKSPACE ? bytes : workspace + 4;
        status = ops->buffer_alloc(device->handle, room, SHUNT_USE_ACTIVATION, &buffers[i]);
        args[i] = (shunt_arg){buffers[i], 0};
        if (!status && i < WORKSPACE) status = ops->fill(queue, args[i], words[i], bytes, NULL);
    }
    if (!status) status = ops->op_launch(op, queue, args, &args[DST], args[WORKSPACE], NULL);
    if (!status) status = ops->read(queue, &result, (shunt_arg){buffers[DST], bytes - 4}, sizeof result, NULL);
    shunt_status finished = ops->queue_finish(queue);
    if (!status) status = finished;
    if (!status && result != (float)clblast_side / 2) complain("CLBlast", 0, "%g", (double)result);
    return status;
}

static shunt_status prepare_product(const shunt_device *device, uint32_t side, shunt_bop **op, uint64_t *workspace)
{
    const shunt_tensor_desc square = {SHUNT_F32, 2, SHUNT_PLAIN, 0, {side, side}};
    const shunt_op_desc linear = {
        .kind = SHUNT_OP_LINEAR, .ninputs = 2, .noutputs = 1, .inputs = {square, square}, .outputs = {square}};
    const shunt_prepare_options options = {.size = sizeof options, .algorithm = "gemm"};
    shunt_op_info info = {.size = sizeof info};
    shunt_status status = device->ops->op_prepare(device->handle, &linear, &options, op);
    if (!status) status = device->ops->op_info(*op, &info);
    *workspace = info.workspace;
    return status;
}

/* Where CLBlast is there: its failures, too, have to come back as codes. */
static shunt_status use_clblast(const shunt_device *device)
{
    const shunt_device_ops *ops = device->ops;
    shunt_bqueue *queue = NULL;
    shunt_bop *op = NULL;
    shunt_bbuffer *buffers[4] = {NULL};
    uint64_t workspace;
    shunt_status status = ops->queue_create(device->handle, 0, &queue);
    if (!status) status = prepare_product(device, clblast_side, &op, &workspace);
    if (!status) status = run_product(device, queue, op, buffers, workspace);
    if (status) device_fail(device, status, "using CLBlast");
    if (op) ops->op_destroy(op);
    for (int i = 0; i < 4; i++) ops->buffer_free(device->handle, buffers[i]);
    if (queue) ops->queue_destroy(device->handle, queue);
    return status;
}

/* The side of the smallest matrices tried for which CLBlast needs temporary memory, which is a part of the workspace. Below a
 * size that CLBlast's table has for each model of processor it needs none. 0 if there is no such side. */
static uint32_t find_temporary_side(void)
{
    enum { FIRST = 301, LAST = 5000, ROUNDING = 1 << 16 };
    shunt_device *device;
    uint32_t found = 0;
    if (shunt_device_open(selector, "threads=1", &device)) return 0;
    for (uint32_t side = FIRST; side < LAST && !found; side = side * 5 / 4 | 1) {
        shunt_bop *op = NULL;
        uint64_t workspace;
        shunt_status status = prepare_product(device, side, &op, &workspace);
        if (!status && workspace > 4 * (uint64_t)side * side + ROUNDING) found = side;
        if (op) device->ops->op_destroy(op);
    }
    shunt_device_close(device);
    return found;
}

static bool near(const small_net_result result, const small_net_result truth, float tolerance)
{
    for (int i = 0; i < SMALL_NET_IMAGES * SMALL_NET_CLASSES; i++)
        if (!(fabsf(result[i] - truth[i]) <= tolerance)) return false;
    return true;
}

static shunt_status train(shunt_device *device)
{
    small_net_result logits = {0};
    shunt_status status = small_net_train(&net, device, logits);
    if (!status && !near(logits, expected_logits, 1e-4f)) complain("training", 0, "wrong logits after a step");
    return status;
}

/* On a queue and memory of the test's own. */
static shunt_status use_application(void)
{
    small_net_result own = {0};
    shunt_status status = cl_application_run(selector, &net, own);
    if (!status && !near(own, expected, 1e-5f)) complain("the application's memory", 0, "wrong results");
    return status;
}

/* What the scalar backend computes. */
static shunt_status find_expected(void)
{
    shunt_device *device;
    shunt_status status = shunt_device_open("scalar", "threads=1", &device);
    if (status) return status;
    status = small_net_run(&net, device, expected);
    if (!status) status = small_net_train(&net, device, expected_logits);
    shunt_device_close(device);
    return status;
}

/* With one thread, which on most machines makes a sub-device. */
static shunt_status run_all(const char *on, small_net_result result)
{
    shunt_device *device;
    shunt_status status = shunt_device_open(on, "threads=1", &device);
    if (status) return status;
    status = use_memory(device);
    if (!status && clblast_side && strcmp(on, "scalar")) status = use_clblast(device);
    if (!status && training) status = train(device);
    if (!status) status = small_net_run(&net, device, result);
    shunt_device_close(device);
    return status || !strcmp(on, "scalar") ? status : use_application();
}

static bool right(const small_net_result result)
{
    return near(result, expected, 1e-5f);
}

/* ---- One failure ------------------------------------------------------------------------------------------------ */

static void expect_nothing_held(const char *what, unsigned n)
{
    char text[256];
    if (layer->held(text, sizeof text)) complain(what, n, "left behind: %s", text);
}

/* The process goes on: the same again, undisturbed. */
static void expect_works(const char *what, unsigned n, const char *on)
{
    small_net_result result = {0};
    if (run_all(on, result))
        complain(what, n, "afterwards on %s: %s", on, shunt_last_error());
    else if (!right(result))
        complain(what, n, "afterwards on %s: wrong results", on);
    expect_nothing_held(what, n);
}

/* Judges what came of a failure of `fired`. After the first failure on a lost device any call may be named, and a
 * call of CLBlast's own makes CLBlast's function fail with its code. */
static void judge(const char *fired, unsigned n, bool onward, shunt_status status, const small_net_result result)
{
    const char *message = shunt_last_error();
    if (status)
        reported++;
    else
        unseen++;
    if (!status && !harmless_because(fired))
        complain(fired, n, "went unseen");
    else if (!status && !right(result))
        complain(fired, n, "went unseen, and the results are wrong");
    else if (status && status != SHUNT_E_DEVICE && status != SHUNT_E_NOT_FOUND)
        complain(fired, n, "status \"%s\": %s", shunt_status_name(status), message);
    else if (status && !(strstr(message, "CL_OUT_OF_RESOURCES") &&
                         (strstr(message, onward ? "cl" : fired) || strstr(message, ": CLBlast"))))
        complain(fired, n, "badly reported: %s", message);
    expect_nothing_held(fired, n);
}

static void summarize(const char *function, const char *when)
{
    const char *why = unseen ? harmless_because(function) : NULL;
    if (reported + unseen)
        fprintf(stderr, "%-30s %-22s %3u reported, %3u unseen%s%s\n", function, when, reported, unseen, why ? ": " : "",
                why ? why : "");
    reported = unseen = 0;
}

/* ---- Failures while running ---------------------------------------------------------------------------------------- */

static void sweep(const char *function, bool onward, const char *when)
{
    for (unsigned n = 1;; n *= 2) {
        small_net_result result = {0};
        layer->arm(function, n, onward, CL_OUT_OF_RESOURCES);
        shunt_status status = run_all(selector, result);
        const char *fired = layer->fired();
        layer->arm(NULL, 0, false, CL_SUCCESS);
        if (!fired) break; /* there are no n calls */
        judge(fired, n, onward, status, result);
        expect_works(fired, n, selector);
    }
    summarize(function, when);
}

/* Each function of OpenCL that the plugin imports must have been called, or nothing was shown about it. */
static void expect_all_called(const char *plugin)
{
    char line[256], function[64];
    snprintf(line, sizeof line, "nm -D --undefined-only %s", plugin);
    FILE *symbols = popen(line, "r");
    bool one_thread = sysconf(_SC_NPROCESSORS_ONLN) < 2;
    unsigned count = 0;
    while (symbols && fgets(line, sizeof line, symbols)) {
        if (sscanf(line, " U %63[a-zA-Z]", function) != 1 || strncmp(function, "cl", 2) || function[2] < 'A' ||
            function[2] > 'Z')
            continue;
        count++;
        bool parts = !strcmp(function, "clCreateSubDevices") || !strcmp(function, "clReleaseDevice");
        if (layer->calls(function) <= 0 && !(parts && one_thread))
            complain(function, 0, layer->calls(function) < 0 ? "the layer does not know it" : "was never called");
    }
    if (!symbols || pclose(symbols) || count == 0) complain("nm", 0, "lists no imports of %s", plugin);
}

static void fail_while_running(char **argv)
{
    shunt_set_option("pocl_binaries", "on"); /* or PoCL is asked for none */
    expect_works("no failure", 0, selector); /* fills the cache of programs */
    const char *function;
    for (unsigned i = 0; (function = layer->function(i)); i++)
        if (layer->calls(function)) sweep(function, false, "while running");
    sweep("any", true, "and all after it");
    training = true;
    expect_works("no failure", 0, selector);
    sweep("any", false, "with training");
    training = false;
    clblast_side = 5;
    sweep("any", false, "with CLBlast");
    sweep("any", true, "with CLBlast, and all after it");
    clblast_side = find_temporary_side();
    if (clblast_side) sweep("clCreateSubBuffer", false, "with CLBlast");
    clblast_side = 0;
    shunt_set_option("cache_dir", "/dev/null");
    sweep("clCreateProgramWithSource", false, "while compiling");
    sweep("clBuildProgram", false, "while compiling");
    sweep("clGetProgramInfo", false, "while compiling");
    sweep("clBuildProgram", true, "and all after it");
    expect_all_called(argv[2]);
}

/* ---- Failures while looking for devices ------------------------------------------------------------------------------ */

/* A device whose driver fails here is left out for good, so that each failure needs a process of its own. */
static bool fail_while_searching(const char *function, unsigned n)
{
    small_net_result result = {0};
    shunt_device_list *devices;
    layer->arm(function, n, false, CL_OUT_OF_RESOURCES);
    if (shunt_devices_list(&devices))
        complain(function, n, "no list of devices: %s", shunt_last_error());
    else
        shunt_devices_free(devices);
    const char *fired = layer->fired();
    layer->arm(NULL, 0, false, CL_SUCCESS);
    if (!fired) return false;
    judge(fired, n, false, run_all(selector, result), result);
    expect_works(fired, n, "scalar");
    return true;
}

/* ---- Processes ----------------------------------------------------------------------------------------------------- */

static void begin(char **argv)
{
    void *library = dlopen(argv[3], RTLD_NOW);
    layer = library ? dlsym(library, "fail_nth_control") : NULL;
    if (!layer) fprintf(stderr, "%s: %s\n", argv[3], dlerror());
    if (!layer || shunt_set_option("plugin_path", argv[1]) || small_net_create(&net) || find_expected()) exit(1);
}

static int end(void)
{
    small_net_destroy(&net);
    shunt_shutdown();
    expect_nothing_held("shutdown", 0);
    return wrong > 0;
}

/* Whether there is a device, and the layer is in between. */
static int try(void)
{
    small_net_result result = {0};
    if (run_all(selector, result)) {
        fprintf(stderr, "skipped: %s\n", shunt_last_error());
        return SKIPPED;
    }
    if (layer->calls("clGetPlatformIDs") == 0)
        fprintf(stderr, "skipped: this OpenCL loader does not read OPENCL_LAYERS\n");
    return layer->calls("clGetPlatformIDs") == 0 ? SKIPPED : end();
}

enum { TRY, RUN, SEARCH };

/* The exit status of a process that does it. For SEARCH, SKIPPED means that there is no n-th call. */
static int in_child(int what, char **argv, const char *function, unsigned n)
{
    pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) {
        int state;
        waitpid(child, &state, 0);
        if (!WIFEXITED(state)) fprintf(stderr, "a child died of signal %d\n", WTERMSIG(state));
        return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
    }
    begin(argv);
    if (what == TRY) exit(try());
    if (what == RUN) fail_while_running(argv);
    if (what == SEARCH && !fail_while_searching(function, n)) exit(end() ? 1 : SKIPPED);
    exit(end());
}

int main(int argc, char **argv)
{
    static const char *const searching[] = {"clGetPlatformIDs", "clGetPlatformInfo", "clGetDeviceIDs",
                                            "clGetDeviceInfo"};
    char cache[] = "/tmp/shunt-failures-XXXXXX", command[64];
    if (argc != 4 || !mkdtemp(cache) || setenv("SHUNT_CACHE_DIR", cache, 1)) return 2;
    if (getenv("SHUNT_TEST_DEVICE")) selector = getenv("SHUNT_TEST_DEVICE");
    int result = in_child(TRY, argv, NULL, 0);
    if (!result) result = in_child(RUN, argv, NULL, 0);
    for (size_t i = 0; i < sizeof searching / sizeof *searching && result != SKIPPED; i++) {
        int one = 0;
        unsigned n = 1;
        for (; one != SKIPPED && !(one = in_child(SEARCH, argv, searching[i], n)); n++) continue;
        if (one != SKIPPED) result = 1;
        fprintf(stderr, "%-30s while looking for devices, each of %u calls\n", searching[i], n - 1);
    }
    snprintf(command, sizeof command, "rm -r %s", cache);
    return system(command) ? 2 : result;
}
