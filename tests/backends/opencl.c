/* opencl.c - the OpenCL plugin behind a host of the test's own: program cache, refusals, limits, sub-devices, times. What
 * its ops compute is tested by ops_golden and ops_random. */
#include <shunt/backend.h>

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- A host whose disk cache is this one entry --------------------------------------------------------------------- */

static unsigned char *entry;
static size_t entry_bytes;
static int puts_seen, hits_seen, compiled;

/* Another for what matrix units can do: a state (backends/opencl/matrix.c) and when it was noted. */
enum { TRYING = 1, WORKS = 2 };
static struct {
    int32_t state, unused;
    int64_t since;
} units;
static bool left_out;

static bool of_one_program(const char *ns)
{
    return !strcmp(ns, "opencl-program");
}

static bool about_units(const char *ns)
{
    return !strcmp(ns, "opencl-matrix");
}

static void note(int level, const char *message)
{
    (void)level;
    compiled += strstr(message, "compiling eltwise.cl") != NULL;
    left_out = left_out || strstr(message, "left out");
}

static const char *binaries = "on"; /* the option pocl_binaries */

static const char *option(const char *key)
{
    return strcmp(key, "pocl_binaries") ? NULL : binaries;
}

static shunt_status cache_get(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob)
{
    (void)key, (void)nkey;
    const bool about = about_units(ns);
    if (!about && !of_one_program(ns)) return SHUNT_E_NOT_FOUND; /* bundles: opencl_bundles.c */
    const void *from = about ? (void *)&units : entry;
    if (!from || (about && !units.state)) return SHUNT_E_NOT_FOUND;
    hits_seen += !about;
    *nblob = about ? sizeof units : entry_bytes;
    *blob = malloc(*nblob);
    cr_assert(*blob);
    memcpy(*blob, from, *nblob);
    return SHUNT_OK;
}

static shunt_status cache_put(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    (void)key, (void)nkey;
    if (about_units(ns)) {
        cr_assert_eq(nblob, sizeof units);
        memcpy(&units, blob, nblob);
        return SHUNT_OK;
    }
    puts_seen++;
    free(entry);
    entry = malloc(nblob);
    cr_assert(entry);
    memcpy(entry, blob, nblob);
    entry_bytes = nblob;
    return SHUNT_OK;
}

static const shunt_host host = {.size = sizeof host,
                                .abi_major = SHUNT_ABI_MAJOR,
                                .abi_minor = SHUNT_ABI_MINOR,
                                .log = note,
                                .option = option,
                                .cache_get = cache_get,
                                .cache_put = cache_put,
                                .cache_free = free};

static const shunt_backend *backend;
static shunt_device_info info;
static uint32_t cpu; /* the first device of a CPU */

static void load(void)
{
    void *plugin = dlopen(TEST_OPENCL_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    cr_assert(plugin, "%s", dlerror());
    shunt_backend_entry_fn enter;
    *(void **)&enter = dlsym(plugin, "shunt_backend_entry");
    cr_assert(enter && (backend = enter(&host)));
    uint32_t count;
    cr_assert_eq(backend->probe(&count), SHUNT_OK);
    for (cpu = 0; cpu < count; cpu++) {
        info.size = sizeof info;
        cr_assert_eq(backend->device_info(cpu, &info), SHUNT_OK);
        if (info.type == SHUNT_DEVICE_CPU) return;
    }
    cr_skip_test("no OpenCL driver for the CPU is installed");
}

TestSuite(opencl, .init = load, .timeout = 120);

static shunt_bdevice *open_cpu(const char *params)
{
    shunt_bdevice *device;
    cr_assert_eq(backend->device_open(cpu, params, &device), SHUNT_OK, "%s", backend->last_error());
    return device;
}

static void expect(shunt_status got, shunt_status wanted, const char *text)
{
    cr_assert_eq(got, wanted, "status %d", (int)got);
    cr_assert(strstr(backend->last_error(), text), "no \"%s\" in: %s", text, backend->last_error());
}

enum { COUNT = 37 };

static shunt_op_desc relu_desc(void)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_RELU, .ninputs = 1, .noutputs = 1};
    desc.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {COUNT}};
    desc.outputs[0] = desc.inputs[0];
    return desc;
}

