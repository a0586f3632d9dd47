/* cifar.c - CIFAR-10 and CIFAR-100. The binary version's files are records, each a label byte (100: two, the second one counts)
 * and 32 x 32 bytes of red, green and blue; the Python version's are pickles (cifar_python.c). Files are mapped; all sizes and
 * labels are checked when they are opened. */
#include "runtime/data/cifar.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/data/image.h"

enum { MAX_FILES = 5 };

/* The files of one version of one of the sets. */
typedef struct cifar_version {
    const char *folder; /* that the archive unpacks to */
    const char *test[2], *train[MAX_FILES + 1], *names;
    int label_bytes;                   /* binary: before the pixels; the last one is the label */
    const char *label_key, *names_key; /* Python: of the pickles; NULL in the binary version */
} cifar_version;

/* What is different between the two sets. */
typedef struct cifar_set {
    const dataset_kind *kind;
    const char *known[10]; /* the names of the classes if there is no file of names */
    int classes;
    cifar_version versions[2]; /* in the order in which they are looked for */
} cifar_set;

typedef struct cifar {
    shunt_dataset base;
    cifar_part parts[MAX_FILES];
    int nparts;
    char *names[CIFAR_MOST_CLASSES]; /* NULL: not known */
} cifar;

static void cifar_close(shunt_dataset *dataset)
{
    cifar *set = (cifar *)dataset;
    for (int i = 0; i < CIFAR_MOST_CLASSES; i++) free(set->names[i]);
    for (int i = 0; i < set->nparts; i++) {
        free(set->parts[i].own_pixels);
        free(set->parts[i].own_labels);
        file_unmap(&set->parts[i].file);
    }
    free(set);
}

static shunt_status read_records(const char *path, int label_bytes, int classes, cifar_part *part)
{
    const file_mapping *file = &part->file;
    const size_t record = (size_t)label_bytes + 3 * CIFAR_PLANE, first = (size_t)label_bytes - 1;
    if (file->size % record)
        return error_fail(SHUNT_E_INVALID,
                          "%s: %zu bytes are not a whole number of records of %zu: the file is cut off", path,
                          file->size, record);
    part->count = file->size / record;
    part->labels = file->data + first;
    part->pixels = part->labels + 1;
    part->label_step = part->picture_step = record;
    part->sample_step = 1;
    for (size_t i = 0; i < part->count; i++)
        if (part->labels[i * record] >= classes)
            return error_fail(SHUNT_E_INVALID, "%s: record %zu (byte %zu) has label %d, expected 0 .. %d", path, i,
                              i * record + first, part->labels[i * record], classes - 1);
    return SHUNT_OK;
}

static shunt_status add_file(cifar *set, const cifar_version *version, const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    cifar_part *part = &set->parts[set->nparts];
    const int classes = (int)set->base.classes;
    shunt_status status = file_map(path, 0, &part->file);
    if (!status) {
        set->nparts++;
        status = version->label_key ? cifar_read_pickle(path, version->label_key, classes, part)
                                    : read_records(path, version->label_bytes, classes, part);
        set->base.count += part->count;
    }
    free(path);
    return status;
}

/* Whether something stands there that is no folder. */
static shunt_status is_file(const char *folder, const char *name, bool *out)
{
    char *path;
    struct stat info;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    *out = !stat(path, &info) && !S_ISDIR(info.st_mode);
    free(path);
    return SHUNT_OK;
}

static const char *const *files_of(const cifar_version *version, const char *split)
{
    return split && !strcmp(split, "train") ? version->train : version->test;
}

/* Finds the version whose files lie in the folder itself, or in the one that its archive unpacks to in it. If there is none, takes
 * the first version, so that the error message names its files. *folder is to be freed. */
static shunt_status find_version(const cifar_set *of, const char *where, const char *split,
                                 const cifar_version **version, char **folder)
{
    for (int i = 0; i < 4; i++) {
        bool there = false;
        *version = &of->versions[i / 2];
        if (asprintf(folder, "%s%s", where, i % 2 ? (*version)->folder : "") < 0) {
            *folder = NULL;
            return error_memory();
        }
        shunt_status status = is_file(*folder, *files_of(*version, split), &there);
        if (status || there) return status;
        free(*folder);
        *folder = NULL;
    }
    *version = of->versions;
    *folder = strdup(where);
    return *folder ? SHUNT_OK : error_memory();
}

static shunt_status use_known_names(cifar *set, const cifar_set *of)
{
    for (int i = 0; i < 10 && of->known[i]; i++)
        if (!(set->names[i] = strdup(of->known[i]))) return error_memory();
    return SHUNT_OK;
}

