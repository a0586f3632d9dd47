/* labels.c - class names from a text file, one a line. They end up on terminals: no control characters. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/base/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABEL_BYTES = 64 << 20 };

void labels_free(char **labels, int64_t count)
{
    for (int64_t i = 0; labels && i < count; i++) free(labels[i]);
    free(labels);
}

shunt_status labels_check(const char *label, size_t index)
{
    for (const unsigned char *byte = (const unsigned char *)label; *byte; byte++) {
        bool c1 = byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f; /* U+0080 to U+009F */
        if (*byte < 0x20 || *byte == 0x7f || c1)
            return error_fail(SHUNT_E_INVALID, "label %zu holds a control character", index);
    }
    json_t *string = json_string(label);
    if (!string) return error_fail(SHUNT_E_INVALID, "label %zu is not UTF-8", index);
    json_decref(string);
    return SHUNT_OK;
}

/* Ends of lines and what is left of the text after the last one count for nothing. */
static size_t trimmed(const char *text, size_t size)
{
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
    return size;
}

static int64_t count_lines(const char *text, size_t size)
{
    int64_t lines = size > 0;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    return lines;
}

shunt_status labels_parse(const char *text, size_t size, int64_t count, char ***out)
{
    size = trimmed(text, size);
    int64_t lines = count_lines(text, size);
    if (memchr(text, 0, size)) return error_fail(SHUNT_E_INVALID, "not a text file: it holds a zero byte");
    if (lines != count)
        return error_fail(SHUNT_E_INVALID, "%lld labels for %lld classes; give one a line", (long long)lines,
                          (long long)count);
    char **labels = calloc((size_t)count, sizeof *labels);
    if (!labels) return error_memory();
    const char *at = text, *end = text + size;
    shunt_status status = SHUNT_OK;
    for (int64_t i = 0; !status && i < count; i++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        labels[i] = strndup(at, trimmed(at, (size_t)(stop - at)));
        status = labels[i] ? labels_check(labels[i], (size_t)i) : error_memory();
        at = stop + 1;
    }
    if (status)
        labels_free(labels, count);
    else
        *out = labels;
    return status;
}

shunt_status shunt_model_load_labels(shunt_model *model, const char *path)
{
    if (!model || !path) return error_null(__func__, "model, path");
    file_mapping file;
    char **labels;
    shunt_status status = file_map(path, MOST_LABEL_BYTES, &file);
    if (status) return status;
    status = labels_parse((const char *)file.data, file.size, shunt_model_outcomes(model), &labels);
    file_unmap(&file);
    if (status) return error_context(status, "%s", path);
    labels_free(model->labels, shunt_model_outcomes(model));
    model->labels = labels;
    return SHUNT_OK;
}

const char *shunt_model_label(const shunt_model *model, int64_t index)
{
    if (!model) return NULL;
    return model->labels && index >= 0 && index < shunt_model_outcomes(model) ? model->labels[index] : NULL;
}
