/* tune.h - finding the fastest of a device's algorithms for each op of a network.
 *
 *     #include <shunt/model.h>
 *     int main(void)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_executor *executor;
 *         shunt_tensor_desc images = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 3, 32, 32}};
 *         shunt_tune_options options = {.size = sizeof options, .safe_only = 1};
 *         if (shunt_device_open(NULL, NULL, &device) || shunt_model_create("resnet20", NULL, &model)) return 1;
 *         if (shunt_model_randomize(model, 1) || shunt_model_executor(model, device, &executor)) return 1;
 *         shunt_status status = shunt_executor_tune(executor, &images, 1, &options);
 *         shunt_model_destroy(model);
 *         shunt_device_close(device);
 *         return status != SHUNT_OK;
 *     }
 */
#ifndef SHUNT_TUNE_H
#define SHUNT_TUNE_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tuning tries which of a device's algorithms is fastest for each op, and keeps the result in the cache folder, where plans
 * find it. The option "tune" (SHUNT_TUNE): "off": plans use the device's best guesses; "fast", "full": ops that are not tuned
 * yet are tuned when a plan is made, but only with candidates that earlier tuning on this device has found to be safe. */
typedef enum shunt_tune_stage {
    SHUNT_TUNE_START,  /* ops, known and trials tell what there is to do */
    SHUNT_TUNE_TRY,    /* a candidate is about to be tried */
    SHUNT_TUNE_TRIED,  /* and what came of it: verdict, and microseconds if it is "safe" */
    SHUNT_TUNE_CHOSEN, /* the best for an op, and what would have been used without tuning */
    SHUNT_TUNE_CONFIRM, /* before CHOSEN: a candidate that was faster than the best guess is about to be timed once more */
    SHUNT_TUNE_CONFIRMED /* and was: verdict */
} shunt_tune_stage;
typedef struct shunt_tune_event {
    shunt_tune_stage stage;
    uint32_t ops, known;   /* distinct ops that have a choice of algorithms; how many of them are tuned already */
    uint32_t trials;       /* candidates to try, over all ops */
    const char *name, *op; /* of the first step that is this op; the op in words */
    uint32_t uses;         /* steps that are this op */
    const char *algorithm, *params;
    const char *verdict; /* "safe", "wrong", "failed"; "unfinished": not tried, since it hung or crashed before */
    const char *reason;  /* why it is wrong or failed; else "" */
    double microseconds; /* of one launch */
    const char *guess_algorithm, *guess_params; /* CHOSEN: the device's best guess, and its time, 0 if it failed */
    double guess_microseconds;
    const char *trial;        /* TRY, CONFIRM: what shunt_tune_blame wants to know */
} shunt_tune_event;
typedef void (*shunt_tune_handler)(void *context, const shunt_tune_event *event);
typedef struct shunt_tune_options {
    uint32_t size; /* sizeof(shunt_tune_options); 0: as in the first version */
    int full;      /* != 0: all candidates; else the first few. Ops that are tuned already, as thoroughly, are left out */
    int retry;     /* 1: ops that are tuned already and candidates that hung or crashed are tried again; what is kept stays
                    * until something better is found. 2: goes on with that, begun by a process that has ended */
    int safe_only; /* != 0: only candidates that are known to be safe. Without it a candidate may hang or crash the process:
                    * do it in one that may, as `shunt tune` does. A later call leaves that candidate out. */
    shunt_tune_handler handler; /* or NULL */
    void *context;
    int force; /* != 0: tune even where the times of one and the same op spread too much to tell algorithms apart */
    /* != 0: another process watches this one, and calls shunt_tune_blame when a trial hangs or crashes. Without it, and without
     * safe_only, a trial whose process has ended counts as hung or crashed, even if somebody ended that process. */
    int watched;
    const char *const *done; /* ndone ops (shunt_tune_event.op) that retry leaves out */
    uint32_t ndone;
} shunt_tune_options;
/* Tunes the distinct ops of the plan for inputs of these shapes. Each result is written to the cache folder at once; the folder
 * must exist and be writable. options NULL: all 0. Earlier plans of the executor, and reports of them, become invalid. */
SHUNT_API shunt_status shunt_executor_tune(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                           const shunt_tune_options *options);

/* Keeps that the trial hung or crashed its process: it is not tried again before a retry. For a process that watches. */
SHUNT_API shunt_status shunt_tune_blame(const char *trial);

#ifdef __cplusplus
}
#endif
#endif
