/* cifar.h - what CIFAR's two kinds of files, binary and Python's, are read into. */
#ifndef SHUNT_RUNTIME_CIFAR_H
#define SHUNT_RUNTIME_CIFAR_H

#include "runtime/base/file.h"

enum { CIFAR_SIDE = 32, CIFAR_PLANE = CIFAR_SIDE * CIFAR_SIDE, CIFAR_MOST_CLASSES = 100 };

/* The pictures of one file: 3 planes of 32 x 32 bytes, red, green and blue, and a label each. */
typedef struct cifar_part {
    file_mapping file;
    uint8_t *own_pixels, *own_labels; /* where they do not lie in the file as bytes; NULL: they do */
    size_t count;
    const uint8_t *pixels, *labels;
    size_t picture_step, sample_step, label_step; /* bytes from one to the next */
} cifar_part;

/* cifar_python.c: sets all of `part` but its file, which it reads. labels: the key of the labels in the pickle. */
shunt_status cifar_read_pickle(const char *path, const char *labels, int classes, cifar_part *part);
/* The names of classes under a key of batches.meta or meta, each to be freed. */
shunt_status cifar_read_pickled_names(const char *path, const char *key, int classes, char **names);

#endif
