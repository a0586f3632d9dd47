/* dataset.c - data sets by name; each kind has a file of its own and a line in the table. */
#include "runtime/data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/random.h"

static const dataset_kind *const kinds[] = {&dataset_cifar10, &dataset_cifar100, &dataset_imagefolder,
                                            &dataset_pictures};
enum { NKINDS = sizeof kinds / sizeof *kinds };

static shunt_status fail_unknown(const char *spec)
{
    char known[256] = "";
    for (int i = 0; i < NKINDS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", kinds[i]->help);
    }
    return error_fail(SHUNT_E_NOT_FOUND, "'%s' is not a known data set; there are: %s", spec, known);
}

shunt_status shunt_dataset_open_labelled(const char *spec, const char *split, const char *labels, shunt_dataset **out)
{
    if (!spec || !out) return error_null(__func__, "spec, out");
    *out = NULL;
    if (split && strcmp(split, "test") && strcmp(split, "train"))
        return error_fail(SHUNT_E_INVALID, "%s: no split is called '%s'; there are train and test", spec, split);
    for (int i = 0; i < NKINDS; i++) {
        size_t length = strlen(kinds[i]->name);
        if (!strncmp(spec, kinds[i]->name, length) && spec[length] == ':')
            return kinds[i]->open(spec + length + 1, split, labels, out);
    }
    return fail_unknown(spec);
}

shunt_status shunt_dataset_open(const char *spec, const char *split, shunt_dataset **out)
{
    if (!spec || !out) return error_null(__func__, "spec, out");
    return shunt_dataset_open_labelled(spec, split, NULL, out);
}

void shunt_dataset_close(shunt_dataset *dataset)
{
    if (dataset) dataset->kind->close(dataset);
}

size_t shunt_dataset_count(const shunt_dataset *dataset)
{
    if (!dataset) return 0;
    return dataset->count;
}

size_t shunt_dataset_classes(const shunt_dataset *dataset)
{
    if (!dataset) return 0;
    return dataset->classes;
}

const char *shunt_dataset_label(const shunt_dataset *dataset, size_t index)
{
    if (!dataset) return NULL;
    return dataset->kind->label && index < dataset->classes ? dataset->kind->label(dataset, index) : NULL;
}

const char *shunt_dataset_picture(const shunt_dataset *dataset, size_t index)
{
    if (!dataset) return NULL;
    return dataset->kind->picture && index < dataset->count ? dataset->kind->picture(dataset, index) : NULL;
}

shunt_status shunt_dataset_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    if (!dataset || !image || !label) return error_null(__func__, "dataset, image, label");
    *image = (shunt_image){0};
    if (index >= dataset->count)
        return error_fail(SHUNT_E_INVALID, "image %zu of a data set of %zu", index, dataset->count);
    return dataset->kind->get(dataset, index, image, label);
}

void boxed_image_free(boxed_image *image)
{
    shunt_image_free(&image->image);
    free(image->objects);
    *image = (boxed_image){.count = 0};
}

/* ---- Telling sets apart ----------------------------------------------------------------------------------------- */

static const uint64_t fnv_prime = 0x100000001b3u;

shunt_status dataset_hash_picture(const shunt_dataset *dataset, size_t index, uint64_t *hash)
{
    shunt_image image;
    int64_t label;
    shunt_status status = shunt_dataset_get(dataset, index, &image, &label);
    if (status) return status;
    *hash = random_bits(*hash, index ^ (uint64_t)label << 48);
    const size_t bytes = (size_t)image.height * (size_t)image.width * 3;
    for (size_t k = 0; k < bytes; k++) *hash = (*hash ^ image.rgb[k]) * fnv_prime;
    shunt_image_free(&image);
    return SHUNT_OK;
}

/* name: NULL where there is none. */
static uint64_t add_name(uint64_t hash, const char *name)
{
    for (; name && *name; name++) hash = (hash ^ (uint8_t)*name) * fnv_prime;
    return random_bits(hash, name != NULL);
}

shunt_status shunt_dataset_fingerprint(const shunt_dataset *dataset, uint64_t *out)
{
    enum { SAMPLES = 16 };
    if (!dataset || !out) return error_null(__func__, "dataset, out");
    uint64_t hash = random_bits(dataset->count, dataset->classes);
    for (size_t i = 0; i < dataset->classes; i++) hash = add_name(hash, shunt_dataset_label(dataset, i));
    for (size_t i = 0; i < dataset->count; i++) hash = add_name(hash, shunt_dataset_picture(dataset, i));
    const size_t each = dataset->count / SAMPLES, rest = dataset->count % SAMPLES;
    for (size_t i = 0; i < SAMPLES && dataset->count; i++)
        if (dataset_hash_picture(dataset, i * each + i * rest / SAMPLES, &hash)) hash = add_name(hash, NULL);
    *out = hash;
    return SHUNT_OK;
}
