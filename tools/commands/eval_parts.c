/* eval_parts.c - see eval_parts.h: which of the two it is, and what both need. */
#include "eval_parts.h"
#include "lib/ranks.h"
#include "lib/say.h"
#include "lib/usual_labels.h"
#include <string.h>

static bool begins(const char *text, const char *with)
{
    return text && !strncmp(text, with, strlen(with));
}

bool parts_are_labelled(const char *data)
{
    return begins(data, "voc:") || begins(data, "coco:");
}

static int check_task(const part_settings *settings, const shunt_model *model)
{
    const shunt_task task = shunt_model_task(model);
    if (task == SHUNT_TASK_CLASSIFY)
        return say_usage("%s tells the class of a whole picture, and %s has classes of pixels or objects; name a "
                         "network such as deeplabv3_resnet50 or retinanet_resnet50_fpn",
                         shunt_model_name(model), settings->data);
    if (task == SHUNT_TASK_DETECT && begins(settings->data, "voc:"))
        return say_usage("%s finds objects, and is evaluated on coco:DIR", shunt_model_name(model));
    if (task == SHUNT_TASK_DETECT && settings->per_class)
        return say_usage("--per-class does not apply to networks that find objects");
    return EXIT_OK;
}

static int make_model(const part_settings *settings, shunt_model **out)
{
    bool assumed = false;
    shunt_model_options options = {.size = sizeof options};
    int status = epsilon_from_text(settings->epsilon, &options.epsilon);
    if (status == EXIT_OK) status = model_from_settings(settings->model, WEIGHTS_NEEDED, &options, out);
    if (status == EXIT_OK) status = check_task(settings, *out);
    preprocess_settings whole = *settings->preprocess; /* no square is cut out */
    if (!whole.crop) whole.crop = whole.resize;
    if (status == EXIT_OK) status = model_preprocess_from_settings(&whole, *out);
    if (status == EXIT_OK && settings->labels && shunt_model_load_labels(*out, settings->labels))
        status = say_library_failure(settings->labels);
    return status == EXIT_OK ? usual_labels_assume(*out, &assumed) : status;
}

int eval_parts(const part_settings *settings)
{
    part_work work = {.settings = settings};
    int status = ranks_begin(&work.ranks);
    if (status == EXIT_OK) status = make_model(settings, &work.model);
    if (status == EXIT_OK && ranks_speak(work.ranks) && shunt_model_assumption(work.model))
        say_info(shunt_model_assumption(work.model));
    if (status == EXIT_OK) status = ranks_device(work.ranks, settings->device, &work.device);
    if (status == EXIT_OK)
        status = shunt_model_task(work.model) == SHUNT_TASK_DETECT ? eval_objects(&work) : eval_pixels(&work);
    shunt_model_destroy(work.model);
    shunt_device_close(work.device);
    ranks_end(work.ranks, status);
    return status;
}
