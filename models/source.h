/* source.h - what a model or its weights are read from: a path, or bytes in memory. */
#ifndef SHUNT_MODELS_SOURCE_H
#define SHUNT_MODELS_SOURCE_H

#include "runtime/weights/weights.h"

typedef struct model_source {
    const char *path; /* for messages, too; file_in_memory with bytes */
    const void *bytes;
    size_t size;
} model_source;

/* The file as weights->file; nothing of it is read yet. */
shunt_status source_map(const model_source *source, shunt_weights **out);
/* What it holds as weights, whatever its format; a path may be a folder's. */
shunt_status source_weights(const model_source *source, shunt_weights **out);

#endif
