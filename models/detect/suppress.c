/* suppress.c - greedy non-maximum suppression: of boxes that cover each other, the one with the highest score stays. */
#include "models/detect/detect.h"

#include <math.h>
#include <stdlib.h>

static int by_score(const void *x, const void *y)
{
    const detect_candidate *a = x, *b = y;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static double area(const detect_box *box)
{
    return (box->right - box->left) * (box->bottom - box->top);
}

/* Of two boxes without area the quotient is no number, and so not larger. */
static bool covers(const detect_box *a, const detect_box *b, double overlap)
{
    const double width = fmin(a->right, b->right) - fmax(a->left, b->left);
    const double height = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    const double common = fmax(width, 0) * fmax(height, 0);
    return common / (area(a) + area(b) - common) > overlap;
}

size_t detect_suppress(detect_candidate *list, size_t count, double overlap, size_t most)
{
    size_t kept = 0;
    if (count) qsort(list, count, sizeof *list, by_score);
    for (size_t i = 0; i < count && kept < most; i++) {
        bool covered = false;
        for (size_t k = 0; k < kept && !covered; k++)
            covered = list[k].label == list[i].label && covers(&list[k].box, &list[i].box, overlap);
        if (!covered) list[kept++] = list[i];
    }
    return kept;
}
