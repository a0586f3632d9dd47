/* imagefolder.c - pictures in folders, as torchvision's ImageFolder takes them: DIR/CLASS/... with the classes numbered in
 * the order of their names, or, with a file of labels, all in DIR. Where DIR holds train and val folders (or test), the one of
 * the split is meant. Pictures are told by their names' endings; whether they can be decoded, reading them will tell. */
#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "runtime/data/picture_labels.h"

typedef struct imagefolder {
    shunt_dataset base;
    char *folder;
    picture_list pictures;
    char **classes; /* NULL: the labels are numbers */
} imagefolder;

static void imagefolder_close(shunt_dataset *dataset)
{
    imagefolder *set = (imagefolder *)dataset;
    picture_list_free(&set->pictures);
    for (size_t i = 0; set->classes && i < set->base.classes; i++) free(set->classes[i]);
    free(set->classes);
    free(set->folder);
    free(set);
}

/* ---- Folders ---------------------------------------------------------------------------------------------- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_folder(const char *folder, const char *name)
{
    char *path;
    struct stat info;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return false;
    bool is = !stat(path, &info) && S_ISDIR(info.st_mode);
    free(path);
    return is;
}

/* The names of the folders in `path`, sorted; *names and what it holds are to be freed. */
static shunt_status list_folders(const char *path, char ***names, size_t *count)
{
    struct dirent **entries;
    *names = NULL;
    *count = 0;
    int n = scandir(path, &entries, is_shown, by_name);
    if (n < 0)
        return shunt_fail(errno == ENOENT ? SHUNT_E_NOT_FOUND : SHUNT_E_IO, "%s: cannot read the folder: %s", path,
                          strerror(errno));
    shunt_status status = SHUNT_OK;
    *names = calloc((size_t)n + 1, sizeof **names);
    if (!*names) status = shunt_fail_memory();
    for (int i = 0; i < n; i++) {
        if (!status && is_folder(path, entries[i]->d_name)) {
            (*names)[*count] = strdup(entries[i]->d_name);
            if ((*names)[*count])
                ++*count;
            else
                status = shunt_fail_memory();
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++) free(names[i]);
    free(names);
}

/* A split's folder has folders in it, unless a file of labels stands in for them; a class that is called "train" has none. */
static bool holds_folders(const char *path)
{
    char **names;
    size_t count;
    bool holds = !list_folders(path, &names, &count) && count > 0;
    free_names(names, count);
    return holds;
}

/* Where the split lies, to be freed: in its own folder if there is one; else, if there is none of another split either, all of
 * `where`, which can be told apart neither for training nor for testing: it is no answer to who asks for "test". */
static shunt_status find_split(const char *where, const char *split, bool labelled, char **out)
{
    static const char *const names[][4] = {{"train"}, {"val", "test", "validation"}};
    const bool testing = !split || strcmp(split, "train"), others = !testing;
    bool divided = false;
    for (int i = 0; i < 2; i++) {
        for (const char *const *name = names[i == 0 ? testing : others]; *name; name++) {
            char *path;
            if (asprintf(&path, "%s/%s", where, *name) < 0) return shunt_fail_memory();
            bool there = is_folder(where, *name) && (labelled || holds_folders(path));
            if (there && i == 0) {
                *out = path;
                return SHUNT_OK;
            }
            divided |= there && !labelled;
            free(path);
        }
    }
    if (divided)
        return shunt_fail(SHUNT_E_NOT_FOUND, "%s: has pictures for another split, but no folder %s", where,
                          testing ? "val or test" : "train");
    if (split && testing && !labelled)
        return shunt_fail(SHUNT_E_NOT_FOUND, "%s: there are no pictures to test on: no folder val or test", where);
    *out = strdup(where);
    return *out ? SHUNT_OK : shunt_fail_memory();
}

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

static bool is_picture(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i])) return true;
    return false;
}

