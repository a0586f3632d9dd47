/* cifar_python.c - CIFAR's Python version: each file is a pickle of a dictionary, with the pictures as a numpy array of N x 3072
 * bytes under `data` and a list of labels. Keys may be text or bytes, as Python 2 and 3 write them. */
#include "runtime/data/cifar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/pickle/pickle.h"

enum { MOST_NAME = 256, MOST_META = 1 << 20 };

static shunt_status find(const char *path, const pickle_tree *tree, const char *key, pickle_ref *out)
{
    if (pickle_find(tree, tree->root, key, out)) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "%s: the pickle is not a dictionary with the key '%s', which CIFAR's Python version has; for the "
                      "other CIFAR, pass cifar10: or cifar100:",
                      path, key);
}

static shunt_status read_pixels(const char *path, const pickle_tree *tree, cifar_part *part)
{
    pickle_ref ref;
    pickle_array array;
    shunt_status status = find(path, tree, "data", &ref);
    if (!status) status = pickle_read_array(path, tree, ref, &array);
    if (status) return status;
    part->own_pixels = array.bytes.owned;
    part->pixels = array.bytes.data;
    if (array.kind != 'u' || array.item != 1 || array.axes != 2 || array.dims[1] != 3 * CIFAR_PLANE || !array.dims[0])
        return error_fail(SHUNT_E_INVALID, "%s: 'data' is not an array of N x 3072 bytes (numpy's uint8)", path);
    part->count = array.dims[0];
    part->picture_step = array.columns_first ? 1 : array.dims[1];
    part->sample_step = array.columns_first ? array.dims[0] : 1;
    return SHUNT_OK;
}

/* Labels become bytes, all checked. */
static shunt_status keep_label(const char *path, int classes, cifar_part *part, size_t i, int64_t label)
{
    if (label < 0 || label >= classes)
        return error_fail(SHUNT_E_INVALID, "%s: picture %zu has label %" PRId64 ", expected 0 .. %d", path, i, label,
                          classes - 1);
    part->own_labels[i] = (uint8_t)label;
    return SHUNT_OK;
}

static shunt_status read_label_list(const char *path, const pickle_tree *tree, pickle_ref list, int classes,
                                    cifar_part *part)
{
    const pickle_node *node = &tree->nodes[list];
    shunt_status status = SHUNT_OK;
    uint32_t cell = node->items.first;
    for (size_t i = 0; !status && i < part->count; i++, cell = tree->cells[cell].next) {
        int64_t label;
        if (!pickle_integer(tree, tree->cells[cell].value, &label))
            return error_fail(SHUNT_E_INVALID, "%s: the label of picture %zu is not an integer", path, i);
        status = keep_label(path, classes, part, i, label);
    }
    return status;
}

static shunt_status read_label_array(const char *path, const pickle_array *array, int classes, cifar_part *part)
{
    shunt_status status = SHUNT_OK;
    for (size_t i = 0; !status && i < part->count; i++)
        status = keep_label(path, classes, part, i, pickle_array_integer(array, i));
    return status;
}

/* A list, or a numpy array of integers. */
static shunt_status read_labels(const char *path, const pickle_tree *tree, const char *key, int classes,
                                cifar_part *part)
{
    pickle_ref ref;
    pickle_array array = {0};
    shunt_status status = find(path, tree, key, &ref);
    if (status) return status;
    const bool is_array = pickle_is_array(tree, ref);
    if (is_array) status = pickle_read_array(path, tree, ref, &array);
    if (status) return status;
    const bool integers = array.axes == 1 && (array.kind == 'u' || array.kind == 'i');
    const int64_t count = is_array ? (integers ? (int64_t)array.count : -1) : pickle_items(tree, ref, NULL, 0);
    if (count < 0)
        status = error_fail(SHUNT_E_INVALID, "%s: '%s' is not a list of integers", path, key);
    else if ((size_t)count != part->count)
        status = error_fail(SHUNT_E_INVALID, "%s: %" PRId64 " labels for %zu pictures", path, count, part->count);
    else if (!(part->own_labels = malloc(part->count)))
        status = error_memory();
    else
        status =
            is_array ? read_label_array(path, &array, classes, part) : read_label_list(path, tree, ref, classes, part);
    free(array.bytes.owned);
    part->labels = part->own_labels;
    part->label_step = 1;
    return status;
}

shunt_status cifar_read_pickle(const char *path, const char *labels, int classes, cifar_part *part)
{
    pickle_tree tree;
    shunt_status status = pickle_read(path, 0, part->file.data, part->file.size, &tree);
    if (status) return status;
    status = read_pixels(path, &tree, part);
    if (!status) status = read_labels(path, &tree, labels, classes, part);
    pickle_free(&tree);
    return status;
}

static shunt_status read_name(const char *path, const pickle_tree *tree, pickle_ref ref, char **name)
{
    pickle_bytes text;
    shunt_status status = pickle_read_bytes(path, tree, ref, &text);
    if (status) return status;
    if (!text.size || text.size > MOST_NAME || memchr(text.data, 0, text.size))
        status = error_fail(SHUNT_E_INVALID, "%s: a class name that is empty, has a NUL or is over %d bytes", path,
                            MOST_NAME);
    else if (!(*name = strndup((const char *)text.data, text.size)))
        status = error_memory();
    free(text.owned);
    return status;
}

static shunt_status read_names(const char *path, const pickle_tree *tree, const char *key, int classes, char **names)
{
    pickle_ref list, refs[CIFAR_MOST_CLASSES];
    shunt_status status = find(path, tree, key, &list);
    if (status) return status;
    if (pickle_items(tree, list, refs, (uint32_t)classes) != classes)
        return error_fail(SHUNT_E_INVALID, "%s: '%s' is not a list of %d names", path, key, classes);
    for (int i = 0; !status && i < classes; i++) status = read_name(path, tree, refs[i], &names[i]);
    return status;
}

shunt_status cifar_read_pickled_names(const char *path, const char *key, int classes, char **names)
{
    file_mapping file;
    pickle_tree tree;
    shunt_status status = file_map(path, MOST_META, &file);
    if (status) return status;
    status = pickle_read(path, 0, file.data, file.size, &tree);
    if (!status) {
        status = read_names(path, &tree, key, classes, names);
        pickle_free(&tree);
    }
    file_unmap(&file);
    return status;
}
