/* training_run.c - see training_run.h. */
#include "training_run.h"
#include "args.h"
#include "progress.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Data -------------------------------------------------------------------------------------------------------- */

bool pixels_are_labelled(const char *spec)
{
    return !strncmp(spec, "coco:", strlen("coco:")) || !strncmp(spec, "voc:", strlen("voc:"));
}

static shunt_status open_objects(const char *spec, const char *split, bool skip_bad, shunt_dataset **out)
{
    const shunt_coco_options options = {.size = sizeof options, .skip_bad = skip_bad};
    shunt_coco *truth;
    shunt_status status = shunt_coco_open_set(spec, split, &options, &truth);
    return status ? status : shunt_dataset_of_objects(truth, &options, out);
}

static shunt_status open_split(const char *spec, const char *split, shunt_task task, bool skip_bad, shunt_dataset **out)
{
    shunt_pixelset *pixels;
    if (!pixels_are_labelled(spec)) return shunt_dataset_open(spec, split, out);
    if (task == SHUNT_TASK_DETECT) return open_objects(spec, split, skip_bad, out);
    shunt_status status = shunt_pixelset_open(spec, split, &pixels);
    return status ? status : shunt_dataset_of_pixels(pixels, out);
}

int training_open_data(const char *spec, shunt_task task, bool skip_bad, shunt_dataset **data, shunt_dataset **test)
{
    if (!spec || !*spec) return say_usage("no data; name a set with --data cifar10:DIR");
    if (open_split(spec, "train", task, skip_bad, data)) return say_library_failure(NULL);
    shunt_status status = open_split(spec, "test", task, skip_bad, test);
    bool folder = !strncmp(spec, "imagefolder:", strlen("imagefolder:")) || pixels_are_labelled(spec);
    if (!status || (folder && status == SHUNT_E_NOT_FOUND)) return EXIT_OK; /* folders need not have one */
    return say_library_failure(NULL);
}

int training_set_labels(shunt_model *model, const shunt_dataset *data)
{
    size_t classes = shunt_dataset_classes(data), known = 0;
    if ((int64_t)classes != shunt_model_outcomes(model))
        return say_failure("the data has one class; training needs at least two");
    const char **labels = calloc(classes, sizeof *labels);
    if (!labels) return say_failure("no memory");
    for (size_t i = 0; i < classes; i++) known += (labels[i] = shunt_dataset_label(data, i)) != NULL;
    int status = known == classes && shunt_model_set_labels(model, labels) ? say_library_failure(NULL) : EXIT_OK;
    free(labels);
    return status;
}

/* ---- Under way ------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

bool training_interrupted(void)
{
    return interrupted;
}

int training_run(shunt_trainer *trainer, const char *note, int *finished)
{
    os_requests_begin(interrupt);
    if (note) progress_begin(note, (uint64_t)(shunt_trainer_steps(trainer) - shunt_trainer_step(trainer)));
    shunt_status status = shunt_trainer_run(trainer, finished);
    if (note) progress_end();
    os_requests_end();
    return status ? say_library_failure(NULL) : EXIT_OK;
}

int training_handle(const shunt_train_event *event)
{
    switch (event->stage) {
    case SHUNT_TRAIN_STEP:
        progress_note("epoch %lld/%lld  loss %.3f  error %.1f %%  %.0f images/s", (long long)event->epoch,
                      (long long)event->epochs, event->loss, 100 * event->error, event->images_per_second);
        progress_advance(1);
        break;
    case SHUNT_TRAIN_VALIDATE:
        progress_note("epoch %lld/%lld  validation %lld/%lld", (long long)event->epoch, (long long)event->epochs,
                      (long long)event->done, (long long)event->pictures);
        break;
    case SHUNT_TRAIN_CHECKPOINT:
        if (event->failed) say_failure("%s; the previous checkpoint is kept, and training continues", event->failed);
        break;
    case SHUNT_TRAIN_EPOCH:
        break;
    }
    return interrupted;
}

void training_print_epoch(const shunt_train_event *event, const char *label, const char *held, size_t blocks)
{
    const shunt_train_row *row = event->row;
    progress_lock();
    printf("%sepoch %lld/%lld  rate %.4g  training loss %.4f, error %.2f %%", label, (long long)row->epoch,
           (long long)event->epochs, row->rate, row->training_loss, 100 * row->training_error);
    if (isfinite(row->validation_error))
        printf("  %s loss %.4f, error %.2f %%%s", held, row->validation_loss, 100 * row->validation_error,
               event->improved ? " (best)" : "");
    if (row->share > 0) printf("  %.1f %% of blocks run", 100 * row->share);
    if (blocks) printf("  %lld of %zu blocks left", (long long)row->blocks_left, blocks);
    printf("  %.0f s\n", row->seconds);
    fflush(stdout);
    progress_unlock();
}