/* relu of i - 18 at i, and the times of the launch. */
static void check_relu(shunt_bdevice *device)
{
    const shunt_device_ops *ops = device->ops;
    const shunt_op_desc desc = relu_desc();
    float values[COUNT];
    shunt_arg memory = {0};
    shunt_bop *op;
    shunt_bqueue *queue;
    shunt_bevent *event;
    uint64_t start, end;
    for (int i = 0; i < COUNT; i++) values[i] = (float)(i - 18);
    cr_assert_eq(ops->op_prepare(device, &desc, NULL, &op), SHUNT_OK, "%s", backend->last_error());
    cr_assert_eq(ops->queue_create(device, 1, &queue), SHUNT_OK);
    cr_assert_eq(ops->buffer_alloc(device, sizeof values, SHUNT_USE_ACTIVATION, &memory.buffer), SHUNT_OK);
    cr_assert_eq(ops->write(queue, memory, values, sizeof values, NULL), SHUNT_OK);
    cr_assert_eq(ops->op_launch(op, queue, &memory, &memory, (shunt_arg){0}, &event), SHUNT_OK);
    cr_assert_eq(ops->read(queue, values, memory, sizeof values, NULL), SHUNT_OK);
    cr_assert_eq(ops->queue_finish(queue), SHUNT_OK);
    cr_assert_eq(ops->event_time(event, &start, &end), SHUNT_OK);
    cr_assert(start > 0 && start <= end);
    for (int i = 0; i < COUNT; i++) cr_assert_eq(values[i], i < 18 ? 0.0f : (float)(i - 18));
    ops->event_release(event);
    ops->buffer_free(device, memory.buffer);
    ops->queue_destroy(device, queue);
    ops->op_destroy(op);
}

static void run_once(void)
{
    puts_seen = hits_seen = compiled = 0;
    shunt_bdevice *device = open_cpu(NULL);
    check_relu(device);
    device->ops->close(device);
}

/* ---- The program cache ------------------------------------------------------------------------------------------------ */

Test(opencl, binaries_are_used_again)
{
    run_once();
    cr_assert(compiled == 1 && puts_seen == 1 && hits_seen == 0);
    run_once();
    cr_assert(compiled == 0 && puts_seen == 0 && hits_seen == 1);
}

Test(opencl, damaged_binaries_are_compiled_anew)
{
    run_once();
    const size_t places[] = {0, 9, 16, entry_bytes / 2, entry_bytes - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        entry[places[i]] ^= 0x40;
        run_once();
        cr_assert(compiled == 1 && puts_seen == 1 && hits_seen == 1, "at %zu", places[i]);
    }
    for (entry_bytes = 20; entry_bytes > 0; entry_bytes -= 5) {
        const size_t cut = entry_bytes;
        run_once();
        cr_assert(compiled == 1 && puts_seen == 1, "cut to %zu", cut);
        entry_bytes = cut;
    }
}

/* The note says that a kernel has been run, so that preparing does without. */
Test(opencl, what_the_driver_keeps_is_noted)
{
    if (strcmp(info.platform, "Portable Computing Language")) cr_skip_test("only PoCL's binaries are not asked for");
    binaries = NULL;
    run_once();
    cr_assert(compiled == 1 && puts_seen == 1 && hits_seen == 0);
    run_once();
    cr_assert(compiled == 0 && puts_seen == 0 && hits_seen == 1);
    for (size_t i = 0; i < entry_bytes; i += 5) {
        entry[i] ^= 0x40;
        run_once();
        cr_assert(compiled == 1 && puts_seen == 1 && hits_seen == 1, "at %zu of %zu", i, entry_bytes);
    }
    binaries = "on";
    run_once();
    cr_assert(compiled == 1 && puts_seen == 1 && hits_seen == 1, "a note is no binary");
}

Test(opencl, one_program_serves_many_ops)
{
    shunt_bdevice *device = open_cpu(NULL);
    const shunt_op_desc desc = relu_desc();
    shunt_bop *many[20];
    for (int i = 0; i < 20; i++) cr_assert_eq(device->ops->op_prepare(device, &desc, NULL, &many[i]), SHUNT_OK);
    cr_assert_eq(compiled, 1);
    for (int i = 0; i < 20; i++) device->ops->op_destroy(many[i]);
    device->ops->close(device);
}

