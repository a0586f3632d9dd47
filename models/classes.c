/* classes.c - which of a model's classes a data set's class is, by name: folders are called by WordNet's numbers, by labels or
 * by one of a label's synonyms, and models' labels come in as many forms. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <ctype.h>
#include <string.h>

static int plain(char c)
{
    return c == '_' ? ' ' : tolower((unsigned char)c);
}

/* Is `name` the text of this length? */
static bool is(const char *name, const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && name[i] && plain(name[i]) == plain(text[i])) i++;
    return i == length && !name[i];
}

static bool is_called(const char *label, const char *name)
{
    if (is(name, label, strlen(label)) || is(name, label, strcspn(label, " ,\t"))) return true;
    for (const char *at = label; *at;) {
        size_t length = strcspn(at, ",");
        if (is(name, at, length)) return true;
        at += length;
        at += strspn(at, ", ");
    }
    return false;
}

/* -1: none; -2: more than one, and none of them exactly. */
static int64_t find_class(const shunt_model *model, const char *name)
{
    int64_t found = -1;
    for (int64_t c = 0; c < model->net.classes; c++) {
        if (!strcmp(model->labels[c], name)) return c;
        if (is_called(model->labels[c], name)) found = found == -1 ? c : -2;
    }
    return found;
}

/* By their numbers, in the order of their names if they have any. */
static shunt_status match_numbers(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes)
{
    size_t count = shunt_dataset_classes(dataset);
    /* Numbers in a file of labels need not go up to the last class. */
    bool all = shunt_dataset_label(dataset, 0) || !shunt_dataset_picture(dataset, 0);
    if (all ? (int64_t)count != model->net.classes : (int64_t)count > model->net.classes)
        return shunt_fail(
            SHUNT_E_INVALID,
            "the data has %zu classes and %s %lld; they must agree, or the model's labels must name the data's", count,
            model->net.name, (long long)model->net.classes);
    for (size_t i = 0; i < count; i++) classes[i] = (int64_t)i;
    return SHUNT_OK;
}

shunt_status shunt_dataset_match(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes)
{
    size_t count = shunt_dataset_classes(dataset), found = 0;
    const char *missing = NULL;
    for (size_t i = 0; model->labels && i < count; i++) {
        const char *name = shunt_dataset_label(dataset, i);
        if (!name) return match_numbers(dataset, model, classes);
        classes[i] = find_class(model, name);
        if (classes[i] == -2)
            return shunt_fail(SHUNT_E_INVALID,
                              "class '%s' of the data is more than one of %s's labels; use another name", name,
                              model->net.name);
        if (classes[i] >= 0)
            found++;
        else if (!missing)
            missing = name;
    }
    if (found == 0) return match_numbers(dataset, model, classes);
    if (missing)
        return shunt_fail(SHUNT_E_NOT_FOUND, "class '%s' of the data is none of %s's labels", missing, model->net.name);
    return SHUNT_OK;
}
