/* usual_labels.c - see usual_labels.h. */
#include "usual_labels.h"
#include "args.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { VOC = 21, COCO = 91, MOST = COCO, IMAGENET = 1000 };

int usual_labels_assume(shunt_model *model, bool *assumed)
{
    const char *labels[MOST];
    const shunt_task task = shunt_model_task(model);
    const int64_t classes = shunt_model_outcomes(model);
    const bool voc = task == SHUNT_TASK_SEGMENT && classes == VOC, coco = task == SHUNT_TASK_DETECT && classes == COCO;
    *assumed = (voc || coco) && !shunt_model_label(model, 0);
    for (size_t i = 0; i < (size_t)(voc ? VOC : COCO); i++) labels[i] = voc ? shunt_voc_label(i) : shunt_coco_label(i);
    if (*assumed && shunt_model_set_labels(model, labels)) return say_library_failure(NULL);
    return EXIT_OK;
}

int usual_labels_assume_imagenet(shunt_model *model, bool *assumed)
{
    char *path;
    *assumed = false;
    if (shunt_model_task(model) != SHUNT_TASK_CLASSIFY || shunt_model_head(model) != SHUNT_HEAD_SOFTMAX ||
        shunt_model_outcomes(model) != IMAGENET || shunt_model_label(model, 0))
        return EXIT_OK;
    if (asprintf(&path, "%s/labels/imagenet.txt", shunt_data_folder()) < 0) return say_failure("no memory");
    const bool there = !access(path, R_OK);
    const bool failed = there && shunt_model_load_labels(model, path);
    free(path);
    *assumed = there && !failed;
    return failed ? say_library_failure(NULL) : EXIT_OK;
}
