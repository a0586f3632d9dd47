/* imagefolder.c - a folder of folders of pictures, DIR/class/picture.jpg: the classes in the order of their names, as
 * torchvision numbers them. Where there is a DIR/train with folders in it, that is the training set, and DIR/val or
 * DIR/test the other one; else DIR is all there is. Pictures are read when they are asked for. */
#include "runtime/io/dataset.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/error.h"

/* Names that grow. */
typedef struct list {
    char **items;
    size_t count, room;
} list;

typedef struct imagefolder {
    shunt_dataset base;
    list classes, pictures; /* names; paths */
    int32_t *labels;        /* of the pictures */
} imagefolder;

static shunt_status list_add(list *to, char *item)
{
    if (to->count == to->room) {
        size_t room = to->room ? 2 * to->room : 64;
        char **items = reallocarray(to->items, room, sizeof *items);
        if (items) {
            to->items = items;
            to->room = room;
        }
    }
    if (!item || to->count == to->room) {
        free(item);
        return shunt_fail_memory();
    }
    to->items[to->count++] = item;
    return SHUNT_OK;
}

static void list_free(list *of)
{
    for (size_t i = 0; i < of->count; i++) free(of->items[i]);
    free(of->items);
    *of = (list){0};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void imagefolder_close(shunt_dataset *dataset)
{
    imagefolder *set = (imagefolder *)dataset;
    list_free(&set->classes);
    list_free(&set->pictures);
    free(set->labels);
    free(set);
}

/* ---- Looking through folders ------------------------------------------------------------------------------------ */

static bool is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

static char *join(const char *folder, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* Formats that Shunt does not read are listed too: that such a picture is there should be said, not passed over. */
static bool is_picture(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "png", "ppm", "pgm", "bmp", "gif", "webp", "tif", "tiff"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot + 1, endings[i])) return true;
    return false;
}

/* The names, sorted, of the folders or of the pictures in a folder; hidden ones are not looked at. */
static shunt_status list_names(const char *folder, bool folders, list *out)
{
    DIR *dir = opendir(folder);
    shunt_status status = SHUNT_OK;
    if (!dir)
        return shunt_fail(errno == ENOENT ? SHUNT_E_NOT_FOUND : SHUNT_E_IO, "%s: cannot open: %s", folder,
                          strerror(errno));
    for (struct dirent *entry; !status && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        char *path = join(folder, entry->d_name);
        bool wanted = path && is_folder(path) == folders && (folders || is_picture(entry->d_name));
        if (!path) status = shunt_fail_memory();
        free(path);
        if (wanted) status = list_add(out, strdup(entry->d_name));
    }
    closedir(dir);
    if (out->count) qsort(out->items, out->count, sizeof *out->items, by_name);
    return status;
}

static bool has_folders(const char *folder)
{
    list names = {0};
    bool has = is_folder(folder) && !list_names(folder, true, &names) && names.count > 0;
    list_free(&names);
    return has;
}

/* Where the classes of the split are, to be freed. */
static shunt_status find_split(const char *where, const char *split, char **out)
{
    static const char *const training[] = {"train", NULL}, *const others[] = {"val", "test", NULL};
    bool train = split && !strcmp(split, "train");
    char *path = join(where, "train");
    bool divided = path && has_folders(path);
    free(path);
    for (const char *const *name = train ? training : others; divided && *name; name++) {
        *out = join(where, *name);
        if (!*out || has_folders(*out)) return *out ? SHUNT_OK : shunt_fail_memory();
        free(*out);
    }
    if (split && !train)
        return shunt_fail(SHUNT_E_NOT_FOUND, "%s: there are no pictures to test on: no train beside val or test",
                          where);
    *out = strdup(where);
    return *out ? SHUNT_OK : shunt_fail_memory();
}

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static shunt_status add_class(imagefolder *set, const char *folder, int32_t label)
{
    char *class = join(folder, set->classes.items[label]);
    list names = {0};
    shunt_status status = class ? list_names(class, false, &names) : shunt_fail_memory();
    if (!status && !names.count)
        status =
            shunt_fail(SHUNT_E_INVALID, "%s: no picture is in this folder; a class needs some, or remove it", class);
    int32_t *labels = status ? NULL : reallocarray(set->labels, set->pictures.count + names.count, sizeof *labels);
    if (labels) set->labels = labels;
    if (!status && !labels) status = shunt_fail_memory();
    for (size_t i = 0; !status && i < names.count; i++) {
        set->labels[set->pictures.count] = label;
        status = list_add(&set->pictures, join(class, names.items[i]));
    }
    list_free(&names);
    free(class);
    return status;
}

static shunt_status fill(imagefolder *set, const char *folder)
{
    enum { MOST_CLASSES = 1 << 20 };
    shunt_status status = list_names(folder, true, &set->classes);
    if (status) return status;
    if (!set->classes.count || set->classes.count > MOST_CLASSES)
        return shunt_fail(SHUNT_E_INVALID, "%s: %zu folders are in it; pictures have to be in a folder for each class",
                          folder, set->classes.count);
    for (size_t i = 0; !status && i < set->classes.count; i++) status = add_class(set, folder, (int32_t)i);
    set->base.count = set->pictures.count;
    set->base.classes = set->classes.count;
    return status;
}

static shunt_status imagefolder_open(const char *where, const char *split, shunt_dataset **out)
{
    char *folder = NULL;
    imagefolder *set = calloc(1, sizeof *set);
    if (!set) return shunt_fail_memory();
    set->base.kind = &shunt_dataset_imagefolder;
    shunt_status status = find_split(where, split, &folder);
    if (!status) status = fill(set, folder);
    free(folder);
    if (status)
        imagefolder_close(&set->base);
    else
        *out = &set->base;
    return status;
}

static shunt_status imagefolder_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label)
{
    const imagefolder *set = (const imagefolder *)dataset;
    *label = set->labels[index];
    return shunt_image_read(set->pictures.items[index], image);
}

static const char *imagefolder_label(const shunt_dataset *dataset, size_t class)
{
    return ((const imagefolder *)dataset)->classes.items[class];
}

const dataset_kind shunt_dataset_imagefolder = {
    .name = "imagefolder",
    .help = "imagefolder:DIR (DIR/class/picture.jpg)",
    .open = imagefolder_open,
    .close = imagefolder_close,
    .get = imagefolder_get,
    .label = imagefolder_label,
};
