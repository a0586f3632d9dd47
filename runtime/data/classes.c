/* classes.c - which of a list of labels each class of a data set is, by name. Folders are called by WordNet's numbers, by labels
 * or by one of a label's synonyms, and labels come in as many forms. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"

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

int64_t class_find(const class_names *labels, const char *name)
{
    int64_t found = CLASS_NONE;
    for (size_t c = 0; c < labels->count; c++)
        if (!strcmp(labels->names[c], name)) return (int64_t)c;
    for (size_t c = 0; c < labels->count; c++)
        if (is_called(labels->names[c], name)) found = found == CLASS_NONE ? (int64_t)c : CLASS_SEVERAL;
    return found;
}

shunt_status class_names_of(const shunt_dataset *dataset, const char *whose, class_names *out)
{
    *out = (class_names){.whose = whose, .count = shunt_dataset_classes(dataset)};
    if (!shunt_dataset_label(dataset, 0)) return SHUNT_OK;
    out->names = calloc(out->count + 1, sizeof *out->names);
    if (!out->names) return error_memory();
    for (size_t i = 0; i < out->count; i++)
        if (!(out->names[i] = shunt_dataset_label(dataset, i))) {
            class_names_free(out);
            return SHUNT_OK;
        }
    return SHUNT_OK;
}

void class_names_free(class_names *names)
{
    free(names->names);
    names->names = NULL;
}

/* ---- What is said of them ------------------------------------------------------------------------------------------ */

/* "cat, dog and 8 more" */
static void list(const class_names *of, char text[1024])
{
    enum { MOST_SHOWN = 12, MOST_CHARS = 60 };
    size_t used = 0;
    for (size_t i = 0; i < of->count && i < MOST_SHOWN; i++)
        used += (size_t)snprintf(text + used, 1024 - used, "%s%.*s", i ? ", " : "", MOST_CHARS, of->names[i]);
    if (of->count > MOST_SHOWN) snprintf(text + used, 1024 - used, " and %zu more", of->count - MOST_SHOWN);
}

static shunt_status fail_unmatched(const class_names *ours, const class_names *theirs, size_t class)
{
    char have[1024] = "", known[1024] = "";
    list(ours, have);
    list(theirs, known);
    return error_fail(SHUNT_E_NOT_FOUND, "class '%s' of %s is not a class of %s (%s); the classes of %s are %s",
                      ours->names[class], ours->whose, theirs->whose, known, ours->whose, have);
}

/* ---- By name ------------------------------------------------------------------------------------------------------- */

/* The numbers themselves, where all names are numbers of a class. */
static bool take_numbers(const class_names *ours, size_t most, int64_t *classes)
{
    for (size_t i = 0; i < ours->count; i++) {
        const char *name = ours->names[i];
        size_t digits = strspn(name, "0123456789");
        if (!digits || digits > 9 || name[digits]) return false;
        classes[i] = strtoll(name, NULL, 10);
        if (classes[i] >= (int64_t)most) return false;
    }
    return true;
}

/* WordNet's numbers, n01440764, are in the order of ImageNet's classes. Of such names, the order says which class
 * is meant, and a label may not. */
static bool are_synsets(const class_names *ours)
{
    for (size_t i = 0; i < ours->count; i++) {
        const char *name = ours->names[i];
        if (name[0] != 'n' || !name[1] || name[1 + strspn(name + 1, "0123456789")]) return false;
    }
    return true;
}

shunt_status classes_match(const class_names *ours, const class_names *theirs, int64_t *classes)
{
    size_t found = 0, missing = ours->count;
    for (size_t i = 0; i < ours->count; i++) {
        classes[i] = class_find(theirs, ours->names[i]);
        if (classes[i] == CLASS_SEVERAL)
            return error_fail(SHUNT_E_INVALID, "class '%s' of %s matches more than one of %s; use another name",
                              ours->names[i], ours->whose, theirs->whose);
        if (classes[i] >= 0)
            found++;
        else if (missing == ours->count)
            missing = i;
    }
    if (found == ours->count) return SHUNT_OK;
    if (!found && take_numbers(ours, theirs->count, classes)) return SHUNT_OK;
    if (!found && ours->count == theirs->count && are_synsets(ours)) {
        for (size_t i = 0; i < ours->count; i++) classes[i] = (int64_t)i;
        return SHUNT_OK;
    }
    return fail_unmatched(ours, theirs, missing);
}

shunt_status classes_match_data(const shunt_dataset *dataset, const char *whose, const shunt_dataset *like,
                                int64_t *classes)
{
    class_names ours = {0}, theirs = {0};
    size_t count = shunt_dataset_classes(dataset), most = shunt_dataset_classes(like);
    shunt_status status = class_names_of(dataset, whose, &ours);
    if (!status) status = class_names_of(like, "the training classes", &theirs);
    if (!status && ours.names && theirs.names) {
        status = classes_match(&ours, &theirs, classes);
    } else if (!status) {
        if (count != most)
            status =
                error_fail(SHUNT_E_INVALID, "%s have %zu classes and the training pictures %zu", whose, count, most);
        for (size_t i = 0; i < count; i++) classes[i] = (int64_t)i;
    }
    class_names_free(&ours);
    class_names_free(&theirs);
    return status;
}
