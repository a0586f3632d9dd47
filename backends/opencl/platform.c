/* platform.c - finds every usable device of every platform, and describes it. A platform or device that does not work is
 * skipped with a line in the log: it must not stand in the way of the others. Makes no context. */
#include "matrix.h"
#include "wave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool searched;
static ocl_found *devices; /* live as long as the process: plugins are never unloaded */
static uint32_t ndevices;
static char failure[128]; /* the first driver call of the search that failed: why there may be no device */

/* Copies what fits, without the spaces that some drivers put at the ends. */
static void copy_text(char *to, size_t size, const char *from)
{
    from += strspn(from, " ");
    size_t n = strlen(from);
    while (n > 0 && from[n - 1] == ' ') n--;
    if (n >= size) n = size - 1;
    memcpy(to, from, n);
    to[n] = 0;
}

static cl_int note(const char *call, cl_int code)
{
    if (code && !failure[0]) snprintf(failure, sizeof failure, "%s: %s", call, ocl_code_name(code));
    return code;
}

static bool device_text(cl_device_id id, cl_device_info what, char *to, size_t size)
{
    char text[1024];
    size_t bytes;
    if (note("clGetDeviceInfo", clGetDeviceInfo(id, what, sizeof text - 1, text, &bytes)) || bytes >= sizeof text)
        return false;
    text[bytes] = 0;
    copy_text(to, size, text);
    return true;
}

static bool device_value(cl_device_id id, cl_device_info what, void *value, size_t bytes)
{
    return note("clGetDeviceInfo", clGetDeviceInfo(id, what, bytes, value, NULL)) == CL_SUCCESS;
}

/* Why the device cannot be used, or NULL. */
static const char *unusable(cl_device_id id)
{
    char version[128];
    unsigned major, minor;
    cl_bool available, compiler, little;
    if (!device_text(id, CL_DEVICE_VERSION, version, sizeof version) ||
        !device_value(id, CL_DEVICE_AVAILABLE, &available, sizeof available) ||
        !device_value(id, CL_DEVICE_COMPILER_AVAILABLE, &compiler, sizeof compiler) ||
        !device_value(id, CL_DEVICE_ENDIAN_LITTLE, &little, sizeof little))
        return "its driver does not answer";
    if (sscanf(version, "OpenCL %u.%u", &major, &minor) != 2 || major * 10 + minor < 12)
        return "it is older than OpenCL 1.2";
    if (!available) return "it is not available";
    if (!compiler) return "its driver has no compiler";
    if (!little) return "it is big-endian";
    return NULL;
}

static bool read_limits(cl_device_id id, ocl_limits *limits)
{
    cl_ulong local;
    cl_device_fp_config doubles = 0;
    size_t group, sizes[8];
    cl_uint dims;
    if (!device_value(id, CL_DEVICE_MAX_COMPUTE_UNITS, &limits->units, sizeof limits->units) ||
        !device_value(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, &limits->float_width, sizeof limits->float_width) ||
        !device_value(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, &group, sizeof group) ||
        !device_value(id, CL_DEVICE_LOCAL_MEM_SIZE, &local, sizeof local) ||
        !device_value(id, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, &dims, sizeof dims) || dims < 3 || dims > 8 ||
        !device_value(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizes, dims * sizeof *sizes))
        return false;
    limits->group = group < sizes[0] ? group : sizes[0];
    limits->local = local;
    limits->doubles = device_value(id, CL_DEVICE_DOUBLE_FP_CONFIG, &doubles, sizeof doubles) && doubles;
    return limits->group > 0;
}

/* Intel's drivers count execution units of 8 lanes; those of a GPU that share local memory, and so run a work-group, are 8 or, since
 * 2020, 16. */
static void count_group_units(ocl_limits *limits, const shunt_device_info *info)
{
    enum { EXECUTION_UNITS = 16 };
    if (info->type == SHUNT_DEVICE_GPU && strstr(info->vendor, "Intel"))
        limits->units = (limits->units + EXECUTION_UNITS - 1) / EXECUTION_UNITS;
}

