/* matrix.c - finds out whether a device's compiler and processor multiply tiles, by building a small kernel for them and comparing
 * what it computes with plain C. What was found is kept in the host's cache, with all that it depends on.
 *
 * A driver may crash over it. So a mark is put into the cache before, and where it is still found, the family is left out.
 * The runtime asks for devices in a process of its own first, which is all that is lost. */
#include "matrix.h"

#include "cpu.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIXELS = 32, OUTPUTS = 32, STEPS = 3, ODD_PIXEL = 7 };

/* What the kernel gets, and what it should give. */
typedef struct trial {
    uint16_t src[STEPS][2][16][OCL_LINE], weights[STEPS][2][16][16][2], dst[PIXELS][OUTPUTS];
    float bias[OUTPUTS];
} trial;

const char *ocl_matrix_option(ocl_matrix family)
{
    return family == OCL_MATRIX_AMX ? " -DMATRIX_AMX" : "";
}

/* Small whole numbers, so that every order of summing gives the same: no bfloat16 but NaN is far from them. */
static void draw(trial *t)
{
    uint32_t state = 1;
    uint16_t *parts[] = {&t->src[0][0][0][0], &t->weights[0][0][0][0][0]};
    const size_t sizes[] = {sizeof t->src / sizeof **parts, sizeof t->weights / sizeof **parts};
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < sizes[part]; i++) {
            state = state * 1664525 + 1013904223;
            parts[part][i] = shunt_to_bf16((float)(int)(state >> 28) - 7);
        }
    for (int k = 0; k < OUTPUTS; k++) t->bias[k] = (float)(k - 16);
    t->src[STEPS - 1][ODD_PIXEL / 16][ODD_PIXEL % 16][5] = 0xffc0; /* NaN */
}

static uint16_t expected(const trial *t, int pixel, int output)
{
    float sum = t->bias[output];
    for (int step = 0; step < STEPS; step++)
        for (int c = 0; c < OCL_LINE; c++)
            sum += shunt_from_bf16(t->src[step][pixel / 16][pixel % 16][c]) *
                   shunt_from_bf16(t->weights[step][output / 16][c / 2][output % 16][c % 2]);
    return shunt_to_bf16(sum < 0 ? 0 : sum);
}

static bool right(const trial *t)
{
    for (int pixel = 0; pixel < PIXELS; pixel++)
        for (int output = 0; output < OUTPUTS; output++) {
            const uint16_t bits = t->dst[pixel][output];
            const bool nan = (bits & 0x7f80) == 0x7f80 && bits & 0x7f;
            if (pixel == ODD_PIXEL ? !nan : bits != expected(t, pixel, output)) return false;
        }
    return true;
}

/* ---- On the device --------------------------------------------------------------------------------------------------- */

static cl_int set_tensor(cl_kernel kernel, cl_uint index, cl_mem buffer)
{
    const cl_ulong at = 0;
    const cl_int code = clSetKernelArg(kernel, 2 * index, sizeof buffer, &buffer);
    return code ? code : clSetKernelArg(kernel, 2 * index + 1, sizeof at, &at);
}

static cl_int run_kernel(cl_context context, cl_command_queue queue, cl_kernel kernel, trial *t)
{
    const struct {
        void *data;
        size_t bytes;
    } tensors[] = {
        {t->src, sizeof t->src}, {t->weights, sizeof t->weights}, {t->bias, sizeof t->bias}, {t->dst, sizeof t->dst}};
    enum { TENSORS = sizeof tensors / sizeof *tensors };
    const size_t one = 1;
    const cl_int steps = STEPS;
    cl_mem buffers[TENSORS] = {NULL};
    cl_int code = CL_SUCCESS;
    for (cl_uint i = 0; i < TENSORS && !code; i++) {
        buffers[i] =
            clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, tensors[i].bytes, tensors[i].data, &code);
        if (!code) code = set_tensor(kernel, i, buffers[i]);
    }
    if (!code) code = clSetKernelArg(kernel, 2 * TENSORS, sizeof steps, &steps);
    if (!code) code = clSetKernelArg(kernel, 2 * TENSORS + 1, OUTPUTS * sizeof(cl_float), NULL);
    if (!code) code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL);
    if (!code)
        code = clEnqueueReadBuffer(queue, buffers[TENSORS - 1], CL_TRUE, 0, sizeof t->dst, t->dst, 0, NULL, NULL);
    for (cl_uint i = 0; i < TENSORS; i++)
        if (buffers[i]) clReleaseMemObject(buffers[i]);
    return code;
}

static cl_int run_program(cl_context context, cl_device_id id, cl_program program, trial *t)
{
    cl_int code;
    cl_kernel kernel = clCreateKernel(program, "matrix_probe", &code);
    if (!kernel) return code;
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    if (queue) {
        code = run_kernel(context, queue, kernel, t);
        clReleaseCommandQueue(queue);
    }
    clReleaseKernel(kernel);
    return code;
}

