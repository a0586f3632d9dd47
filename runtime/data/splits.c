/* splits.c - which folder holds the pictures to train on, and which those to test on. */
#include <errno.h>
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

/* Is there a picture in folder/name or deeper? */
static shunt_status holds_picture(const char *folder, const char *name, bool *holds)
{
    char *path;
    *holds = false;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return error_memory();
    FTS *walk = fts_open((char *const[]){path, NULL}, FTS_LOGICAL | FTS_NOCHDIR, files_first);
    shunt_status status = walk || errno != ENOMEM ? SHUNT_OK : error_memory();
    for (FTSENT *entry = NULL; walk && !*holds && !(status = walk_next(walk, &entry)) && entry;)
        *holds = entry->fts_info != FTS_D && entry->fts_info != FTS_DP && entry->fts_name[0] != '.' &&
                 is_picture(entry->fts_name);
    if (walk) fts_close(walk);
    free(path);
    return status;
}

/* What the folders of splits are called, in any case and perhaps with "set" behind: "Training", "test_set". Of those to test on,
 * the first that is there is taken: ImageNet's "test" has no labels. */
static const char *const training_names[] = {"train", "training", NULL};
static const char *const testing_names[] = {"val", "valid", "validation", "test", "testing", NULL};

static bool is_called(const char *folder, const char *split)
{
    size_t length = strlen(split);
    if (strncasecmp(folder, split, length)) return false;
    const char *rest = folder + length;
    rest += *rest == '_' || *rest == '-' || *rest == ' ';
    return !folder[length] || !strcasecmp(rest, "set");
}

typedef struct splits {
    const char *training, *testing; /* folders, of `names`; NULL: there is none */
    char **names;
    size_t count;
} splits;

/* The folder of the first name that one is called. */
static shunt_status find_named(const char *where, const char *const *names, bool labelled, const splits *in,
                               const char **out)
{
    *out = NULL;
    for (; *names && !*out; names++)
        for (size_t i = 0; i < in->count; i++) {
            if (!is_called(in->names[i], *names)) continue;
            bool holds = true;
            shunt_status status = labelled ? SHUNT_OK : holds_folders(where, in->names[i], &holds);
            if (status) return status;
            if (!holds) continue;
            if (*out)
                return error_fail(SHUNT_E_INVALID, "%s: both %s and %s could be meant; rename or remove one of them",
                                  where, *out, in->names[i]);
            *out = in->names[i];
        }
    return SHUNT_OK;
}

static bool is_split(const char *name)
{
    for (const char *const *known = training_names; *known; known++)
        if (is_called(name, *known)) return true;
    for (const char *const *known = testing_names; *known; known++)
        if (is_called(name, *known)) return true;
    return false;
}

static shunt_status find_splits(const char *where, bool labelled, splits *out)
{
    shunt_status status = folders_list(where, &out->names, &out->count);
    if (!status) status = find_named(where, training_names, labelled, out, &out->training);
    if (!status) status = find_named(where, testing_names, labelled, out, &out->testing);
    return status;
}

/* A folder "train" next to class folders may be a class whose pictures lie deeper. A guess could train on the wrong pictures. */
static shunt_status check_splits(const char *where, const splits *found)
{
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

/* The folder of the split, to be freed: its own folder if there is one; else, if there is no folder of another split either, all of
 * `where`, which can be told apart neither for training nor for testing: it is no answer to who asks for "test". */
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