/* CPUs: a block is a vector register. GPUs: 16 channels are 64 bytes, which is what memory likes to move at once. */
static uint32_t preferred_block(uint32_t type, uint32_t float_width)
{
    return type == SHUNT_DEVICE_CPU && float_width < 16 ? 8 : 16;
}

/* Wider vectors first among CPU drivers, more compute units first among GPUs. */
static int32_t score(uint32_t type, const ocl_limits *limits)
{
    if (type == SHUNT_DEVICE_CPU) return 100 + (int32_t)(limits->float_width < 32 ? limits->float_width : 32);
    if (type == SHUNT_DEVICE_GPU) return 1000 + (int32_t)(limits->units < 999 ? limits->units : 999);
    return 50;
}

static bool describe(cl_device_id id, const char *platform, ocl_found *found)
{
    shunt_device_info *info = &found->info;
    char driver[128], version[128];
    cl_device_type type;
    cl_ulong memory, max_alloc;
    cl_uint align_bits;
    info->size = sizeof *info;
    if (!read_limits(id, &found->limits) || !device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name) ||
        !device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor) ||
        !device_text(id, CL_DRIVER_VERSION, driver, sizeof driver) ||
        !device_text(id, CL_DEVICE_VERSION, version, sizeof version) ||
        !device_value(id, CL_DEVICE_TYPE, &type, sizeof type) ||
        !device_value(id, CL_DEVICE_GLOBAL_MEM_SIZE, &memory, sizeof memory) ||
        !device_value(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, &max_alloc, sizeof max_alloc) ||
        !device_value(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, &align_bits, sizeof align_bits))
        return false;
    copy_text(info->platform, sizeof info->platform, platform);
    snprintf(info->driver, sizeof info->driver, "%.48s; %.72s", driver, version);
    info->type = type & CL_DEVICE_TYPE_GPU   ? SHUNT_DEVICE_GPU
                 : type & CL_DEVICE_TYPE_CPU ? SHUNT_DEVICE_CPU
                                             : SHUNT_DEVICE_OTHER;
    count_group_units(&found->limits, info);
    if (ocl_takes_turns(info)) info->caps |= SHUNT_CAP_ONE_QUEUE;
    info->score = score(info->type, &found->limits);
    info->memory = memory;
    info->max_alloc = max_alloc;
    /* At least a float16, so that kernels may use aligned vectors. */
    info->alignment = 64;
    while (info->alignment < align_bits / 8) info->alignment *= 2;
    info->block = preferred_block(info->type, found->limits.float_width);
    info->dtypes = 1u << SHUNT_F16 | 1u << SHUNT_BF16; /* as storage: core OpenCL converts halves */
    /* A CPU computes in float32. On a GPU 16 channels are 32 bytes, the least that memory moves. */
    info->block16 = info->block;
    found->id = id;
    found->matrix = ocl_matrix_find(found);
    found->wave_f16 = ocl_wave_find(found, SHUNT_F16);
    found->wave_bf16 = ocl_wave_find(found, SHUNT_BF16);
    if (found->matrix != OCL_MATRIX_PLAIN) info->block16 = OCL_LINE;
    return true;
}

/* NULL, or why the device cannot be used. */
static const char *look_at(cl_platform_id platform, const char *of, cl_device_id id, ocl_found *found)
{
    const char *reason = unusable(id);
    *found = (ocl_found){.platform = platform};
    if (!reason && !describe(id, of, found)) reason = "its driver does not tell its limits";
    return reason;
}

static void platform_name(cl_platform_id platform, char *name, size_t size)
{
    size_t bytes;
    snprintf(name, size, "without a name");
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, size - 1, name, &bytes) == CL_SUCCESS && bytes < size)
        name[bytes] = 0;
}