/* ---- Parameters and limits ---------------------------------------------------------------------------------------------- */

Test(opencl, threads_make_a_sub_device)
{
    shunt_bdevice *device = open_cpu("threads=1");
    check_relu(device);
    device->ops->close(device);
}

Test(opencl, bad_parameters)
{
    shunt_bdevice *device;
    expect(backend->device_open(cpu, "threads=0", &device), SHUNT_E_INVALID, "above 0");
    expect(backend->device_open(cpu, "threads=2x", &device), SHUNT_E_INVALID, "above 0");
    expect(backend->device_open(cpu, "threads", &device), SHUNT_E_INVALID, "unknown parameter");
    expect(backend->device_open(cpu, "speed=1", &device), SHUNT_E_INVALID, "unknown parameter");
    expect(backend->device_open(cpu, "threads=100000", &device), SHUNT_E_UNSUPPORTED, "compute units");
    expect(backend->device_open(1000, NULL, &device), SHUNT_E_NOT_FOUND, "no OpenCL device 1000");
}

Test(opencl, limits)
{
    shunt_bdevice *device = open_cpu(NULL);
    shunt_bbuffer *buffer;
    expect(device->ops->buffer_alloc(device, info.max_alloc + 1, SHUNT_USE_SCRATCH, &buffer), SHUNT_E_MEMORY,
           "use a smaller batch");
    cr_assert(info.alignment >= 64 && (info.alignment & (info.alignment - 1)) == 0);
    cr_assert(info.block == 8 || info.block == 16);
    enum { MANY = 500 };
    shunt_bbuffer *many[MANY];
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(device->ops->buffer_alloc(device, 4 + (uint64_t)i, SHUNT_USE_WEIGHTS, &many[i]), SHUNT_OK);
    for (int i = 0; i < MANY; i++) device->ops->buffer_free(device, many[i]);
    device->ops->close(device);
}

Test(opencl, mapped_memory_is_the_buffers)
{
    shunt_bdevice *device = open_cpu(NULL);
    const shunt_device_ops *ops = device->ops;
    shunt_arg memory = {0};
    shunt_bqueue *queue;
    void *host_memory;
    const uint32_t word = 0x12345678;
    uint32_t words[8];
    cr_assert_eq(ops->queue_create(device, 0, &queue), SHUNT_OK);
    cr_assert_eq(ops->buffer_alloc(device, sizeof words, SHUNT_USE_STAGING, &memory.buffer), SHUNT_OK);
    cr_assert_eq(ops->fill(queue, memory, word, sizeof words, NULL), SHUNT_OK);
    cr_assert_eq(ops->queue_finish(queue), SHUNT_OK);
    cr_assert_eq(ops->buffer_map(device, memory.buffer, &host_memory), SHUNT_OK);
    cr_assert(((uint32_t *)host_memory)[0] == word && ((uint32_t *)host_memory)[7] == word);
    ((uint32_t *)host_memory)[3] = 99;
    ops->buffer_unmap(device, memory.buffer);
    cr_assert_eq(ops->read(queue, words, memory, sizeof words, NULL), SHUNT_OK);
    cr_assert_eq(ops->queue_finish(queue), SHUNT_OK);
    cr_assert(words[2] == word && words[3] == 99);
    ops->buffer_free(device, memory.buffer);
    ops->queue_destroy(device, queue);
    device->ops->close(device);
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------------- */

static shunt_op_desc conv_desc(int groups)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_CONV, .ninputs = 2, .noutputs = 1};
    const uint16_t block = (uint16_t)info.block;
    desc.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = block, .dims = {1, 32, 8, 8}};
    desc.inputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 1, .dims = {32, 32 / groups, 3, 3}};
    desc.outputs[0] = desc.inputs[0];
    desc.attr.conv = (shunt_conv_attr){{1, 1}, {1, 1}, {1, 1}, {1, 1}, groups};
    return desc;
}