/* One name a line. */
static shunt_status read_lines(const char *path, int classes, char **names)
{
    file_mapping file;
    shunt_status status = file_map(path, 1 << 16, &file);
    if (status) return status;
    const char *at = (const char *)file.data, *end = at + file.size;
    for (int i = 0; !status && i < classes && at < end; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t length = (size_t)(stop - at);
        while (length && at[length - 1] == '\r') length--;
        if (length && !(names[i] = strndup(at, length))) status = error_memory();
        at = stop + 1;
    }
    file_unmap(&file);
    return status;
}

/* The file of class names, where there is one: a set without it can be used as well. */
static shunt_status read_names(cifar *set, const cifar_set *of, const cifar_version *version, const char *folder)
{
    bool there = false;
    char *path;
    shunt_status status = is_file(folder, version->names, &there);
    if (status || !there) return status ? status : use_known_names(set, of);
    if (asprintf(&path, "%s/%s", folder, version->names) < 0) return error_memory();
    status = version->names_key ? cifar_read_pickled_names(path, version->names_key, of->classes, set->names)
                                : read_lines(path, of->classes, set->names);
    free(path);
    return status;
}

static shunt_status open_set(const cifar_set *of, const char *where, const char *split, const char *labels,
                             shunt_dataset **out)
{
    if (labels) return error_fail(SHUNT_E_INVALID, "%s: CIFAR has labels of its own; %s is not needed", where, labels);
    const cifar_version *version;
    char *folder;
    shunt_status status = find_version(of, where, split, &version, &folder);
    if (status) {
        free(folder);
        return status;
    }
    cifar *set = calloc(1, sizeof *set);
    if (set) {
        set->base.kind = of->kind;
        set->base.classes = (size_t)of->classes;
        status = read_names(set, of, version, folder);
    } else {
        status = error_memory();
    }
    const char *const *files = files_of(version, split);
    for (int i = 0; !status && files[i]; i++) status = add_file(set, version, folder, files[i]);
    free(folder);
    if (!status)
        *out = &set->base;
    else if (set)
        cifar_close(&set->base);
    return status;
}

static shunt_status cifar10_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    static const cifar_set ten = {
        .kind = &dataset_cifar10,
        .known = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
        .classes = 10,
        .versions = {{.folder = "/cifar-10-batches-bin",
                      .test = {"test_batch.bin"},
                      .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                "data_batch_5.bin"},
                      .names = "batches.meta.txt",
                      .label_bytes = 1},
                     {.folder = "/cifar-10-batches-py",
                      .test = {"test_batch"},
                      .train = {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
                      .names = "batches.meta",
                      .label_key = "labels",
                      .names_key = "label_names"}}};
    return open_set(&ten, where, split, labels, out);
}

static shunt_status cifar100_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    static const cifar_set hundred = {.kind = &dataset_cifar100,
                                      .classes = 100,
                                      .versions = {{.folder = "/cifar-100-binary",
                                                    .test = {"test.bin"},
                                                    .train = {"train.bin"},
                                                    .names = "fine_label_names.txt",
                                                    .label_bytes = 2}, /* coarse, fine */
                                                   {.folder = "/cifar-100-python",
                                                    .test = {"test"},
                                                    .train = {"train"},
                                                    .names = "meta",
                                                    .label_key = "fine_labels",
                                                    .names_key = "fine_label_names"}}};
    return open_set(&hundred, where, split, labels, out);
}

static shunt_status cifar_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const cifar_part *part = ((const cifar *)dataset)->parts;
    for (; index >= part->count; part++) index -= part->count;
    shunt_status status = image_alloc("cifar", CIFAR_SIDE, CIFAR_SIDE, image);
    if (status) return status;
    const uint8_t *pixels = part->pixels + index * part->picture_step;
    *label = part->labels[index * part->label_step];
    for (size_t i = 0; i < CIFAR_PLANE; i++)
        for (size_t c = 0; c < 3; c++) image->rgb[3 * i + c] = pixels[(c * CIFAR_PLANE + i) * part->sample_step];
    return SHUNT_OK;
}

static const char *cifar_label(const shunt_dataset *dataset, size_t class)
{
    return ((const cifar *)dataset)->names[class];
}

const dataset_kind dataset_cifar10 = {
    .name = "cifar10",
    .help = "cifar10:DIR (the folder of test_batch.bin or test_batch)",
    .open = cifar10_open,
    .close = cifar_close,
    .get = cifar_get,
    .label = cifar_label,
};

const dataset_kind dataset_cifar100 = {
    .name = "cifar100",
    .help = "cifar100:DIR (the folder of test.bin or test)",
    .open = cifar100_open,
    .close = cifar_close,
    .get = cifar_get,
    .label = cifar_label,
};
