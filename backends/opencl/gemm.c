/* gemm.c - CLBlast through its C interface. It is loaded on first use: it costs much (on PoCL its first product compiles for
 * seconds), and only who asks for it shall notice that it is missing. */
#include "gemm.h"
#include "library.h"

#include <clblast_c.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    void *handle;
    __typeof__(CLBlastSgemmWithTempBuffer) *gemm;
    __typeof__(CLBlastSGemmTempBufferSize) *temporary;
    __typeof__(CLBlastClearCache) *clear;
} clblast;

static shunt_status load(void)
{
    if (clblast.handle) return SHUNT_OK;
    const char *reason;
    void *handle = ocl_library_open(ocl_clblast_name, &reason);
    if (!handle)
        return ocl_fail(SHUNT_E_UNSUPPORTED, "%s does not load: %s; install libclblast1", ocl_clblast_name, reason);
    *(void **)&clblast.gemm = ocl_library_symbol(handle, "CLBlastSgemmWithTempBuffer");
    *(void **)&clblast.temporary = ocl_library_symbol(handle, "CLBlastSGemmTempBufferSize");
    *(void **)&clblast.clear = ocl_library_symbol(handle, "CLBlastClearCache");
    if (!clblast.gemm || !clblast.temporary || !clblast.clear) {
        ocl_library_close(handle);
        return ocl_fail(SHUNT_E_UNSUPPORTED, "%s is too old: it takes no temporary buffer", ocl_clblast_name);
    }
    clblast.handle = handle;
    return SHUNT_OK;
}

static shunt_status load_locked(void)
{
    pthread_mutex_lock(&lock);
    shunt_status status = load();
    pthread_mutex_unlock(&lock);
    return status;
}

shunt_status ocl_gemm_temporary(ocl_device *device, const ocl_gemm *gemm, uint64_t *bytes)
{
    size_t most = 0;
    shunt_status status = load_locked();
    /* A matrix that begins at a buffer's begin may need none where another needs some. */
    for (int i = 0; i < 8 && !status; i++) {
        size_t size = 0, off = device->found.info.alignment / sizeof(float);
        CLBlastStatusCode code = clblast.temporary(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes,
                                                   gemm->m, gemm->n, gemm->k, i & 1 ? off : 0, gemm->k, i & 2 ? off : 0,
                                                   gemm->k, i & 4 ? off : 0, gemm->n, &device->maps, &size);
        if (code) status = ocl_failed("CLBlastSGemmTempBufferSize", (cl_int)code);
        if (size > most) most = size;
    }
    *bytes = most;
    return status;
}

shunt_status ocl_gemm_run(shunt_bqueue *queue, const ocl_gemm *gemm, shunt_arg a, shunt_arg b, shunt_arg dst,
                          cl_mem temporary)
{
    cl_event event;
    ocl_turn_begin(queue->device, queue);
    CLBlastStatusCode code =
        clblast.gemm(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeYes, gemm->m, gemm->n, gemm->k, 1.0f,
                     a.buffer->memory, a.offset / sizeof(float), gemm->k, b.buffer->memory, b.offset / sizeof(float),
                     gemm->k, 0.0f, dst.buffer->memory, dst.offset / sizeof(float), gemm->n, &queue->queue,
                     ocl_record_slot(queue, &event), temporary);
    ocl_turn_end(queue->device);
    if (code) return ocl_failed("CLBlastSgemmWithTempBuffer", (cl_int)code);
    ocl_recorded(queue, event);
    return SHUNT_OK;
}

void ocl_gemm_forget(void)
{
    pthread_mutex_lock(&lock);
    if (clblast.handle) clblast.clear();
    pthread_mutex_unlock(&lock);
}