static shunt_status add_device(cl_platform_id platform, const char *of, cl_device_id id)
{
    char name[128] = "a device";
    device_text(id, CL_DEVICE_NAME, name, sizeof name);
    ocl_found found;
    const char *reason = look_at(platform, of, id, &found);
    if (reason) {
        ocl_log(SHUNT_LOG_INFO, "opencl: %s of platform %s skipped: %s", name, of, reason);
        return SHUNT_OK;
    }
    ocl_found *more = realloc(devices, (ndevices + 1) * sizeof *more);
    if (!more) return ocl_fail_memory();
    devices = more;
    devices[ndevices++] = found;
    return SHUNT_OK;
}

static shunt_status add_platform(cl_platform_id platform)
{
    char name[256];
    platform_name(platform, name, sizeof name);
    cl_uint count = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
    if (code != CL_DEVICE_NOT_FOUND) note("clGetDeviceIDs", code);
    if (code || count == 0) {
        ocl_log(SHUNT_LOG_INFO, "opencl: platform %s skipped: %s", name,
                code && code != CL_DEVICE_NOT_FOUND ? ocl_code_name(code) : "it has no devices");
        return SHUNT_OK;
    }
    cl_device_id *ids = calloc(count, sizeof *ids);
    if (!ids) return ocl_fail_memory();
    shunt_status status = SHUNT_OK;
    code = note("clGetDeviceIDs", clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids, NULL));
    if (code) ocl_log(SHUNT_LOG_INFO, "opencl: platform %s skipped: %s", name, ocl_code_name(code));
    for (cl_uint i = 0; i < count && !code && !status; i++) status = add_device(platform, name, ids[i]);
    free(ids);
    return status;
}

static shunt_status search(void)
{
    cl_uint count = 0;
    failure[0] = 0;
    cl_int code = clGetPlatformIDs(0, NULL, &count);
    if (code == -1001 || (!code && count == 0)) { /* the loader's CL_PLATFORM_NOT_FOUND_KHR */
        ocl_log(SHUNT_LOG_INFO, "opencl: no platform is installed");
        return SHUNT_OK;
    }
    if (code) return ocl_failed("clGetPlatformIDs", code);
    cl_platform_id *platforms = calloc(count, sizeof *platforms);
    if (!platforms) return ocl_fail_memory();
    shunt_status status = SHUNT_OK;
    code = clGetPlatformIDs(count, platforms, NULL);
    if (code) status = ocl_failed("clGetPlatformIDs", code);
    for (cl_uint i = 0; i < count && !status; i++) status = add_platform(platforms[i]);
    free(platforms);
    if (!status && ndevices == 0 && failure[0]) return ocl_fail(SHUNT_E_DEVICE, "no device works: %s", failure);
    return status;
}

shunt_status ocl_find_devices(const ocl_found **found, uint32_t *count)
{
    pthread_mutex_lock(&lock);
    shunt_status status = searched ? SHUNT_OK : search();
    searched = !status;
    if (status) {
        free(devices);
        devices = NULL;
        ndevices = 0;
    }
    *found = devices;
    *count = ndevices;
    pthread_mutex_unlock(&lock);
    return status;
}

shunt_status ocl_describe_device(cl_device_id id, ocl_found *out)
{
    const ocl_found *found;
    uint32_t count;
    shunt_status status = ocl_find_devices(&found, &count);
    for (uint32_t i = 0; i < count && !status; i++) {
        if (found[i].id != id) continue;
        *out = found[i];
        return SHUNT_OK;
    }
    cl_platform_id platform;
    char name[256];
    cl_int code = clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
    if (code) return ocl_failed("clGetDeviceInfo", code);
    platform_name(platform, name, sizeof name);
    pthread_mutex_lock(&lock); /* of `failure` */
    const char *reason = look_at(platform, name, id, out);
    pthread_mutex_unlock(&lock);
    return reason ? ocl_fail(SHUNT_E_UNSUPPORTED, "the queue's device cannot be used: %s", reason) : SHUNT_OK;
}