/* A folder's own pictures come before those of the folders in it, as in Python's os.walk. */
static int files_first(const FTSENT **a, const FTSENT **b)
{
    bool folder_a = (*a)->fts_info == FTS_D, folder_b = (*b)->fts_info == FTS_D;
    return folder_a != folder_b ? folder_a - folder_b : strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Adds the pictures in and, if `deep`, below folder/class, under their names within the folder. */
static shunt_status add_pictures(imagefolder *set, const char *class, int64_t label, bool deep)
{
    char *path;
    if (asprintf(&path, "%s%s%s", set->folder, *class ? "/" : "", class) < 0) return shunt_fail_memory();
    size_t prefix = strlen(set->folder) + 1;
    FTS *walk = fts_open((char *const[]){path, NULL}, FTS_LOGICAL | FTS_NOCHDIR, files_first);
    shunt_status status = walk ? SHUNT_OK : shunt_fail(SHUNT_E_IO, "%s: %s", path, strerror(errno));
    for (FTSENT *entry; !status && (entry = fts_read(walk));) {
        bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
        if (entry->fts_info == FTS_D) {
            if (entry->fts_level > 0 && (hidden || !deep)) fts_set(walk, entry, FTS_SKIP);
        } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            status = shunt_fail(SHUNT_E_IO, "%s: cannot read: %s", entry->fts_path, strerror(entry->fts_errno));
        } else if (entry->fts_info != FTS_DP && entry->fts_info != FTS_DC && !hidden && is_picture(entry->fts_name)) {
            status = picture_list_add(&set->pictures, entry->fts_path + prefix, label);
        }
    }
    if (walk) fts_close(walk);
    free(path);
    return status;
}

static shunt_status open_classes(imagefolder *set)
{
    size_t count = 0;
    shunt_status status = list_folders(set->folder, &set->classes, &count);
    set->base.classes = count;
    if (!status && !count)
        status =
            shunt_fail(SHUNT_E_INVALID,
                       "%s: no folders are in it; pictures have to be in a folder for each class, or a file of labels "
                       "must say what they show",
                       set->folder);
    for (size_t i = 0; !status && i < count; i++) {
        size_t before = set->pictures.count;
        status = add_pictures(set, set->classes[i], (int64_t)i, true);
        if (!status && set->pictures.count == before)
            status =
                shunt_fail(SHUNT_E_INVALID, "%s/%s: no picture is in this folder; a class needs some, or remove it",
                           set->folder, set->classes[i]);
    }
    return status;
}

static shunt_status open_labelled(imagefolder *set, const char *labels)
{
    shunt_status status = add_pictures(set, "", 0, false);
    if (!status && !set->pictures.count)
        status = shunt_fail(SHUNT_E_INVALID, "%s: no picture in it for the labels of %s", set->folder, labels);
    return status ? status : picture_labels_read(labels, &set->pictures, &set->classes, &set->base.classes);
}

static shunt_status imagefolder_open(const char *where, const char *split, const char *labels, shunt_dataset **out)
{
    imagefolder *set = calloc(1, sizeof *set);
    if (!set) return shunt_fail_memory();
    set->base.kind = &shunt_dataset_imagefolder;
    shunt_status status = find_split(where, split, labels, &set->folder);
    if (!status) status = labels ? open_labelled(set, labels) : open_classes(set);
    if (status) {
        imagefolder_close(&set->base);
        return status;
    }
    set->base.count = set->pictures.count;
    *out = &set->base;
    return SHUNT_OK;
}

static const char *imagefolder_picture(const shunt_dataset *dataset, size_t index)
{
    return picture_name(&((const imagefolder *)dataset)->pictures, index);
}

static const char *imagefolder_label(const shunt_dataset *dataset, size_t class)
{
    const imagefolder *set = (const imagefolder *)dataset;
    return set->classes ? set->classes[class] : NULL;
}

static shunt_status imagefolder_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const imagefolder *set = (const imagefolder *)dataset;
    char *path;
    *label = set->pictures.items[index].label;
    if (asprintf(&path, "%s/%s", set->folder, picture_name(&set->pictures, index)) < 0) return shunt_fail_memory();
    shunt_status status = shunt_image_read(path, image);
    free(path);
    return status;
}

const dataset_kind shunt_dataset_imagefolder = {
    .name = "imagefolder",
    .help = "imagefolder:DIR (DIR/class/picture.jpg)",
    .open = imagefolder_open,
    .close = imagefolder_close,
    .get = imagefolder_get,
    .picture = imagefolder_picture,
    .label = imagefolder_label,
};
