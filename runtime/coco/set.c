/* set.c - finds the file of annotations and the folder of pictures in a COCO folder. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const tested[] = {"val2017", "val2014", "val", "test2017", "test", NULL}, *const trained[] = {
                                                                                                 "train2017",
                                                                                                 "train2014", "train",
                                                                                                 NULL};

/* The annotations of the only one of these names that there is; to be freed. */
static shunt_status find(const char *where, const char *const *names, const char **name, char **path)
{
    struct stat info;
    *name = NULL;
    *path = NULL;
    for (; *names; names++) {
        char *tried;
        if (asprintf(&tried, "%s/annotations/instances_%s.json", where, *names) < 0) return error_memory();
        const bool there = !stat(tried, &info);
        if (there && *path) {
            error_fail(SHUNT_E_INVALID, "%s and %s: only one of them can be meant; move the other away", *path, tried);
            free(tried);
            return SHUNT_E_INVALID;
        }
        if (there) {
            *path = tried;
            *name = *names;
        } else {
            free(tried);
        }
    }
    return SHUNT_OK;
}

shunt_status shunt_coco_open_set(const char *spec, const char *split, const shunt_coco_options *options,
                                 shunt_coco **out)
{
    static const char kind[] = "coco:";
    if (!spec || !out) return error_null(__func__, "spec, out");
    *out = NULL;
    if (strncmp(spec, kind, sizeof kind - 1))
        return error_fail(SHUNT_E_NOT_FOUND, "'%s' is no set in COCO's format, which is called coco:DIR", spec);
    if (split && strcmp(split, "test") && strcmp(split, "train"))
        return error_fail(SHUNT_E_INVALID, "%s: no split is called '%s'; there are train and test", spec, split);
    const char *where = spec + sizeof kind - 1, *name;
    const bool trains = split && !strcmp(split, "train");
    char *path, *folder = NULL;
    shunt_status status = find(where, trains ? trained : tested, &name, &path);
    if (!status && !path)
        status = error_fail(SHUNT_E_NOT_FOUND, "%s/annotations/instances_%s.json: there is no such file, nor one of %s",
                            where, trains ? "train2017" : "val2017",
                            trains ? "train2014 or train" : "val2014, val, test2017 or test");
    if (!status && asprintf(&folder, "%s/%s", where, name) < 0) status = error_memory();
    if (!status) status = coco_open(path, folder, options, out);
    free(folder);
    free(path);
    return status;
}
