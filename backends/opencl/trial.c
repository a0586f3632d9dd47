/* trial.c - see trial.h. */
#include "trial.h"

#include "cpu.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TENSORS = 8 };

/* ---- On the device --------------------------------------------------------------------------------------------------- */

static cl_int set_tensor(cl_kernel kernel, cl_uint index, cl_mem buffer)
{
    const cl_ulong at = 0;
    const cl_int code = clSetKernelArg(kernel, 2 * index, sizeof buffer, &buffer);
    return code ? code : clSetKernelArg(kernel, 2 * index + 1, sizeof at, &at);
}

static cl_int launch(cl_command_queue queue, cl_kernel kernel, const trial_run *run, const cl_mem *buffers)
{
    const trial_tensor *last = &run->tensors[run->ntensors - 1];
    cl_int code = CL_SUCCESS;
    for (cl_uint i = 0; i < run->ntensors && !code; i++) code = set_tensor(kernel, i, buffers[i]);
    for (cl_uint i = 0; i < run->nconstants && !code; i++)
        code = clSetKernelArg(kernel, 2 * run->ntensors + i, run->constants[i].bytes, run->constants[i].value);
    if (!code) code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &run->items, &run->items, 0, NULL, NULL);
    return code ? code
                : clEnqueueReadBuffer(queue, buffers[run->ntensors - 1], CL_TRUE, 0, last->bytes, last->data, 0, NULL,
                                      NULL);
}

static cl_int run_kernel(cl_context context, cl_command_queue queue, cl_kernel kernel, const trial_run *run)
{
    cl_mem buffers[MAX_TENSORS] = {NULL};
    cl_int code = run->ntensors > MAX_TENSORS ? CL_INVALID_VALUE : CL_SUCCESS;
    for (cl_uint i = 0; i < run->ntensors && !code; i++)
        buffers[i] = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, run->tensors[i].bytes,
                                    run->tensors[i].data, &code);
    if (!code) code = launch(queue, kernel, run, buffers);
    for (cl_uint i = 0; i < MAX_TENSORS; i++)
        if (buffers[i]) clReleaseMemObject(buffers[i]);
    return code;
}

static cl_int run_program(cl_context context, cl_device_id id, cl_program program, const trial_run *run)
{
    cl_int code;
    cl_kernel kernel = clCreateKernel(program, run->kernel, &code);
    if (!kernel) return code;
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    if (queue) {
        code = run_kernel(context, queue, kernel, run);
        clReleaseCommandQueue(queue);
    }
    clReleaseKernel(kernel);
    return code;
}

static cl_int build_and_run(cl_context context, cl_device_id id, const ocl_trial *trial, const trial_run *run)
{
    cl_int code;
    cl_program program = clCreateProgramWithSource(context, 1, (const char *[]){trial->source->text}, NULL, &code);
    if (!program) return code;
    code = clBuildProgram(program, 1, &id, trial->options, NULL, NULL);
    if (!code) code = run_program(context, id, program, run);
    clReleaseProgram(program);
    return code;
}

cl_int ocl_trial_run(const ocl_found *found, const ocl_trial *trial, const trial_run *run)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform, 0};
    cl_int code;
    cl_context context = clCreateContext(properties, 1, &found->id, NULL, NULL, &code);
    if (!context) return code;
    code = build_and_run(context, found->id, trial, run);
    clReleaseContext(context);
    return code;
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
static char *make_key(const ocl_found *found, const ocl_trial *trial, size_t *nkey)
{
    const ocl_cpu cpu = ocl_cpu_look();
    const char *parts[] = {found->info.platform, found->info.name, found->info.driver, trial->options,
                           trial->source->text};
    enum { NPARTS = sizeof parts / sizeof *parts };
    *nkey = sizeof cpu;
    for (int i = 0; i < NPARTS; i++) *nkey += strlen(parts[i]) + 1;
    char *key = malloc(*nkey);
    if (!key) return NULL;
    memcpy(key, &cpu, sizeof cpu);
    char *at = key + sizeof cpu;
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

static bool known_to_pass(const ocl_found *found, const ocl_trial *trial, const char *key, size_t nkey)
{
    const verdict known = recall(key, nkey);
    const int64_t age = (int64_t)time(NULL) - known.since;
    if (known.state == WORKS || known.state == FAILS) return known.state == WORKS;
    if (known.state == TRYING && age >= 0 && age < HOLDS_SECONDS) {
        ocl_log(SHUNT_LOG_INFO, "opencl: %s of %s are left out: trying them did not end", trial->what,
                found->info.name);
        return false;
    }
    keep(key, nkey, (verdict){.state = TRYING});
    const bool good = trial->works(found, trial);
    keep(key, nkey, (verdict){.state = good ? WORKS : FAILS});
    return good;
}

bool ocl_trial_passes(const ocl_found *found, const ocl_trial *trial)
{
    size_t nkey;
    char *key = make_key(found, trial, &nkey);
    if (!key) return false;
    const bool good = known_to_pass(found, trial, key, nkey);
    free(key);
    return good;
}
