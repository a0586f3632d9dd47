/* cifar.c - CIFAR-10 and CIFAR-100, binary versions: files of records, each a label byte (100: two, the second one counts) and
 * 32 x 32 bytes of red, green and blue. The files are mapped; all sizes and labels are checked when they are opened. */
#include "runtime/data/dataset.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/data/image.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, MAX_FILES = 5, MAX_CLASSES = 100 };

/* What is different between the two. */
typedef struct cifar_version {
    const dataset_kind *kind;
    const char *folder; /* that the archive unpacks to */
    const char *test[2], *train[MAX_FILES + 1], *names;
    const char *known[10]; /* what the classes are called where there is no file of names */
    int labels;            /* bytes before the pixels; the last one is the label */
    int classes;
} cifar_version;

typedef struct cifar {
    shunt_dataset base;
    const cifar_version *version;
    shunt_mapping files[MAX_FILES];
    int nfiles;
    size_t record;
    char *names[MAX_CLASSES]; /* NULL: not known */
} cifar;

static void cifar_close(shunt_dataset *dataset)
{
    cifar *set = (cifar *)dataset;
    for (int i = 0; i < MAX_CLASSES; i++) free(set->names[i]);
    for (int i = 0; i < set->nfiles; i++) shunt_unmap_file(&set->files[i]);
    free(set);
}

static shunt_status check_records(const cifar *set, const char *path, const shunt_mapping *file)
{
    const size_t record = set->record;
    if (file->size % record)
        return shunt_fail(SHUNT_E_INVALID,
                          "%s: %zu bytes are not a whole number of records of %zu: the file is cut off", path,
                          file->size, record);
    for (size_t i = 0; i < file->size / record; i++) {
        size_t at = i * record + (size_t)set->version->labels - 1;
        if (file->data[at] >= set->version->classes)
            return shunt_fail(SHUNT_E_INVALID, "%s: record %zu (byte %zu) has label %d, expected 0 .. %d", path, i, at,
                              file->data[at], set->version->classes - 1);
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
        status = check_records(set, path, file);
        set->base.count += file->size / set->record;
    }
    free(path);
    return status;
}

/* The folder itself, or the one that the archive unpacks to in it. To be freed. */
static char *find_folder(const char *where, const char *inner, const char *file)
{
    const char *places[] = {"", inner};
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

static shunt_status use_known_names(cifar *set)
{
    for (int i = 0; i < 10 && set->version->known[i]; i++)
        if (!(set->names[i] = strdup(set->version->known[i]))) return shunt_fail_memory();
    return SHUNT_OK;
}

/* The file of class names, one a line, where there is one: a set without it can be used as well. */
static shunt_status read_names(cifar *set, const char *folder)
{
    char *path;
    shunt_mapping file;
    if (asprintf(&path, "%s/%s", folder, set->version->names) < 0) return shunt_fail_memory();
    shunt_status status = access(path, F_OK) ? SHUNT_E_NOT_FOUND : shunt_map_file(path, 1 << 16, &file);
    free(path);
    if (status) return use_known_names(set);
    const char *at = (const char *)file.data, *end = at + file.size;
    for (int i = 0; !status && i < set->version->classes && at < end; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at);
        while (length && at[length - 1] == '\r') length--;
        if (length && !(set->names[i] = strndup(at, length))) status = shunt_fail_memory();
        at = stop + 1;
    }
    shunt_unmap_file(&file);
    return status;
}

/* What is there instead of the binary version's files. */
static shunt_status explain_missing(const cifar_version *version, const char *where, const char *folder)
{
    const char *file = version->classes == 10 ? "data_batch_1" : "meta";
    const char *inner = version->classes == 10 ? "/cifar-10-batches-py" : "/cifar-100-python";
    char *path = NULL;
    bool python = false;
    for (int i = 0; i < 2 && !python; i++) {
        if (asprintf(&path, "%s%s/%s", i ? where : folder, i ? inner : "", file) < 0) return shunt_fail_memory();
        python = !access(path, F_OK);
        free(path);
    }
    if (!python) return SHUNT_E_NOT_FOUND; /* the message stands */
    return shunt_fail(SHUNT_E_UNSUPPORTED, "%s: this is CIFAR's Python version; get the binary version (cifar-%s)",
                      where, version->classes == 10 ? "10-binary.tar.gz" : "100-binary.tar.gz");
}

static shunt_status open_version(const cifar_version *version, const char *where, const char *split, const char *labels,
                                 shunt_dataset **out)
{
    if (labels) return shunt_fail(SHUNT_E_INVALID, "%s: CIFAR has labels of its own; %s is not needed", where, labels);
    const char *const *names = split && !strcmp(split, "train") ? version->train : version->test;
    cifar *set = calloc(1, sizeof *set);
    char *folder = find_folder(where, version->folder, names[0]);
    shunt_status status = set && folder ? SHUNT_OK : shunt_fail_memory();
    if (!status) {
        set->base.kind = version->kind;
        set->base.classes = (size_t)version->classes;
        set->version = version;
        set->record = (size_t)version->labels + 3 * PLANE;
        status = read_names(set, folder);
    }
    for (int i = 0; !status && names[i]; i++) status = add_file(set, folder, names[i]);
    if (status == SHUNT_E_NOT_FOUND) status = explain_missing(version, where, folder);
    free(folder);
    if (!status)
        *out = &set->base;
    else if (set)
        cifar_close(&set->base);
    return status;
}

static shunt_status cifar10_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    static const cifar_version ten = {
        .kind = &shunt_dataset_cifar10,
        .folder = "/cifar-10-batches-bin",
        .test = {"test_batch.bin"},
        .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
        .names = "batches.meta.txt",
        .known = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
        .labels = 1,
        .classes = 10};
    return open_version(&ten, where, split, labels, out);
}

static shunt_status cifar100_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    static const cifar_version hundred = {.kind = &shunt_dataset_cifar100,
                                          .folder = "/cifar-100-binary",
                                          .test = {"test.bin"},
                                          .train = {"train.bin"},
                                          .names = "fine_label_names.txt",
                                          .labels = 2, /* coarse, fine */
                                          .classes = 100};
    return open_version(&hundred, where, split, labels, out);
}

static shunt_status cifar_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const cifar *set = (const cifar *)dataset;
    const shunt_mapping *file = set->files;
    for (; index >= file->size / set->record; file++) index -= file->size / set->record;
    shunt_status status = shunt_image_alloc("cifar", SIDE, SIDE, image);
    if (status) return status;
    const uint8_t *pixels = file->data + index * set->record + set->version->labels;
    *label = pixels[-1];
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++) image->rgb[3 * i + c] = pixels[c * PLANE + i];
    return SHUNT_OK;
}

static const char *cifar_label(const shunt_dataset *dataset, size_t class)
{
    return ((const cifar *)dataset)->names[class];
}

const dataset_kind shunt_dataset_cifar10 = {
    .name = "cifar10",
    .help = "cifar10:DIR (the folder of test_batch.bin)",
    .open = cifar10_open,
    .close = cifar_close,
    .get = cifar_get,
    .label = cifar_label,
};

const dataset_kind shunt_dataset_cifar100 = {
    .name = "cifar100",
    .help = "cifar100:DIR (the folder of test.bin)",
    .open = cifar100_open,
    .close = cifar_close,
    .get = cifar_get,
    .label = cifar_label,
};
