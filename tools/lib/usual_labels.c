/* usual_labels.c - see usual_labels.h. */
#include "usual_labels.h"
#include "args.h"
#include "say.h"

enum { VOC = 21, COCO = 91, MOST = COCO };

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
