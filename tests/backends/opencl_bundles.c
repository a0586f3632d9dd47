/* opencl_bundles.c - what the OpenCL plugin compiles for ops that it was told of: one program for all of them, which the next process takes
 * from the cache, and what it does where that is not possible. Behind a host of the test's own. The layer fail_nth stands between plugin and
 * driver (OPENCL_LAYERS). */
#include "tests/layers/fail_nth.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <shunt/backend.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- A host whose disk cache is a table ------------------------------------------------------------------------------ */

typedef struct entry {
    char space[32];
    void *key, *blob;
    size_t nkey, nblob;
} entry;

enum { MOST = 64 };
static entry entries[MOST];
static int nentries;
static int alone, together, apart; /* programs of one source, of several; several that did not build as one */
static const char *binaries;       /* the option pocl_binaries */

static void note(int level, const char *message)
{
    (void)level;
    alone += strstr(message, "opencl: compiling ") && strstr(message, ".cl with ");
    together += strstr(message, "sources as one") != NULL;
    apart += strstr(message, "together they do not build") != NULL;
}

static const char *option(const char *key)
{
    return strcmp(key, "pocl_binaries") ? NULL : binaries;
}

static entry *find(const char *space, const void *key, size_t nkey)
{
    for (int i = 0; i < nentries; i++)
        if (!strcmp(entries[i].space, space) && entries[i].nkey == nkey && !memcmp(entries[i].key, key, nkey))
            return &entries[i];
    return NULL;
}

static void *copy(const void *bytes, size_t n)
{
    void *made = malloc(n);
    cr_assert(made);
    return memcpy(made, bytes, n);
}

static shunt_status cache_get(const char *space, const void *key, size_t nkey, void **blob, size_t *nblob)
{
    const entry *found = find(space, key, nkey);
    if (!found || strncmp(space, "opencl-", 7)) return SHUNT_E_NOT_FOUND;
    *blob = copy(found->blob, found->nblob);
    *nblob = found->nblob;
    return SHUNT_OK;
}

static shunt_status cache_put(const char *space, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    entry *to = find(space, key, nkey);
    cr_assert(to || nentries < MOST);
    if (!to) {
        to = &entries[nentries++];
        strncpy(to->space, space, sizeof to->space - 1);
        to->key = copy(key, nkey);
        to->nkey = nkey;
    }
    free(to->blob);
    to->blob = copy(blob, nblob);
    to->nblob = nblob;
    return SHUNT_OK;
}

