/* dataset.h - a kind of data set: its name, and how to open the WHERE of "name:WHERE". */
#ifndef SHUNT_RUNTIME_DATASET_H
#define SHUNT_RUNTIME_DATASET_H

#include <shunt/shunt.h>

/* An object in a picture: its box, in pixels, within the picture and of some area, and its class. */
typedef struct boxed_object {
    double box[4]; /* left, top, right, bottom */
    int64_t class;
} boxed_object;

typedef struct boxed_image {
    shunt_image image;
    boxed_object *objects; /* perhaps none */
    size_t count;
} boxed_image;

void boxed_image_free(boxed_image *image);

typedef struct dataset_kind {
    const char *name, *help; /* "cifar10", "cifar10:DIR" */
    /* Checks everything that can be checked, so that a run does not stop in the middle. split is "train", "test", or NULL: the test
     * pictures, or all if the set has no splits. labels is a file, or NULL. */
    shunt_status (*open)(const char *where, const char *split, const char *labels, shunt_dataset **out);
    void (*close)(shunt_dataset *dataset);
    /* index < count. From any number of threads at once. */
    shunt_status (*get)(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label);
    /* The name of a class, < classes, or NULL; the function may be NULL, too. */
    const char *(*label)(const shunt_dataset *dataset, size_t class);
    /* The file of a picture, or NULL; the function may be NULL, too. */
    const char *(*picture)(const shunt_dataset *dataset, size_t index);
    /* Of sets whose pixels have classes: the picture with them, each below `classes` or PIXEL_NO_CLASS. NULL of others. */
    shunt_status (*pixels)(const shunt_dataset *dataset, size_t index, shunt_labelled_image *out);
    /* Of sets whose pictures have objects: the picture with them. What is in *out after a failure is to be freed, too. NULL of others. */
    shunt_status (*objects)(const shunt_dataset *dataset, size_t index, boxed_image *out);
} dataset_kind;

enum { PIXEL_NO_CLASS = 255 };

/* A kind's own struct starts with this. */
struct shunt_dataset {
    const dataset_kind *kind;
    size_t count, classes;
};

/* Names of classes, in the order of their numbers. names NULL: not known. whose: for messages, "the test pictures". */
typedef struct class_names {
    const char *whose;
    const char **names;
    size_t count;
} class_names;

enum { CLASS_NONE = -1, CLASS_SEVERAL = -2 };

/* The names of a data set's classes, which live as long as it. To be freed; names NULL where not all are known. */
shunt_status class_names_of(const shunt_dataset *dataset, const char *whose, class_names *out);
void class_names_free(class_names *names);
/* The label that `name` matches: the whole label, its first word, or one of the names between its commas, in any case, with '_' as a
 * blank. CLASS_NONE: no label. CLASS_SEVERAL: more than one, and none of them as a whole. */
int64_t class_find(const class_names *labels, const char *name);
/* classes[i]: which of theirs our class i is. Where no name is found: numbers as names are the classes' numbers, and as many
 * WordNet numbers as there are labels are in the labels' order. Fails with both lists if one of our classes is not among theirs. */
shunt_status classes_match(const class_names *ours, const class_names *theirs, int64_t *classes);
/* The same for test and training pictures: by name if both have names, else by number. */
shunt_status classes_match_data(const shunt_dataset *dataset, const char *whose, const shunt_dataset *like,
                                int64_t *classes);

/* *hash becomes one that depends on this picture and its label, too. */
shunt_status dataset_hash_picture(const shunt_dataset *dataset, size_t index, uint64_t *hash);

extern const dataset_kind dataset_cifar10, dataset_cifar100, dataset_imagefolder, dataset_pictures;

#endif
