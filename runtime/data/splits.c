/* splits.c - which folder holds the pictures to train on, and which those to test on. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/error.h"
#include "runtime/data/folders.h"

/* A split's folder has folders in it, unless a file of labels stands in for them; a class that is called "train" has none. */
static shunt_status holds_folders(const char *folder, const char *name, bool *holds)
{
    char *path, **names = NULL;
    size_t count = 0;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    shunt_status status = folders_list(path, &names, &count);
    *holds = !status && count > 0;
    folders_free(names, count);
    free(path);
    return status == SHUNT_E_MEMORY ? status : SHUNT_OK; /* one that cannot be read holds none */
}

static shunt_status note_picture(void *context, const char *path, const char *name)
{
    bool *holds = context;
    (void)path;
    *holds = is_picture(name);
    return *holds ? SHUNT_E_INVALID : SHUNT_OK; /* one is enough */
}

/* Is there a picture in folder/name or deeper? */
static shunt_status holds_picture(const char *folder, const char *name, bool *holds)
{
    char *path;
    *holds = false;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    shunt_status status = folders_walk(path, true, true, note_picture, holds);
    free(path);
    return *holds ? SHUNT_OK : status;
}

/* What the folders of splits are called, in any case and perhaps with "set" behind: "Training", "test_set". ImageNet's "test" has
 * no labels, so the other one is taken to test on where both are there. */
static const char *const training_names[] = {"train", "training", NULL};
static const char *const validation_names[] = {"val", "valid", "validation", NULL};
static const char *const testing_names[] = {"test", "testing", NULL};

static bool is_called(const char *folder, const char *split)
{
    size_t length = strlen(split);
    if (strncasecmp(folder, split, length)) return false;
    const char *rest = folder + length;
    rest += *rest == '_' || *rest == '-' || *rest == ' ';
    return !folder[length] || !strcasecmp(rest, "set");
}

static bool is_any(const char *folder, const char *const *names)
{
    while (*names && !is_called(folder, *names)) names++;
    return *names;
}

static bool is_split(const char *folder)
{
    return is_any(folder, training_names) || is_any(folder, validation_names) || is_any(folder, testing_names);
}

typedef struct splits {
    const char *training, *testing; /* folders, of `names`; NULL: there is none */
    char **names;
    size_t count;
} splits;

/* The folder that is called by one of the names; NULL where none is. */
static shunt_status find_named(const char *where, const char *const *names, bool labelled, const splits *in,
                               const char **out)
{
    *out = NULL;
    for (size_t i = 0; i < in->count; i++) {
        if (!is_any(in->names[i], names)) continue;
        bool holds = true;
        shunt_status status = labelled ? SHUNT_OK : holds_folders(where, in->names[i], &holds);
        if (status) return status;
        if (holds && *out)
            return error_fail(SHUNT_E_INVALID, "%s: both %s and %s could be meant; rename or remove one of them", where,
                              *out, in->names[i]);
        if (holds) *out = in->names[i];
    }
    return SHUNT_OK;
}

static shunt_status find_splits(const char *where, bool labelled, splits *out)
{
    shunt_status status = folders_list(where, &out->names, &out->count);
    if (!status) status = find_named(where, training_names, labelled, out, &out->training);
    if (!status) status = find_named(where, validation_names, labelled, out, &out->testing);
    if (!status && !out->testing) status = find_named(where, testing_names, labelled, out, &out->testing);
    return status;
}

/* Is one of the words in "seg_train" or "Test 1" one of the names? */
static bool has_word(const char *folder, const char *const *names)
{
    for (; *names; names++) {
        const size_t length = strlen(*names);
        for (const char *at = folder; (at = strcasestr(at, *names)); at++)
            if ((at == folder || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[length])) return true;
    }
    return false;
}

/* "seg_train" beside "seg_test", each with folders in it, are hardly two classes. */
static shunt_status check_classes(const char *where, const splits *found)
{
    const char *training = NULL, *testing = NULL;
    for (size_t i = 0; i < found->count; i++) {
        const char *name = found->names[i];
        const bool trains = has_word(name, training_names),
                   tests = has_word(name, validation_names) || has_word(name, testing_names);
        bool holds = false;
        if (trains == tests) continue;
        shunt_status status = holds_folders(where, name, &holds);
        if (status) return status;
        if (holds && trains) training = name;
        if (holds && tests) testing = name;
    }
    if (!training || !testing) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "%s: are %s and %s classes or splits? Call splits train and val; put the pictures of classes "
                      "directly into their folders",
                      where, training, testing);
}

/* A folder "train" next to class folders may be a class whose pictures lie deeper. A guess could train on the wrong pictures. */
static shunt_status check_splits(const char *where, const splits *found)
{
    if (!found->training && !found->testing) return check_classes(where, found);
    const char *alone = !found->training ? found->testing : !found->testing ? found->training : NULL;
    for (size_t i = 0; alone && i < found->count; i++) {
        bool holds = false;
        shunt_status status = is_split(found->names[i]) ? SHUNT_OK : holds_picture(where, found->names[i], &holds);
        if (status) return status;
        if (holds)
            return error_fail(
                SHUNT_E_INVALID,
                "%s: is %s a class or a split? Beside it, %s has pictures too; put all classes into folders "
                "train and val, or the pictures of class %s directly into its folder",
                where, alone, found->names[i], alone);
    }
    return SHUNT_OK;
}

/* The folder of the split, to be freed. The split's own folder if there is one. If there is no folder of another split either, all
 * of `where`: nobody knows whether its pictures are for training or for testing, so a caller who asks for "test" gets an error. */
static shunt_status choose_split(const char *where, const char *split, bool labelled, const splits *found, char **out)
{
    const bool testing = !split || strcmp(split, "train");
    const char *own = testing ? found->testing : found->training, *other = testing ? found->training : found->testing;
    if (own && asprintf(out, "%s/%s", where, own) >= 0) return SHUNT_OK;
    if (!own && other && !labelled)
        return error_fail(SHUNT_E_NOT_FOUND, "%s: has pictures for another split in %s, but no folder %s", where, other,
                          testing ? "val or test" : "train");
    if (!own && split && testing && !labelled)
        return error_fail(SHUNT_E_NOT_FOUND, "%s: there are no pictures to test on: no folder val or test", where);
    *out = own ? NULL : strdup(where);
    return *out ? SHUNT_OK : error_memory();
}

shunt_status split_find(const char *where, const char *split, bool labelled, char **out)
{
    splits found = {0};
    shunt_status status = find_splits(where, labelled, &found);
    if (!status && !labelled) status = check_splits(where, &found);
    if (!status) status = choose_split(where, split, labelled, &found, out);
    folders_free(found.names, found.count);
    return status;
}
