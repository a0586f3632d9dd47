/* loader.h - batches of pictures, made by threads ahead of the device. The content of batch number k depends only on the setup, not
 * on the number of threads or their speed. */
#ifndef SHUNT_RUNTIME_LOADER_H
#define SHUNT_RUNTIME_LOADER_H

#include <shunt/train.h>

/* Pictures for training: shuffled again in each epoch, augmented; without a recipe in their order, as for inference, and the
 * last batch may have fewer. */
typedef struct loader_setup {
    const shunt_dataset *data;
    const size_t *indices;        /* the pictures to take; NULL: all of them */
    size_t count;                 /* how many */
    const int64_t *classes;       /* the label of each class of the data; NULL: its number */
    const shunt_anchors *anchors; /* of sets with objects: what is labelled */
    const shunt_preprocess *preprocess;
    const shunt_recipe *recipe; /* NULL: for inference */
    int64_t batch;
    int64_t slice_first, slice; /* of each batch these pictures alone are made; 0, 0: all */
    int64_t parts;              /* above 1: so many numbers are one batch, a slice each, one behind the other; 0: 1 */
    int64_t first, end;         /* numbers of the batches: [first, end) */
    int64_t workers;            /* 0: as many as there are processors, at most 8 */
} loader_setup;

typedef struct loader_batch {
    int64_t n;
    float *images,
        *labels; /* n x 3 x crop x crop; n, or where pixels have classes n x crop x crop, or one for each anchor (targets.h) */
    /* What each pixel counts in the loss; 0 of those that have no class, all others alike, and the mean is 1. Of anchors see targets.h; the sum
     * of a picture's that are objects' is 1 / setup.batch. Else NULL. */
    float *weights;
    float *codes, *code_weights; /* of anchors: see targets.h; else NULL */
    int64_t labelled;            /* pictures, or pixels that have a class, or anchors of objects */
} loader_batch;

typedef struct loader loader;

/* Everything that setup points to must outlive the loader. */
shunt_status loader_create(const loader_setup *setup, loader **out);
void loader_destroy(loader *self);
/* The next batch, which lives until the next call. Not more often than there are batches. */
shunt_status loader_next(loader *self, const loader_batch **out);

/* Decodes each picture once, with as many threads; limit above 0: of so many at most, spread evenly over the set. *good: the indices
 * (to be freed) of those that can be decoded; the first few of the others are logged. Fails, saying how many and naming the first,
 * unless skip_bad. */
shunt_status loader_check(const shunt_dataset *data, size_t limit, int64_t workers, int skip_bad, size_t **good,
                          size_t *count);

/* Exchanges items so that their order is a function of key. */
void loader_shuffle(size_t *items, size_t count, uint64_t key);

#endif
