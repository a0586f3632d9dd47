/* coco_figures.c - see coco_figures.h. */
#include "coco_figures.h"

static const char *const names[] = {
    [SHUNT_COCO_BOXES] = "boxes", [SHUNT_COCO_MASKS] = "masks", [SHUNT_COCO_KEYPOINTS] = "keypoints"};

const char *coco_task_name(size_t task)
{
    return task < sizeof names / sizeof *names ? names[task] : NULL;
}

void coco_figures_put(json_t *report, shunt_coco_task task, const shunt_coco_score *score)
{
    for (uint32_t i = 0; i < score->count; i++) {
        const bool none = score->figures[i] < 0;
        json_put(report, shunt_coco_figure(task, i), none ? json_null() : json_real(score->figures[i]));
    }
}

void coco_figures_print(shunt_coco_task task, const shunt_coco_score *score)
{
    for (uint32_t i = 0; i < score->count; i++) {
        if (score->figures[i] < 0)
            printf("%-5s  no such object\n", shunt_coco_figure(task, i));
        else
            printf("%-5s  %.2f %%\n", shunt_coco_figure(task, i), 100 * score->figures[i]);
    }
}