static cl_int build_and_run(cl_context context, cl_device_id id, ocl_matrix family, trial *t)
{
    char options[OCL_OPTIONS_CHARS] = "";
    cl_int code;
    cl_program program = clCreateProgramWithSource(context, 1, (const char *[]){ocl_matrix_probe_cl.text}, NULL, &code);
    if (!program) return code;
    ocl_add_option(options, "-cl-std=CL1.2 -DB=16 -DV=16 -DMT=2 -DNT=2 -DDATA=%u%s", SHUNT_BF16,
                   ocl_matrix_option(family));
    code = clBuildProgram(program, 1, &id, options, NULL, NULL);
    if (!code) code = run_program(context, id, program, t);
    clReleaseProgram(program);
    return code;
}

/* Whether the family works there. What a driver cannot do is no failure. */
static bool works(const ocl_found *found, ocl_matrix family)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform, 0};
    trial *t = calloc(1, sizeof *t);
    cl_int code;
    if (!t) return false;
    draw(t);
    cl_context context = clCreateContext(properties, 1, &found->id, NULL, NULL, &code);
    if (context) {
        code = build_and_run(context, found->id, family, t);
        clReleaseContext(context);
    }
    const bool good = !code && right(t);
    ocl_log(SHUNT_LOG_DEBUG, "opencl: matrix units of %s: %s", found->info.name,
            good   ? "they work"
            : code ? ocl_code_name(code)
                   : "they compute something else");
    free(t);
    return good;
}

/* ---- What is known ----------------------------------------------------------------------------------------------------- */

static const char cache_name[] = "opencl-matrix";

/* An entry. Being tried, it stands for a trial that ended the process, unless somebody interrupted it: it holds for a while. */
typedef struct verdict {
    enum { UNKNOWN, TRYING, WORKS, FAILS } state;
    int32_t unused;
    int64_t since; /* seconds */
} verdict;

enum { HOLDS_SECONDS = 3600 };

/* All that a verdict depends on. The caller frees it; NULL without memory. */
static char *make_key(const ocl_found *found, const ocl_cpu *cpu, ocl_matrix family, size_t *nkey)
{
    const char *parts[] = {found->info.platform, found->info.name, found->info.driver, ocl_matrix_option(family),
                           ocl_matrix_probe_cl.text};
    enum { NPARTS = sizeof parts / sizeof *parts };
    *nkey = sizeof *cpu;
    for (int i = 0; i < NPARTS; i++) *nkey += strlen(parts[i]) + 1;
    char *key = malloc(*nkey);
    if (!key) return NULL;
    memcpy(key, cpu, sizeof *cpu);
    char *at = key + sizeof *cpu;
    for (int i = 0; i < NPARTS; i++) at = stpcpy(at, parts[i]) + 1;
    return key;
}

static verdict recall(const char *key, size_t nkey)
{
    verdict found = {UNKNOWN, 0, 0};
    void *blob;
    size_t nblob;
    if (ocl_host->cache_get(cache_name, key, nkey, &blob, &nblob)) return found;
    if (nblob == sizeof found) memcpy(&found, blob, nblob);
    ocl_host->cache_free(blob);
    return found;
}

/* A cache that keeps nothing costs a trial at each start. */
static void keep(const char *key, size_t nkey, verdict now)
{
    now.since = (int64_t)time(NULL);
    if (ocl_host->cache_put(cache_name, key, nkey, &now, sizeof now))
        ocl_log(SHUNT_LOG_DEBUG, "opencl: what matrix units can do could not be cached");
}

static bool known_to_work(const ocl_found *found, ocl_matrix family, const char *key, size_t nkey)
{
    const verdict known = recall(key, nkey);
    const int64_t age = (int64_t)time(NULL) - known.since;
    if (known.state == WORKS || known.state == FAILS) return known.state == WORKS;
    if (known.state == TRYING && age >= 0 && age < HOLDS_SECONDS) {
        ocl_log(SHUNT_LOG_INFO, "opencl: matrix units of %s are left out: trying them did not end", found->info.name);
        return false;
    }
    keep(key, nkey, (verdict){.state = TRYING});
    const bool good = works(found, family);
    keep(key, nkey, (verdict){.state = good ? WORKS : FAILS});
    return good;
}

ocl_matrix ocl_matrix_find(const ocl_found *found)
{
    const ocl_cpu cpu = ocl_cpu_look();
    size_t nkey;
    if (found->info.type != SHUNT_DEVICE_CPU || !ocl_cpu_allow_tiles(&cpu)) return OCL_MATRIX_PLAIN;
    char *key = make_key(found, &cpu, OCL_MATRIX_AMX, &nkey);
    if (!key) return OCL_MATRIX_PLAIN;
    const bool good = known_to_work(found, OCL_MATRIX_AMX, key, nkey);
    free(key);
    return good ? OCL_MATRIX_AMX : OCL_MATRIX_PLAIN;
}
