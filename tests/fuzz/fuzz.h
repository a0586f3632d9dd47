/* fuzz.h - what the fuzz targets share. Each target reads one input with the library's own reader and checks what every
 * input must show: a failure has a message of one printable line, and what was accepted can be read byte by byte. A check
 * that fails aborts, which libFuzzer reports with the input. */
#ifndef SHUNT_TESTS_FUZZ_H
#define SHUNT_TESTS_FUZZ_H

#include "runtime/onnx/onnx.h"
#include "runtime/weights/weights.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The target, for one input: 0, or -1 for one that is not to be kept. memory.c calls it, from libFuzzer's entry. */
int fuzz_input(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Before the first input, in targets that have it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

static inline void fuzz_check(int holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "fuzz: %s; last message: %s\n", what, shunt_last_error());
    abort();
}

static inline void fuzz_check_message(void)
{
    const char *message = shunt_last_error();
    fuzz_check(*message, "a failure without a message");
    for (const char *c = message; *c; c++)
        fuzz_check((unsigned char)*c >= 0x20 && *c != 0x7f, "an unprintable message");
    json_t *text = json_string(message);
    fuzz_check(text != NULL, "a message that is not UTF-8");
    json_decref(text);
}

static inline void fuzz_read_bytes(const void *data, uint64_t size)
{
    static volatile uint8_t sum;
    for (uint64_t i = 0; i < size; i++) sum += ((const uint8_t *)data)[i];
    (void)sum;
}

static inline void fuzz_read_weights(const shunt_weights *weights)
{
    const shunt_tensor_view *view;
    for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++) {
        fuzz_read_bytes(view->data, shunt_tensor_bytes(&view->desc));
        fuzz_check(shunt_weights_find(weights, view->name) == view, "a tensor is not found by its name");
    }
}

/* A CIFAR-10 set from the files put before; the number of its pictures, or -1 for a set that is refused. */
static inline int64_t fuzz_read_cifar10(const char *where)
{
    char spec[96];
    shunt_dataset *set;
    snprintf(spec, sizeof spec, "cifar10:%s", where);
    if (shunt_dataset_open(spec, "test", &set)) {
        fuzz_check_message();
        return -1;
    }
    const size_t count = shunt_dataset_count(set);
    for (size_t i = 0; i < count; i++) {
        shunt_image image;
        int64_t label;
        fuzz_check(!shunt_dataset_get(set, i, &image, &label), "a picture of an open set cannot be read");
        fuzz_check(label >= 0 && label < 10, "a label is not in 0 .. 9");
        fuzz_read_bytes(image.rgb, 3072);
        shunt_image_free(&image);
    }
    shunt_dataset_close(set);
    return (int64_t)count;
}

/* Weights whose file is the input itself, so that a sanitizer knows its bounds; released by fuzz_weights_end. */
static inline shunt_weights *fuzz_weights_begin(const uint8_t *data, size_t size)
{
    shunt_weights *weights;
    if (shunt_weights_create(&weights)) abort();
    weights->file = (file_mapping){.data = data, .size = size};
    weights->in_memory = 1;
    return weights;
}

static inline void fuzz_weights_end(shunt_weights *weights)
{
    weights->file = (file_mapping){0};
    shunt_weights_destroy(weights);
}

/* The whole of shunt_weights_open but the mapping. */
static inline int fuzz_weights(const uint8_t *data, size_t size)
{
    if (!size) return -1; /* an empty file is refused before */
    shunt_weights *weights = fuzz_weights_begin(data, size);
    if (weights_parse("file", &format_onnx, weights))
        fuzz_check_message();
    else
        fuzz_read_weights(weights);
    fuzz_weights_end(weights);
    return 0;
}

/* ---- For readers that want a file: one in memory, in a folder of this process that goes at its end. ---- */

static char fuzz_folder[64];

static inline void fuzz_remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", fuzz_folder);
    if (system(command)) abort();
}

static inline const char *fuzz_make_folder(void)
{
    if (*fuzz_folder) return fuzz_folder;
    strcpy(fuzz_folder, "/dev/shm/shunt-fuzz-XXXXXX");
    if (!mkdtemp(fuzz_folder) || atexit(fuzz_remove_folder)) abort();
    return fuzz_folder;
}

static inline void fuzz_put(const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", fuzz_make_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

#endif
