/* opencl_failures.c - every OpenCL call of a small run fails once, by the layer in layers/failing.c: the failure is a status
 * that names call and code, leaves no object behind, and the process goes on. */
#include <shunt/backend.h>

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <string.h>

static void note(int level, const char *message)
{
    (void)level, (void)message;
}

static const char *option(const char *key)
{
    (void)key;
    return NULL;
}

static shunt_status cache_get(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob)
{
    (void)ns, (void)key, (void)nkey, (void)blob, (void)nblob;
    return SHUNT_E_NOT_FOUND;
}

static shunt_status cache_put(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    (void)ns, (void)key, (void)nkey, (void)blob, (void)nblob;
    return SHUNT_E_IO;
}

static const shunt_host host = {.size = sizeof host,
                                .abi_major = SHUNT_ABI_MAJOR,
                                .abi_minor = SHUNT_ABI_MINOR,
                                .log = note,
                                .option = option,
                                .cache_get = cache_get,
                                .cache_put = cache_put};

static void *function(const char *path, const char *name)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    cr_assert(library, "%s", dlerror());
    void *found = dlsym(library, name);
    cr_assert(found, "%s has no %s", path, name);
    return found;
}

static const float values[] = {-1, 2, -3, 4};

/* A ReLU from device to result. The first failure ends it. */
static shunt_status run(shunt_bdevice *device, shunt_bqueue **queue, shunt_arg *memory, shunt_bop **op, float *got)
{
    const shunt_device_ops *ops = device->ops;
    shunt_op_desc desc = {.kind = SHUNT_OP_RELU, .ninputs = 1, .noutputs = 1};
    desc.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {4}};
    desc.outputs[0] = desc.inputs[0];
    shunt_status status = ops->queue_create(device, 0, queue);
    if (!status) status = ops->buffer_alloc(device, sizeof values, SHUNT_USE_ACTIVATION, &memory->buffer);
    if (!status) status = ops->op_prepare(device, &desc, NULL, op);
    if (!status) status = ops->write(*queue, *memory, values, sizeof values, NULL);
    if (!status) status = ops->op_launch(*op, *queue, memory, memory, (shunt_arg){0}, NULL);
    if (!status) status = ops->read(*queue, got, *memory, sizeof values, NULL);
    return status ? status : ops->queue_finish(*queue);
}

static shunt_status try_once(const shunt_backend *backend, float *got, char *message, size_t size)
{
    shunt_bdevice *device;
    shunt_bqueue *queue = NULL;
    shunt_arg memory = {0};
    shunt_bop *op = NULL;
    shunt_status status = backend->device_open(0, NULL, &device);
    if (!status)
        status = run(device, &queue, &memory, &op, got);
    else
        device = NULL;
    strncpy(message, status ? backend->last_error() : "", size - 1);
    if (!device) return status;
    if (op) device->ops->op_destroy(op);
    if (queue) device->ops->queue_destroy(device, queue);
    device->ops->buffer_free(device, memory.buffer);
    device->ops->close(device);
    return status;
}

Test(opencl_failures, each_call_once, .timeout = 300)
{
    void (*arm)(int);
    const char *(*fired)(void);
    int (*alive)(void);
    shunt_backend_entry_fn enter;
    *(void **)&arm = function(TEST_LAYER, "failing_arm");
    *(void **)&fired = function(TEST_LAYER, "failing_fired");
    *(void **)&alive = function(TEST_LAYER, "failing_alive");
    *(void **)&enter = function(TEST_OPENCL_PLUGIN, "shunt_backend_entry");
    const shunt_backend *backend = enter(&host);
    uint32_t count;
    cr_assert(backend && !backend->probe(&count));
    if (count == 0) cr_skip_test("no OpenCL device");

    int failed = 0;
    for (int nth = 1; nth < 200; nth++) {
        char message[512] = "";
        float got[4] = {0};
        arm(nth);
        shunt_status status = try_once(backend, got, message, sizeof message);
        const char *call = fired();
        arm(0);
        cr_assert_eq(alive(), 0, "call %d, %s: %d objects are left", nth, call ? call : "none", alive());
        if (!call) break;
        if (!status) { /* of a clean-up, whose failure changes nothing */
            cr_assert_str_eq(call, "clFinish");
            continue;
        }
        failed++;
        cr_assert(strstr(message, call) && strstr(message, "CL_OUT_OF_RESOURCES"), "call %d, %s: %s", nth, call,
                  message);
    }
    cr_assert_geq(failed, 15);
    float got[4];
    char message[512] = "";
    cr_assert_eq(try_once(backend, got, message, sizeof message), SHUNT_OK, "%s", message);
    cr_assert(got[0] == 0 && got[1] == 2 && got[2] == 0 && got[3] == 4);
}
