/* fork_posix.c - see fork.h. The child's handler only writes to memory: locks that other threads of the parent held are reset, and
 * the devices get a table that refuses everything. */
#include "runtime/device/fork.h"

#include "runtime/base/error.h"
#include "runtime/base/option.h"

#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static const char message[] =
    "this process was made by fork() from one that had used devices, and their drivers and threads do not survive "
    "that; fork "
    "before the first use, or start a new program (exec, posix_spawn; Python's multiprocessing: \"spawn\")";

static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* of the list; each change is one write, so a child can read it */
static shunt_device *devices;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool loses_threads, is_child;

enum { MOST_THREADS = 256 };
static pid_t before[MOST_THREADS]; /* the first use of a device or a plugin */
static int nbefore;                /* -1: too many */

/* ---- The table of a child ------------------------------------------------------------------------------------------- */

static const char *last_error(void)
{
    return message;
}

static shunt_status refuse_buffer(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    (void)device, (void)bytes, (void)usage, (void)out;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_map(shunt_bdevice *device, shunt_bbuffer *buffer, void **host)
{
    (void)device, (void)buffer, (void)host;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_new_queue(shunt_bdevice *device, int profiling, shunt_bqueue **out)
{
    (void)device, (void)profiling, (void)out;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_queue(shunt_bqueue *queue)
{
    (void)queue;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes,
                                 shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event)
{
    (void)queue, (void)dst, (void)word, (void)bytes, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_queue_wait(shunt_bqueue *queue, shunt_bevent *event)
{
    (void)queue, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_event(shunt_bevent *event)
{
    (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_poll(shunt_bevent *event, int *done)
{
    (void)event, (void)done;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    (void)device, (void)desc;
    out->count = 0;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_prepare(shunt_bdevice *device, const shunt_op_desc *desc,
                                   const shunt_prepare_options *options, shunt_bop **out)
{
    (void)device, (void)desc, (void)options, (void)out;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_info(const shunt_bop *op, shunt_op_info *info)
{
    (void)op, (void)info;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                                  shunt_arg workspace, shunt_bevent **event)
{
    (void)op, (void)queue, (void)inputs, (void)outputs, (void)workspace, (void)event;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_pack(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst)
{
    (void)op, (void)queue, (void)input, (void)src, (void)dst;
    return SHUNT_E_UNSUPPORTED;
}

static void leave_device(shunt_bdevice *device)
{
    (void)device;
}

static void leave_buffer(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device, (void)buffer;
}

static void leave_queue(shunt_bdevice *device, shunt_bqueue *queue)
{
    (void)device, (void)queue;
}

static void leave_event(shunt_bevent *event)
{
    (void)event;
}

static void leave_op(shunt_bop *op)
{
    (void)op;
}

static shunt_status refuse_probe(uint32_t *count)
{
    (void)count;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_device_info(uint32_t index, shunt_device_info *out)
{
    (void)index, (void)out;
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status refuse_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    (void)index, (void)params, (void)out;
    return SHUNT_E_UNSUPPORTED;
}

static const shunt_device_ops child_ops = {
    .size = sizeof child_ops,
    .close = leave_device,
    .buffer_alloc = refuse_buffer,
    .buffer_free = leave_buffer,
    .buffer_map = refuse_map,
    .buffer_unmap = leave_buffer,
    .queue_create = refuse_new_queue,
    .queue_destroy = leave_queue,
    .queue_flush = refuse_queue,
    .queue_finish = refuse_queue,
    .write = refuse_write,
    .read = refuse_read,
    .copy = refuse_copy,
    .fill = refuse_fill,
    .queue_wait = refuse_queue_wait,
    .event_wait = refuse_event,
    .event_release = leave_event,
    .op_query = refuse_query,
    .op_prepare = refuse_prepare,
    .op_info = refuse_info,
    .op_pack = refuse_pack,
    .op_launch = refuse_launch,
    .op_destroy = leave_op,
    .event_poll = refuse_poll,
};

/* ---- The handlers ----------------------------------------------------------------------------------------------------- */

/* The ids of this process's threads; -1: they cannot be known, or are too many. */
static int list_threads(pid_t threads[MOST_THREADS])
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    if (!folder) return -1;
    for (struct dirent *entry; count >= 0 && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (count < MOST_THREADS)
            threads[count++] = (pid_t)strtol(entry->d_name, NULL, 10);
        else
            count = -1;
    }
    closedir(folder);
    return count;
}

static bool known_before(pid_t thread)
{
    for (int i = 0; i < nbefore; i++)
        if (before[i] == thread) return true;
    return false;
}

static void before_fork(void)
{
    pid_t threads[MOST_THREADS];
    int count = list_threads(threads);
    loses_threads = count < 0;
    for (int i = 0; i < count; i++) loses_threads = loses_threads || !known_before(threads[i]);
}

static void in_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    options_after_fork();
    log_after_fork();
    before[0] = getpid(); /* the only thread */
    nbefore = 1;
    if (!loses_threads) return;
    is_child = true;
    for (shunt_device *device = devices; device; device = device->next) {
        device->ops = &child_ops;
        device->backend = &device->refusing;
    }
}

static void install(void)
{
    nbefore = list_threads(before);
    pthread_atfork(before_fork, NULL, in_child);
}

void fork_watch(void)
{
    pthread_once(&once, install);
}

shunt_status fork_check(void)
{
    return is_child ? error_fail(SHUNT_E_UNSUPPORTED, "%s", message) : SHUNT_OK;
}

void fork_device_opened(shunt_device *device)
{
    device->refusing = *device->backend; /* it keeps its name */
    device->refusing.probe = refuse_probe;
    device->refusing.device_info = refuse_device_info;
    device->refusing.device_open = refuse_open;
    device->refusing.last_error = last_error;
    pthread_mutex_lock(&lock);
    device->next = devices;
    devices = device;
    pthread_mutex_unlock(&lock);
}

void fork_device_closed(shunt_device *device)
{
    pthread_mutex_lock(&lock);
    shunt_device **at = &devices;
    while (*at && *at != device) at = &(*at)->next;
    if (*at) *at = device->next;
    pthread_mutex_unlock(&lock);
}
