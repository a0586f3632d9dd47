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

/* Tuning measures which of a device's algorithms is fastest for each op, and stores the result in the cache folder for later
 * plans. The option "tune" (SHUNT_TUNE): "off": plans use the device's best guesses. "fast", "full": a plan also tunes the ops
 * that are not tuned yet, but only with candidates that earlier tuning on this device found to be safe. */
typedef enum shunt_tune_stage {
    SHUNT_TUNE_START,     /* ops, known and trials say how much there is to do */
    SHUNT_TUNE_TRY,       /* a candidate is about to be tried */
    SHUNT_TUNE_TRIED,     /* its result: verdict, and microseconds if it is "safe" */
    SHUNT_TUNE_CHOSEN,    /* the best for an op, and the best guess that it replaces */
    SHUNT_TUNE_CONFIRM,   /* before CHOSEN: a candidate faster than the best guess is about to be timed again */
    SHUNT_TUNE_CONFIRMED, /* its result: verdict */
    SHUNT_TUNE_TIME,      /* the whole network is about to be tried in `precision` */
    SHUNT_TUNE_TIMED,     /* its result: verdict, reason, and what is known of microseconds, speedup and error */
    SHUNT_TUNE_RECORDED   /* `precision` is what the precision "fast" is now, for this reason */
} shunt_tune_stage;
typedef struct shunt_tune_event {
    shunt_tune_stage stage;
    uint32_t ops, known;   /* distinct ops that have a choice of algorithms; how many of them are tuned already */
    uint32_t trials;       /* candidates to try, over all ops */
    const char *name, *op; /* of the first step that is this op; the op in words */
    uint32_t uses;         /* steps that are this op */
    const char *algorithm, *params;
    const char
        *verdict; /* "safe", "wrong", "failed"; "unfinished": not tried, since it hung or crashed before. TIMED: "good",
                          * "refused" */
    const char *reason;                         /* why it is wrong or failed; else "" */
    double microseconds;                        /* of one launch; TIMED: of one run */
    const char *guess_algorithm, *guess_params; /* CHOSEN: the device's best guess, and its time, 0 if it failed */
    double guess_microseconds;
    const char *trial;     /* TRY, CONFIRM: the argument for shunt_tune_blame */
    const char *precision; /* TIME, TIMED, RECORDED: "f16", "bf16"; RECORDED also "f32" */
    double speedup,
        error; /* TIMED: float32's time over this one, the guess's in guess_microseconds; the error of results */
} shunt_tune_event;
typedef void (*shunt_tune_handler)(void *context, const shunt_tune_event *event);
typedef struct shunt_tune_options {
    uint32_t size; /* sizeof(shunt_tune_options); 0: as in the first version */
    int full;      /* != 0: all candidates; 0: the first few. Ops that are already tuned as thoroughly are skipped */
    int retry; /* 1: tries tuned ops, and candidates that hung or crashed, again; a stored result stays until a better
                    * one is found. 2: continues such a retry that another process began */
    int safe_only; /* != 0: only candidates that are known to be safe. 0: a candidate may hang or crash the process, so tune
                    * in a separate process, as `shunt tune` does. A later call skips that candidate. */
    shunt_tune_handler handler; /* or NULL */
    void *context;
    int force; /* != 0: tune even if repeated times of one op differ too much to compare algorithms */
    /* != 0: another process watches this one, and calls shunt_tune_blame when a trial hangs or crashes. 0 (and safe_only 0): a
     * trial whose process has ended counts as hung or crashed, even if somebody ended that process. */
    int watched;
    const char *const *done; /* ndone ops (shunt_tune_event.op) that a retry skips */
    uint32_t ndone;
    /* != 0: after the ops, the whole network is timed in each 16-bit type that the device has, in turn with float32, and its results
     * are compared with float32's. What the precision "fast" is from now on, for these shapes, is recorded. If times spread too much to
     * compare them, nothing is recorded, which is logged; SHUNT_TUNE_TIMED and _RECORDED do not come then. */
    int precisions;
    const char *
        skip; /* of these, the types that are refused unseen: "f16,bf16", as they hung or crashed a process before. Or NULL */
} shunt_tune_options;
/* Tunes the distinct ops of the plan for inputs of these shapes, in the executor's precision; in each that the device has, where that is
 * "fast". Each result is written to the cache folder at once; the folder
 * must exist and be writable. options NULL: all 0. Earlier plans of the executor, and reports of them, become invalid. */
SHUNT_API shunt_status shunt_executor_tune(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                           const shunt_tune_options *options);

/* Records that this trial hung or crashed its process. Only a retry tries it again. For a process that watches another. */
SHUNT_API shunt_status shunt_tune_blame(const char *trial);

#ifdef __cplusplus
}
#endif
#endif
