/* pixelset.h - a kind of sets of pictures whose pixels have classes: its name, and how to open the WHERE of "name:WHERE". */
#ifndef SHUNT_RUNTIME_PIXELSET_H
#define SHUNT_RUNTIME_PIXELSET_H

#include <shunt/data.h>

typedef struct pixelset_kind {
    const char *name, *help; /* "voc", "voc:DIR" */
    /* split: "train", or else NULL. */
    shunt_status (*open)(const char *where, const char *split, shunt_pixelset **out);
    void (*close)(shunt_pixelset *set);
    /* index < count. From any number of threads at once. What is in *out after a failure is freed, too. */
    const char *(*picture)(const shunt_pixelset *set, size_t index);
    shunt_status (*get)(const shunt_pixelset *set, size_t index, shunt_labelled_image *out);
    /* The name of class number `class`, or NULL; the function may be NULL, too. */
    const char *(*label)(const shunt_pixelset *set, size_t class);
} pixelset_kind;

/* A kind's own struct starts with this. */
struct shunt_pixelset {
    const pixelset_kind *kind;
    size_t count, classes; /* classes: the background included */
};

extern const pixelset_kind pixelset_voc;

#endif
