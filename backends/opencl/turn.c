/* turn.c - one queue at a time, for drivers that cannot run the kernels of two.
 *
 * PoCL's CPU devices share one table of loaded kernels in the process. When a kernel ends, its entry is looked up again by
 * a key that several entries may match, and the wrong one found aborts the process (seen with 3.1; others report it for 5.0).
 * So a queue takes its turn before it is given a kernel: the queue that had the turn is finished first. The lock is not held
 * while kernels run, so no thread waits for what another thread has yet to do. Asking for a program's binary adds entries to
 * that table, and needs a turn without a queue. All queues of one device stand on one queue of the driver (device.c), so that turns
 * change only between devices. */
#include "opencl.h"

#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shunt_bqueue *holder; /* the last that was given a kernel: only its driver's queue may have kernels under way */

bool ocl_is_pocl(const shunt_device_info *info)
{
    return !strcmp(info->platform, "Portable Computing Language");
}

bool ocl_takes_turns(const shunt_device_info *info)
{
    return info->type == SHUNT_DEVICE_CPU && ocl_is_pocl(info);
}

void ocl_turn_begin(const ocl_device *device, shunt_bqueue *queue)
{
    if (!ocl_takes_turns(&device->found.info)) return;
    pthread_mutex_lock(&lock);
    if (holder && !(queue && holder->queue == queue->queue)) {
        cl_int code = clFinish(holder->queue);
        if (code) holder->failed = code;
    }
    holder = queue;
}

void ocl_turn_end(const ocl_device *device)
{
    if (ocl_takes_turns(&device->found.info)) pthread_mutex_unlock(&lock);
}

cl_int ocl_turn_over(shunt_bqueue *queue)
{
    if (!ocl_takes_turns(&queue->device->found.info)) return CL_SUCCESS;
    pthread_mutex_lock(&lock);
    if (holder == queue) holder = NULL;
    cl_int code = queue->failed;
    queue->failed = CL_SUCCESS;
    pthread_mutex_unlock(&lock);
    return code;
}
