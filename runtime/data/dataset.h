/* dataset.h - a kind of data set: a name, and how to open what stands behind the colon of "name:WHERE". */
#ifndef SHUNT_RUNTIME_DATASET_H
#define SHUNT_RUNTIME_DATASET_H

#include <shunt/shunt.h>

typedef struct dataset_kind {
    const char *name, *help; /* "cifar10", "cifar10:DIR" */
    /* Checks all that can be checked, so that a run does not stop in its middle. split is "train", "test", or NULL: the
     * pictures to test on, or all there are where they are not divided. labels is a file, or NULL. */
    shunt_status (*open)(const char *where, const char *split, const char *labels, shunt_dataset **out);
    void (*close)(shunt_dataset *dataset);
    /* index < count. From any number of threads at once. */
    shunt_status (*get)(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label);
    /* The name of a class, < classes, or NULL; the function may be NULL, too. */
    const char *(*label)(const shunt_dataset *dataset, size_t class);
    /* The file of a picture, or NULL; the function may be NULL, too. */
    const char *(*picture)(const shunt_dataset *dataset, size_t index);
} dataset_kind;

/* A kind's own struct starts with this. */
struct shunt_dataset {
    const dataset_kind *kind;
    size_t count, classes;
};

extern const dataset_kind shunt_dataset_cifar10, shunt_dataset_cifar100, shunt_dataset_imagefolder;

#endif