static void forget(void)
{
    for (int i = 0; i < nentries; i++) {
        free(entries[i].key);
        free(entries[i].blob);
    }
    memset(entries, 0, sizeof entries);
    nentries = 0;
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
static const fail_nth *layer;
static uint32_t cpu; /* the first device of a CPU */

static void load(void)
{
    void *plugin = dlopen(TEST_OPENCL_PLUGIN, RTLD_NOW | RTLD_LOCAL), *library = dlopen(TEST_LAYER, RTLD_NOW);
    cr_assert(plugin && library, "%s", dlerror());
    layer = dlsym(library, "fail_nth_control");
    shunt_backend_entry_fn enter;
    *(void **)&enter = dlsym(plugin, "shunt_backend_entry");
    cr_assert(layer && enter && (backend = enter(&host)));
    uint32_t count;
    cr_assert_eq(backend->probe(&count), SHUNT_OK);
    for (cpu = 0; cpu < count; cpu++) {
        shunt_device_info info = {.size = sizeof info};
        cr_assert_eq(backend->device_info(cpu, &info), SHUNT_OK);
        if (info.type == SHUNT_DEVICE_CPU) return;
    }
    cr_skip_test("no OpenCL driver for the CPU is installed");
}

TestSuite(opencl_bundles, .init = load, .timeout = 240);

/* ---- Ops of three files --------------------------------------------------------------------------------------------- */

enum { ROWS = 3, COLUMNS = 5, COUNT = ROWS * COLUMNS, NOPS = 3 };

static shunt_tensor_desc matrix(int64_t rows, int64_t columns)
{
    return (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {rows, columns}};
}

static shunt_op_desc unary(uint32_t kind, shunt_tensor_desc src, shunt_tensor_desc dst)
{
    return (shunt_op_desc){.kind = kind, .ninputs = 1, .noutputs = 1, .inputs = {src}, .outputs = {dst}};
}

static void describe(shunt_op_desc ops[NOPS])
{
    const shunt_tensor_desc src = matrix(ROWS, COLUMNS);
    ops[0] = unary(SHUNT_OP_RELU, src, src);
    ops[1] = unary(SHUNT_OP_TRANSPOSE, src, matrix(COLUMNS, ROWS));
    ops[1].attr.transpose.axes[0] = 1;
    ops[2] = unary(SHUNT_OP_REDUCE_SUM, src, matrix(ROWS, 1));
    ops[2].attr.reduce.axes = 1u << 1;
}

static void run(shunt_bdevice *device, const shunt_op_desc *desc, const float *src, float *dst, uint64_t bytes)
{
    const shunt_device_ops *ops = device->ops;
    shunt_arg memory[2] = {{0}};
    shunt_bop *op;
    shunt_bqueue *queue;
    cr_assert_eq(ops->op_prepare(device, desc, NULL, &op), SHUNT_OK, "%s", backend->last_error());
    cr_assert_eq(ops->queue_create(device, 0, &queue), SHUNT_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(ops->buffer_alloc(device, COUNT * sizeof *src, SHUNT_USE_ACTIVATION, &memory[i].buffer), SHUNT_OK);
    cr_assert_eq(ops->write(queue, memory[0], src, COUNT * sizeof *src, NULL), SHUNT_OK);
    cr_assert_eq(ops->op_launch(op, queue, &memory[0], &memory[1], (shunt_arg){0}, NULL), SHUNT_OK);
    cr_assert_eq(ops->read(queue, dst, memory[1], bytes, NULL), SHUNT_OK);
    cr_assert_eq(ops->queue_finish(queue), SHUNT_OK);
    for (int i = 0; i < 2; i++) ops->buffer_free(device, memory[i].buffer);
    ops->queue_destroy(device, queue);
    ops->op_destroy(op);
}

/* On small whole numbers, so that sums are exact. */
static void check(shunt_bdevice *device, const shunt_op_desc ops[NOPS])
{
    float src[COUNT], relu[COUNT], turned[COUNT], sums[ROWS];
    for (int i = 0; i < COUNT; i++) src[i] = (float)(i - 7);
    run(device, &ops[0], src, relu, sizeof relu);
    run(device, &ops[1], src, turned, sizeof turned);
    run(device, &ops[2], src, sums, sizeof sums);
    for (int r = 0; r < ROWS; r++) {
        float sum = 0;
        for (int c = 0; c < COLUMNS; c++) {
            const float x = src[r * COLUMNS + c];
            cr_assert_eq(relu[r * COLUMNS + c], x > 0 ? x : 0);
            cr_assert_eq(turned[c * ROWS + r], x);
            sum += x;
        }
        cr_assert_eq(sums[r], sum);
    }
}

/* As a process: a device is told of the first `foreseen` ops, and runs all. */
static void live(int foreseen)
{
    static const shunt_prepare_options options = {.size = sizeof options};
    const shunt_prepare_options *const wishes[NOPS] = {&options, &options, &options};
    const shunt_op_desc *descs[NOPS];
    shunt_op_desc ops[NOPS];
    shunt_bdevice *device;
    describe(ops);
    for (int i = 0; i < NOPS; i++) descs[i] = &ops[i];
    alone = together = apart = 0;
    cr_assert_eq(backend->device_open(cpu, NULL, &device), SHUNT_OK, "%s", backend->last_error());
    device->ops->foresee(device, descs, wishes, (uint32_t)foreseen);
    check(device, ops);
    device->ops->close(device);
    char left[256] = "";
    cr_assert_eq(layer->held(left, sizeof left), 0, "left behind: %s", left);
}

static void expect(int one, int several, int failed, const char *when)
{
    cr_assert(alone == one && together == several && apart == failed, "%s: %d alone, %d together, %d apart", when,
              alone, together, apart);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------------- */

Test(opencl_bundles, one_program_for_all)
{
    live(NOPS);
    expect(0, 1, 0, "nothing cached");
    live(NOPS);
    expect(0, 0, 0, "the next process");
    live(0);
    expect(0, 0, 0, "one that was told of nothing");
}

Test(opencl_bundles, as_binaries)
{
    binaries = "on";
    live(NOPS);
    expect(0, 1, 0, "nothing cached");
    live(NOPS);
    expect(0, 0, 0, "the next process");
}

Test(opencl_bundles, what_is_new_is_added)
{
    live(1);
    expect(3, 0, 0, "one op, and two that nobody told of");
    forget();
    live(2);
    expect(1, 1, 0, "two ops, and one that nobody told of");
    live(NOPS);
    expect(0, 0, 0, "all");
}

Test(opencl_bundles, damage_costs_a_compilation)
{
    for (int i = 0; i < 1 + NOPS; i++) { /* the bundle, and where each source is */
        forget();
        live(NOPS);
        cr_assert_eq(nentries, 1 + NOPS);
        ((char *)entries[i].blob)[entries[i].nblob - 1] ^= 0x40;
        const char *damaged = entries[i].space;
        live(NOPS);
        cr_assert(alone + together == 1, "%s: %d alone, %d together", damaged, alone, together);
        live(NOPS);
        expect(0, 0, 0, damaged);
    }
}

/* The first build fails: each source is built alone. */
Test(opencl_bundles, what_does_not_build_together)
{
    layer->arm("clBuildProgram", 1, false, -11);
    live(NOPS);
    cr_assert_str_eq(layer->fired(), "clBuildProgram");
    layer->arm(NULL, 0, false, 0);
    expect(3, 1, 1, "a bundle that does not build");
}

/* What one source lacks is the failure of its op alone. */
Test(opencl_bundles, every_build_fails)
{
    shunt_op_desc ops[NOPS];
    shunt_bdevice *device;
    shunt_bop *op;
    describe(ops);
    const shunt_op_desc *descs[NOPS] = {&ops[0], &ops[1], &ops[2]};
    const shunt_prepare_options options = {.size = sizeof options}, *wishes[NOPS] = {&options, &options, &options};
    cr_assert_eq(backend->device_open(cpu, NULL, &device), SHUNT_OK);
    layer->arm("clBuildProgram", 1, false, -11);
    device->ops->foresee(device, descs, wishes, NOPS);
    layer->arm("clBuildProgram", 1, false, -11);
    cr_assert_eq(device->ops->op_prepare(device, &ops[1], NULL, &op), SHUNT_E_DEVICE);
    cr_assert(strstr(backend->last_error(), "transpose.cl"), "%s", backend->last_error());
    layer->arm(NULL, 0, false, 0);
    check(device, ops);
    device->ops->close(device);
}
