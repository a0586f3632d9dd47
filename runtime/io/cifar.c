/* cifar.c - CIFAR-10, binary version: files of records, each a label byte and 32 x 32 bytes of red, green and blue. The
 * files are mapped; all sizes and labels are checked when they are opened. */
#include "runtime/io/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/io/file.h"
#include "runtime/io/image.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, CLASSES = 10, MAX_FILES = 5 };

typedef struct cifar {
    shunt_dataset base;
    shunt_mapping files[MAX_FILES];
    int nfiles;
} cifar;

static void cifar_close(shunt_dataset *dataset)
{
    cifar *set = (cifar *)dataset;
    for (int i = 0; i < set->nfiles; i++) shunt_unmap_file(&set->files[i]);
    free(set);
}

static shunt_status check_records(const char *path, const shunt_mapping *file)
{
    if (file->size % RECORD)
        return shunt_fail(SHUNT_E_INVALID, "%s: %zu bytes are not a whole number of records of %d: the file is cut off",
                          path, file->size, RECORD);
    for (size_t i = 0; i < file->size / RECORD; i++) {
        uint8_t label = file->data[i * RECORD];
        if (label >= CLASSES)
            return shunt_fail(SHUNT_E_INVALID, "%s: record %zu (byte %zu) has label %d, expected 0 .. %d", path, i,
                              i * RECORD, label, CLASSES - 1);
    }
    return SHUNT_OK;
}

static shunt_status add_file(cifar *set, const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return shunt_fail_memory();
    shunt_mapping *file = &set->files[set->nfiles];
    shunt_status status = shunt_map_file(path, 0, file);
    if (!status) {
        set->nfiles++;
        status = check_records(path, file);
        set->base.count += file->size / RECORD;
    }
    free(path);
    return status;
}

/* The folder itself, or the one that the archive unpacks to in it. To be freed. */
static char *find_folder(const char *where, const char *file)
{
    static const char *const places[] = {"", "/cifar-10-batches-bin"};
    for (int i = 0; i < 2; i++) {
        char *path, *folder;
        if (asprintf(&folder, "%s%s", where, places[i]) < 0) return NULL;
        if (asprintf(&path, "%s/%s", folder, file) < 0) {
            free(folder);
            return NULL;
        }
        int there = !access(path, F_OK);
        free(path);
        if (there) return folder;
        free(folder);
    }
    return strdup(where);
}

static shunt_status cifar_open(const char *where, const char *split, shunt_dataset **out)
{
    static const char *const test[] = {"test_batch.bin", NULL};
    static const char *const train[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin", NULL};
    const char *const *names = strcmp(split, "train") ? test : train;
    cifar *set = calloc(1, sizeof *set);
    char *folder = find_folder(where, names[0]);
    shunt_status status = set && folder ? SHUNT_OK : shunt_fail_memory();
    for (int i = 0; !status && names[i]; i++) status = add_file(set, folder, names[i]);
    free(folder);
    if (status) {
        if (set) cifar_close(&set->base);
        return status;
    }
    set->base.kind = &shunt_dataset_cifar10;
    set->base.classes = CLASSES;
    *out = &set->base;
    return SHUNT_OK;
}

static shunt_status cifar_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const cifar *set = (const cifar *)dataset;
    const shunt_mapping *file = set->files;
    for (; index >= file->size / RECORD; file++) index -= file->size / RECORD;
    shunt_status status = shunt_image_alloc("cifar10", SIDE, SIDE, image);
    if (status) return status;
    const uint8_t *record = file->data + index * RECORD;
    *label = record[0];
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++) image->rgb[3 * i + c] = record[1 + c * PLANE + i];
    return SHUNT_OK;
}

const dataset_kind shunt_dataset_cifar10 = {
    .name = "cifar10",
    .help = "cifar10:DIR (the folder of test_batch.bin)",
    .open = cifar_open,
    .close = cifar_close,
    .get = cifar_get,
};
