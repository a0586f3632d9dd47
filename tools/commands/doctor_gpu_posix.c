/* doctor_gpu_posix.c - see doctor_gpu.h: finds GPUs in /sys. What is wrong with them: doctor_gpu_chain_posix.c. */
#include "doctor_gpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_CHARS = 4096 };

/* A number in hexadecimal; 0: there is no such file. */
static unsigned long read_number(const char *folder, const char *name)
{
    char path[PATH_CHARS], line[32] = "";
    snprintf(path, sizeof path, "%.3500s/%.500s", folder, name);
    FILE *file = fopen(path, "re");
    if (file && !fgets(line, sizeof line, file)) line[0] = 0;
    if (file) fclose(file);
    return strtoul(line, NULL, 16);
}

/* The last part of what a link leads to; "": it is none. */
static void read_link(const char *folder, const char *name, char *text, size_t size)
{
    char path[PATH_CHARS], target[PATH_CHARS];
    snprintf(path, sizeof path, "%.3500s/%.500s", folder, name);
    const ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(text, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

static int is_render_node(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "renderD", 7);
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int list_names(const char *folder, int (*which)(const struct dirent *), struct dirent ***names)
{
    *names = NULL;
    const int count = scandir(folder, names, which, alphasort);
    return count > 0 ? count : 0;
}

static void free_names(struct dirent **names, int count)
{
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
}

static void find_node(const char *folder, doctor_gpu *gpu)
{
    char path[PATH_CHARS];
    struct dirent **names;
    snprintf(path, sizeof path, "%.3500s/drm", folder);
    const int count = list_names(path, is_render_node, &names);
    if (count > 0) snprintf(gpu->node, sizeof gpu->node, "%.31s", names[0]->d_name);
    free_names(names, count);
}

/* Display controllers (class 3), and accelerators (0x12) by those who make GPUs: AMD's and NVIDIA's for servers are some. */
static void find_on_pci(const char *root, doctor_gpus *out)
{
    char folder[PATH_CHARS], device[PATH_CHARS];
    struct dirent **names;
    snprintf(folder, sizeof folder, "%s/sys/bus/pci/devices", root);
    const int count = list_names(folder, is_name, &names);
    for (int i = 0; i < count && out->count < DOCTOR_GPUS; i++) {
        snprintf(device, sizeof device, "%.3000s/%s", folder, names[i]->d_name);
        const unsigned long class = read_number(device, "class") >> 16, vendor = read_number(device, "vendor");
        if (class != 0x03 && (class != 0x12 || (vendor != 0x1002 && vendor != 0x10de))) continue;
        doctor_gpu *gpu = &out->list[out->count++];
        *gpu = (doctor_gpu){.vendor = (unsigned)vendor, .device = (unsigned)read_number(device, "device")};
        snprintf(gpu->address, sizeof gpu->address, "%.31s", names[i]->d_name);
        read_link(device, "driver", gpu->kernel, sizeof gpu->kernel);
        find_node(device, gpu);
    }
    free_names(names, count);
}

/* GPUs of ARM boards are found by their nodes; those on PCI, which have a vendor, are listed already. */
static void find_on_board(const char *root, doctor_gpus *out)
{
    char folder[PATH_CHARS], device[PATH_CHARS];
    struct dirent **names;
    snprintf(folder, sizeof folder, "%s/sys/class/drm", root);
    const int count = list_names(folder, is_render_node, &names);
    for (int i = 0; i < count && out->count < DOCTOR_GPUS; i++) {
        snprintf(device, sizeof device, "%.3000s/%.255s/device", folder, names[i]->d_name);
        if (read_number(device, "vendor")) continue;
        doctor_gpu *gpu = &out->list[out->count++];
        *gpu = (doctor_gpu){0};
        snprintf(gpu->address, sizeof gpu->address, "%.31s", names[i]->d_name);
        snprintf(gpu->node, sizeof gpu->node, "%.31s", names[i]->d_name);
        read_link(device, "driver", gpu->kernel, sizeof gpu->kernel);
    }
    free_names(names, count);
}

void doctor_find_gpus(const doctor_machine *machine, doctor_gpus *out)
{
    const char *root = machine->root ? machine->root : "";
    *out = (doctor_gpus){0};
    find_on_pci(root, out);
    find_on_board(root, out);
}
