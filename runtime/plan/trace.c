/* trace.c - SHUNT_PROFILE=FILE: the steps of all runs as a Chrome trace (chrome://tracing, Perfetto).
 * Format: "Trace Event Format", complete events ("ph": "X"), times in microseconds. One trace for the process. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/base/file.h"

#include <jansson.h>
#include <pthread.h>
#include <unistd.h>

enum { MAX_EVENTS = 1000000 }; /* some 200 MB; what comes later is not noted */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *events;
static bool lost; /* an event was lost, because memory ran out */

bool trace_wanted(void)
{
    const char *path = shunt_option("profile");
    return path && *path;
}

/* Takes the event; NULL: memory ran out. */
static void keep(json_t *event)
{
    pthread_mutex_lock(&lock);
    if (!events) events = json_array();
    bool room = !events || json_array_size(events) < MAX_EVENTS;
    if (!event || !events || (room && json_array_append(events, event))) lost = true;
    pthread_mutex_unlock(&lock);
    json_decref(event);
}

void trace_add(const plan_step *step, const char *device, uint64_t start, uint64_t end)
{
    char kind[48];
    op_label(step->desc.kind, step->desc.flags, kind, sizeof kind);
    json_t *event = json_pack("{s:s s:s s:s s:f s:f s:i s:i s:{s:s s:s s:s s:I s:I}}", "name", step->name, "cat", kind,
                              "ph", "X", "ts", (double)start / 1e3, "dur", (double)(end - start) / 1e3, "pid",
                              (int)getpid(), "tid", step->device, "args", "device", device, "algorithm",
                              step->info.algorithm, "params", step->info.params, "flops",
                              (json_int_t)op_flops(&step->desc), "bytes", (json_int_t)op_bytes(&step->desc));
    keep(event);
}

void trace_add_exchange(const char *name, const char *what, uint64_t start, uint64_t end, uint64_t bytes)
{
    enum { EXCHANGES = 10, WAITS }; /* behind the devices */
    keep(json_pack("{s:s s:s s:s s:f s:f s:i s:i s:{s:I}}", "name", name, "cat", what, "ph", "X", "ts",
                   (double)start / 1e3, "dur", (double)(end - start) / 1e3, "pid", (int)getpid(), "tid",
                   bytes ? EXCHANGES : WAITS, "args", "bytes", (json_int_t)bytes));
}

shunt_status trace_save(void)
{
    const char *path = shunt_option("profile");
    file_writer writer;
    shunt_status status = file_write_begin(&writer, path);
    if (status != SHUNT_OK) return status;
    pthread_mutex_lock(&lock);
    json_t *document = json_pack("{s:O? s:s}", "traceEvents", events, "displayTimeUnit", "ms");
    int written = document && !lost ? json_dumpf(document, writer.file, JSON_COMPACT) : -1;
    json_decref(document);
    pthread_mutex_unlock(&lock);
    if (written == 0) return file_write_end(&writer, 1);
    file_write_end(&writer, 0);
    return error_fail(SHUNT_E_IO, "%s: writing the profile failed", path);
}