static const char *reason_of(const shunt_op_candidates *all, const char *algorithm)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (!strcmp(all->list[i].algorithm, algorithm)) return all->list[i].reason;
    cr_assert_fail("%s is not listed", algorithm);
    return NULL;
}

Test(opencl, algorithms_refuse_with_reasons)
{
    shunt_bdevice *device = open_cpu(NULL);
    shunt_op_candidates all = {.size = sizeof all};
    shunt_op_desc desc = conv_desc(1);
    cr_assert_eq(device->ops->op_query(device, &desc, &all), SHUNT_OK);
    cr_assert_str_empty(all.list[0].reason);
    cr_assert_str_neq(all.list[0].algorithm, "gemm", "untuned, it is never the first choice");
    cr_assert_str_empty(reason_of(&all, "tile"));
    desc = conv_desc(4);
    cr_assert_eq(device->ops->op_query(device, &desc, &all), SHUNT_OK);
    cr_assert_str_eq(all.list[0].algorithm, "direct");
    cr_assert_str_eq(reason_of(&all, "tile"), "more than one group of channels");
    shunt_bop *op;
    shunt_prepare_options options = {.size = sizeof options, .algorithm = "tile"};
    expect(device->ops->op_prepare(device, &desc, &options, &op), SHUNT_E_UNSUPPORTED, "more than one group");
    options.algorithm = "magic";
    expect(device->ops->op_prepare(device, &desc, &options, &op), SHUNT_E_INVALID, "magic");
    device->ops->close(device);
}

Test(opencl, what_is_no_op_is_refused)
{
    shunt_bdevice *device = open_cpu(NULL);
    shunt_op_candidates all = {.size = sizeof all};
    shunt_op_desc desc = conv_desc(1);
    desc.inputs[0].dtype = SHUNT_F64;
    expect(device->ops->op_query(device, &desc, &all), SHUNT_E_UNSUPPORTED, "float32");
    desc = conv_desc(1);
    desc.flags = 1u << 30;
    expect(device->ops->op_query(device, &desc, &all), SHUNT_E_UNSUPPORTED, "flag");
    desc = conv_desc(1);
    desc.outputs[0].dims[3] = 9;
    expect(device->ops->op_query(device, &desc, &all), SHUNT_E_UNSUPPORTED, "not of the size");
    desc = conv_desc(1);
    desc.inputs[1].dims[1] = 31;
    expect(device->ops->op_query(device, &desc, &all), SHUNT_E_UNSUPPORTED, "other channels");
    desc.kind = SHUNT_OP_KINDS;
    expect(device->ops->op_query(device, &desc, &all), SHUNT_E_UNSUPPORTED, "does not know");
    device->ops->close(device);
}

Test(opencl, workspace_limit)
{
    shunt_bdevice *device = open_cpu(NULL);
    const shunt_op_desc desc = conv_desc(1); /* weights that change: packed into the workspace */
    shunt_prepare_options options = {.size = sizeof options, .algorithm = "direct", .memory_limit = 16};
    shunt_bop *op;
    expect(device->ops->op_prepare(device, &desc, &options, &op), SHUNT_E_MEMORY, "the limit is 16");
    device->ops->close(device);
}

/* ---- Matrix units, whose trial may have ended the process before -------------------------------------------------------- */

static void load_after_trial(int64_t seconds_ago)
{
    units.state = TRYING;
    units.since = (int64_t)time(NULL) - seconds_ago;
    load();
}

static void load_soon_after(void)
{
    load_after_trial(1);
}

static void load_long_after(void)
{
    load_after_trial(100000);
}

/* They are not tried again, and a block for vectors is asked for. */
Test(opencl_units, left_out, .init = load_soon_after, .timeout = 120)
{
    cr_assert_eq(units.state, TRYING);
    cr_assert_eq(info.block16, info.block);
    if (!left_out) cr_skip_test("a processor without matrix units");
}

Test(opencl_units, tried_anew, .init = load_long_after, .timeout = 120)
{
    cr_assert(!left_out);
    if (units.state == TRYING) cr_skip_test("a processor without matrix units");
    cr_assert_eq(info.block16, units.state == WORKS ? 32 : info.block);
}
