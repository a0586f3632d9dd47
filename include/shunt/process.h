/* process.h - what every program uses: the rules of this API, messages, options, the log.
 *
 *     #include <stdio.h>
 *     static void print(void *context, int level, const char *message) { fprintf(context, "%d: %s\n", level, message); }
 *     int main(void)
 *     {
 *         shunt_set_log_handler(print, stderr);
 *         if (shunt_set_option("device", "scalar")) fprintf(stderr, "%s\n", shunt_last_error());
 *         printf("libshunt %s runs on %s\n", shunt_version(), shunt_option("device"));
 *         shunt_shutdown();
 *     }
 *
 * Errors: a function that can fail returns a shunt_status. shunt_last_error() then says, for the calling thread, what was
 * tried, why it failed and what to do. A function that fails leaves its objects as they were, unless it says otherwise. The
 * library never prints, exits or aborts. Set a log handler to see its messages.
 * Ownership: the caller owns what a function returns through **out, and ends it with the matching destroy, close or free.
 * Destroying NULL does nothing. What a function returns as a const pointer belongs to the library.
 * NULL: a pointer may be NULL only where its description says so. Elsewhere NULL gives SHUNT_E_INVALID. Functions without a
 * status then return NULL or 0, or do nothing.
 * Units: strings are UTF-8 and end with 0. Sizes are in bytes, unless a comment says otherwise. Shapes name the outermost
 * dimension first: N pictures x C channels x H rows x W columns.
 * Threads: functions on one object are called by one thread at a time; different objects are independent. A device may be
 * used by several models and executors in several threads at once, on every backend; it is closed after all of them. So may
 * weights that executors read, while nobody changes them. Several threads may also run one executor, or one model, at once: run, submit,
 * prepare and output of an executor; run, classify, probabilities and executor of a model. Functions without an object may be called
 * at any time, but shunt_shutdown.
 * fork: once a device or a driver has started threads, children of the process cannot use devices. Each call that needs one
 * fails with SHUNT_E_UNSUPPORTED and says so. What a child got from its parent may be freed. Fork before the first use, or
 * start a program instead. dlclose of the library does nothing.
 * Growth: a program works with every later library of the same soversion. Option structs begin with `size` and may grow at
 * their end. Set `size` to sizeof the struct. 0 stands for the fields of the first version: later fields then count as 0,
 * whatever they hold. A newer program on an older library: an option that the library does not know must be 0, or the call
 * fails with SHUNT_E_UNSUPPORTED. Structs that the library makes and returns through a pointer (entries, reports, steps, rows,
 * events) may grow at their end, too, so make no arrays of them. All other structs never change.
 */
#ifndef SHUNT_PROCESS_H
#define SHUNT_PROCESS_H

#include <shunt/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The objects of this API, each in the header that makes it. */
typedef struct shunt_device shunt_device;
typedef struct shunt_weights shunt_weights;
typedef struct shunt_graph shunt_graph;
typedef struct shunt_executor shunt_executor;
typedef struct shunt_buffer shunt_buffer;
typedef struct shunt_event shunt_event;
typedef struct shunt_model shunt_model;
typedef struct shunt_dataset shunt_dataset;

/* "0.1.0" */
SHUNT_API const char *shunt_version(void);
/* "invalid argument", "device error" ... never NULL. */
SHUNT_API const char *shunt_status_name(shunt_status status);
/* Message of the last failed call on this thread; "" when there was none. Valid until this thread's next failure. */
SHUNT_API const char *shunt_last_error(void);

/* handler gets one line without newline per message of `level` (SHUNT_LOG_*) or more urgent; NULL: silence, which is
 * the start. May be called from several threads at once. The level starts at SHUNT_LOG=error|warn|info|debug, or warn. */
typedef void (*shunt_log_handler)(void *context, int level, const char *message);
SHUNT_API void shunt_set_log_handler(shunt_log_handler handler, void *context);

/* Overrides the environment's SHUNT_<KEY>: shunt_set_option("device", "scalar"). NULL: the environment again. Call it
 * before the first use of what it is about. A process that was started with raised rights (setuid, file capabilities)
 * ignores the environment. */
SHUNT_API shunt_status shunt_set_option(const char *key, const char *value);
/* The option's value: set, or from the environment (where empty counts as unset), or NULL. Lives on until shutdown. */
SHUNT_API const char *shunt_option(const char *key);

/* Releases what plugins and their drivers hold. For the end of a process that is checked for leaks; all devices are
 * closed by then. Nothing else of the library may be called afterwards. */
SHUNT_API void shunt_shutdown(void);

#ifdef __cplusplus
}
#endif
#endif
