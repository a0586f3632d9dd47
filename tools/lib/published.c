/* published.c - see published.h. The list is torchvision's: names, presets and errors as its documentation has them. */
#include "published.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TORCHVISION "https://download.pytorch.org/models/"

const published published_weights[] = {
    {"resnet18", "resnet18", TORCHVISION "resnet18-f37072fd.pth", "imagenet", "30.24/10.92"},
    {"resnet34", "resnet34", TORCHVISION "resnet34-b627a593.pth", "imagenet", "26.69/8.58"},
    {"resnet50", "resnet50", TORCHVISION "resnet50-0676ba61.pth", "imagenet", "23.87/7.14"},
    {"resnet50-v2", "resnet50", TORCHVISION "resnet50-11ad3fa6.pth", "imagenet-v2", "19.14/4.57"},
    {"resnet101", "resnet101", TORCHVISION "resnet101-63fe2227.pth", "imagenet", "22.63/6.45"},
    {"resnet101-v2", "resnet101", TORCHVISION "resnet101-cd907fc2.pth", "imagenet-v2", "18.11/4.22"},
    {"resnet152", "resnet152", TORCHVISION "resnet152-394f9c45.pth", "imagenet", "21.69/5.95"},
    {"resnet152-v2", "resnet152", TORCHVISION "resnet152-f82ba261.pth", "imagenet-v2", "17.72/4.00"},
    {"resnext50_32x4d", "resnext50_32x4d", TORCHVISION "resnext50_32x4d-7cdf4587.pth", "imagenet", "22.38/6.30"},
    {"resnext50_32x4d-v2", "resnext50_32x4d", TORCHVISION "resnext50_32x4d-1a0047aa.pth", "imagenet-v2", "18.80/4.66"},
    {"resnext101_32x8d", "resnext101_32x8d", TORCHVISION "resnext101_32x8d-8ba56ff5.pth", "imagenet", "20.69/5.47"},
    {"resnext101_32x8d-v2", "resnext101_32x8d", TORCHVISION "resnext101_32x8d-110c445d.pth", "imagenet-v2",
     "17.17/3.77"},
    {"resnext101_64x4d", "resnext101_64x4d", TORCHVISION "resnext101_64x4d-173b62eb.pth", "imagenet-v2", "16.75/3.55"},
    {"wide_resnet50_2", "wide_resnet50_2", TORCHVISION "wide_resnet50_2-95faca4d.pth", "imagenet", "21.53/5.91"},
    {"wide_resnet50_2-v2", "wide_resnet50_2", TORCHVISION "wide_resnet50_2-9ba9bcbe.pth", "imagenet-v2", "18.40/4.24"},
    {"wide_resnet101_2", "wide_resnet101_2", TORCHVISION "wide_resnet101_2-32ee1156.pth", "imagenet", "21.15/5.72"},
    {"wide_resnet101_2-v2", "wide_resnet101_2", TORCHVISION "wide_resnet101_2-d733dc28.pth", "imagenet-v2",
     "17.49/3.98"},
    {0}};

const published *published_find(const char *name)
{
    for (const published *p = published_weights; p->name; p++)
        if (!strcmp(p->name, name)) return p;
    return NULL;
}

static const char *file_of(const char *path)
{
    const char *slash = os_last_slash(path);
    return slash ? slash + 1 : path;
}

const published *published_of_file(const char *path)
{
    for (const published *p = published_weights; p->name; p++)
        if (!strcmp(file_of(p->url), file_of(path))) return p;
    return NULL;
}

char *pulled_folder(const char *model)
{
    char *folder;
    const char *cache = shunt_cache_folder();
    if (!cache) {
        say_library_failure(NULL);
        return NULL;
    }
    if (asprintf(&folder, "%s/weights/%s", cache, model) >= 0) return folder;
    say_failure("no memory");
    return NULL;
}

static bool is_part(const char *name)
{
    size_t length = strlen(name);
    return name[0] == '.' || (length > 5 && !strcmp(name + length - 5, ".part"));
}

char *pulled_find(const char *model)
{
    char *folder, *best = NULL;
    const char *cache = shunt_cache_folder();
    int64_t newest = 0;
    if (!cache || asprintf(&folder, "%s/weights/%s", cache, model) < 0) return NULL;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path;
        struct stat info;
        if (is_part(entry->d_name) || asprintf(&path, "%s/%s", folder, entry->d_name) < 0) continue;
        if (!stat(path, &info) && S_ISREG(info.st_mode) && (!best || os_modified(&info) > newest)) {
            free(best);
            best = path;
            newest = os_modified(&info);
        } else {
            free(path);
        }
    }
    if (dir) closedir(dir);
    free(folder);
    return best;
}

char *shipped_find(const char *model)
{
    char *path;
    if (model && strcmp(model, "resnet20")) return NULL;
    if (asprintf(&path, "%s/models/resnet20-cifar10.safetensors", shunt_data_folder()) < 0) return NULL;
    if (!access(path, R_OK)) return path;
    free(path);
    return NULL;
}
