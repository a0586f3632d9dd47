/* doctor_gpu_chain_posix.c - see doctor_gpu.h: for each GPU, the links of the chain from its kernel driver to OpenCL, and the command that
 * mends the one that is broken. */
#include "doctor_gpu.h"

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CHARS = 4096, NAME_CHARS = 64, ALL_GROUPS = 256 };

typedef struct maker {
    unsigned vendor;      /* of PCI; 0: the kernel driver tells it */
    const char *name;     /* as a person knows it */
    const char *words;    /* one of these stands in the names of its OpenCL devices, in lower case */
    const char *kernels;  /* the kernel drivers that its drivers of OpenCL work with */
    const char *module;   /* the one to load; NULL: it comes with the kernel */
    const char *firmware; /* the folder of the files without which the module does nothing; NULL: it needs none */
    const char *firmware_package;
    const char *libraries[4]; /* its drivers of OpenCL */
    const char *package;      /* the one to install */
    const char *rusticl;      /* what RUSTICL_ENABLE must name for Mesa's; NULL: another driver is the better one */
} maker;

static const maker makers[] = {
    {0x1002,
     "AMD",
     "amd radeon",
     "amdgpu radeon",
     "amdgpu",
     "amdgpu",
     "firmware-amd-graphics",
     {"libamdocl", "libMesaOpenCL", "libRusticlOpenCL"},
     "mesa-opencl-icd",
     "radeonsi"},
    {0x8086, "Intel", "intel", "i915 xe", "i915", NULL, NULL, {"libigdrcl"}, "intel-opencl-icd", NULL},
    {0x10de, "NVIDIA", "nvidia", "nvidia", "nvidia", NULL, NULL, {"libnvidia-opencl"}, "nvidia-opencl-icd", NULL},
    {0,
     "Arm Mali",
     "mali panfrost panthor",
     "panfrost panthor",
     NULL,
     NULL,
     NULL,
     {"libmali", "libRusticlOpenCL"},
     "mesa-opencl-icd",
     "panfrost"},
    {0,
     "Qualcomm Adreno",
     "adreno freedreno qualcomm",
     "msm msm_dpu adreno",
     NULL,
     NULL,
     NULL,
     {"libRusticlOpenCL"},
     "mesa-opencl-icd",
     "freedreno"},
};

typedef struct chain {
    const doctor_machine *machine;
    const char *root;
    const doctor_gpu *gpu;
    const maker *maker;
    const doctor_report *drivers;
    doctor_report *report;
    bool container;
    char about[192]; /* "AMD 1002:744c, kernel driver amdgpu" */
} chain;

/* ---- What is there ---- */

static void path_of(const chain *self, char path[PATH_CHARS], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void path_of(const chain *self, char path[PATH_CHARS], const char *format, ...)
{
    va_list args;
    const int n = snprintf(path, PATH_CHARS, "%.2000s", self->root);
    va_start(args, format);
    vsnprintf(path + n, PATH_CHARS - (size_t)n, format, args);
    va_end(args);
}

static bool exists(const chain *self, const char *place)
{
    char path[PATH_CHARS];
    path_of(self, path, "%s", place);
    return access(path, F_OK) == 0;
}

/* Whether one of the words, which blanks divide, is this one. */
static bool has_word(const char *words, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = words; *at;) {
        const size_t length = strcspn(at, " \n");
        if (n > 0 && length == n && !memcmp(at, word, n)) return true;
        at += length + (at[length] != 0);
    }
    return false;
}

static const maker *maker_of(const doctor_gpu *gpu)
{
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        if (gpu->vendor ? makers[i].vendor == gpu->vendor
                        : !makers[i].vendor && has_word(makers[i].kernels, gpu->kernel))
            return &makers[i];
    return NULL;
}

/* OpenCL lists a GPU of this maker. */
static bool is_listed(const chain *self, const char *const *devices)
{
    char word[NAME_CHARS];
    for (; devices && *devices; devices++)
        for (const char *at = self->maker->words; *at;) {
            const size_t length = strcspn(at, " ");
            snprintf(word, sizeof word, "%.*s", (int)length, at);
            if (strcasestr(*devices, word)) return true;
            at += length + (at[length] != 0);
        }
    return false;
}

/* A driver of OpenCL that can be loaded is in this library. */
static bool has_driver(const chain *self, const char *library)
{
    for (size_t i = 0; i < self->drivers->count; i++)
        if (self->drivers->items[i].loads && strstr(self->drivers->items[i].text, library)) return true;
    return false;
}

/* Whether a line of the file holds the text. */
static bool file_holds(const char *path, const char *text)
{
    char line[4096];
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) found = strstr(line, text) != NULL;
    if (file) fclose(file);
    return found;
}

static void problem(const chain *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void problem(const chain *self, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doctor_add(self->report, DOCTOR_PROBLEM, "gpu", self->gpu->address, "%s: %s", self->about, text);
}

/* What the container must be started with. */
static void fix_container(const chain *self, const char *more)
{
    if (self->maker->vendor == 0x10de)
        doctor_fix(self->report, "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE");
    else
        doctor_fix(self->report, "docker run --device /dev/dri%s%s IMAGE",
                   has_driver(self, "libamdocl") ? " --device /dev/kfd" : "", more);
}

/* ---- The kernel driver ---- */

/* "blacklist MODULE" in a file of modprobe's; its path, or false. */
static bool is_forbidden(const chain *self, char path[PATH_CHARS])
{
    char folder[PATH_CHARS], line[NAME_CHARS];
    struct dirent **names = NULL;
    bool found = false;
    path_of(self, folder, "/etc/modprobe.d");
    snprintf(line, sizeof line, "blacklist %s\n", self->maker->module);
    const int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (!found) {
            snprintf(path, PATH_CHARS, "%.3000s/%s", folder, names[i]->d_name);
            found = names[i]->d_name[0] != '.' && file_holds(path, line);
        }
        free(names[i]);
    }
    free(names);
    return found;
}

static void fix_boot_line(const chain *self)
{
    problem(self, "the kernel was started with nomodeset, so that no driver of it works; restart afterwards");
    doctor_fix(self->report, "sed -i 's/ *nomodeset//' /etc/default/grub && update-grub");
}

static bool is_started_without_modes(const chain *self)
{
    char path[PATH_CHARS];
    path_of(self, path, "/proc/cmdline");
    return file_holds(path, "nomodeset");
}

static bool lacks_firmware(const chain *self)
{
    char path[PATH_CHARS];
    if (!self->maker->firmware) return false;
    path_of(self, path, "/lib/firmware/%s", self->maker->firmware);
    return access(path, F_OK) != 0;
}

static bool kernel_is_right(const chain *self)
{
    const char *module = self->maker->module;
    char path[PATH_CHARS];
    if (has_word(self->maker->kernels, self->gpu->kernel)) return true;
    if (is_started_without_modes(self)) {
        fix_boot_line(self);
    } else if (is_forbidden(self, path)) {
        problem(self, "%s forbids its kernel driver %s", path, module);
        doctor_fix(self->report, "sed -i '/^blacklist %s$/d' %s && modprobe %s", module, path + strlen(self->root),
                   module);
    } else if (self->maker->vendor == 0x10de && !doctor_package_installed(self->root, "nvidia-driver")) {
        problem(self, "NVIDIA's kernel driver is needed (Debian's part non-free has it); restart afterwards");
        doctor_fix_by_package(self->report, self->root, "nvidia-driver");
    } else if (!strcmp(self->gpu->kernel, "nouveau")) {
        problem(self, "NVIDIA's kernel driver is installed, but nouveau is still in use");
        doctor_fix(self->report, "reboot");
    } else if (lacks_firmware(self)) {
        problem(self,
                "the firmware is missing that %s needs (Debian's part non-free-firmware has it); restart afterwards",
                module);
        doctor_fix_by_package(self->report, self->root, self->maker->firmware_package);
    } else {
        problem(self, "its kernel driver %s is not loaded", module);
        doctor_fix(self->report, "modprobe %s", module);
    }
    return false;
}

/* ---- The nodes, and the right to open them ---- */

typedef struct group_line {
    char name[NAME_CHARS], members[1024];
    unsigned id;
} group_line;

/* The line of /etc/group with this number, or with this name. */
static bool find_group(const chain *self, const char *name, unsigned id, group_line *out)
{
    char path[PATH_CHARS], line[2048];
    bool found = false;
    path_of(self, path, "/etc/group");
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        *out = (group_line){0};
        const int fields = sscanf(line, "%63[^:]:%*[^:]:%u:%1023[^\n]", out->name, &out->id, out->members);
        found = fields >= 2 && (name ? !strcmp(out->name, name) : out->id == id);
    }
    if (file) fclose(file);
    for (char *comma = out->members; found && (comma = strchr(comma, ','));) *comma = ' ';
    return found;
}

static const char *user_of(const chain *self)
{
    if (self->machine->user) return self->machine->user;
    const struct passwd *entry = getpwuid(geteuid());
    return entry ? entry->pw_name : "\"$(id -un)\"";
}

/* The process, which has the groups of when its user logged in. */
static bool is_in_group(const chain *self, unsigned id)
{
    gid_t groups[ALL_GROUPS];
    if (self->machine->user) {
        for (size_t i = 0; i < self->machine->ngroups; i++)
            if (self->machine->groups[i] == id) return true;
        return false;
    }
    const int count = getgroups(ALL_GROUPS, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == id) return true;
    return getegid() == id;
}

static doctor_node look(const char *path)
{
    struct stat about;
    if (stat(path, &about)) return (doctor_node){.there = false};
    return (doctor_node){true, access(path, R_OK | W_OK) == 0, (unsigned)about.st_mode & 07777, (unsigned)about.st_gid};
}

static void fix_rights(const chain *self, const char *place, doctor_node node)
{
    group_line group, render;
    const unsigned id = node.group;
    const bool named = find_group(self, NULL, id, &group) && id != 0;
    if (self->container) {
        char more[NAME_CHARS];
        snprintf(more, sizeof more, " --group-add %u", id);
        problem(self, "%s may not open %s, which belongs to group %u", user_of(self), place, id);
        fix_container(self, more);
    } else if (!named && !find_group(self, "render", 0, &render)) {
        problem(self, "%s may not open %s, and there is no group render; log in again afterwards", user_of(self),
                place);
        doctor_fix(self->report, "groupadd --system render && usermod -aG render %s && udevadm trigger", user_of(self));
    } else if (!named || (node.mode & 060) != 060) {
        problem(self, "%s may not open %s: its mode is %04o, its group %u", user_of(self), place, node.mode, id);
        doctor_fix(self->report, "udevadm trigger");
    } else if (has_word(group.members, user_of(self)) && !is_in_group(self, id)) {
        problem(self, "%s may not open %s before logging in again, or in this shell", user_of(self), place);
        doctor_fix(self->report, "newgrp %s", group.name);
    } else {
        problem(self, "%s may not open %s, which belongs to group %s; log in again afterwards", user_of(self), place,
                group.name);
        doctor_fix(self->report, "usermod -aG %s %s", group.name, user_of(self));
    }
}

/* False: it is not there. */
static bool examine_node(const chain *self, const char *place)
{
    char path[PATH_CHARS];
    path_of(self, path, "%s", place);
    const doctor_node node = self->machine->look ? self->machine->look(path) : look(path);
    if (node.there && !node.opens) fix_rights(self, place, node);
    return node.there;
}

static void examine_nvidia_nodes(const chain *self)
{
    if (examine_node(self, "/dev/nvidiactl") && examine_node(self, "/dev/nvidia0")) return;
    problem(self, "/dev/nvidiactl or /dev/nvidia0 is not there");
    if (self->container)
        fix_container(self, "");
    else
        doctor_fix(self->report, "nvidia-modprobe -c 0 -u");
}

static void examine_nodes(const chain *self)
{
    char place[NAME_CHARS];
    snprintf(place, sizeof place, "/dev/dri/%s", self->gpu->node[0] ? self->gpu->node : "renderD128");
    if (self->maker->vendor == 0x10de) {
        examine_nvidia_nodes(self);
        return;
    }
    if (!examine_node(self, place)) {
        if (!self->container && is_started_without_modes(self)) {
            fix_boot_line(self);
            return;
        }
        problem(self, "%s is not there", place);
        if (self->container)
            fix_container(self, "");
        else
            doctor_fix(self->report, "udevadm trigger");
    }
    if (!has_driver(self, "libamdocl") || examine_node(self, "/dev/kfd")) return;
    problem(self, "/dev/kfd, which ROCm's driver needs, is not there");
    if (self->container)
        fix_container(self, "");
    else
        doctor_fix(self->report, "modprobe amdgpu");
}

/* ---- The driver of OpenCL ---- */

/* NVIDIA's containers have the library, but often not the file that names it. */
static bool has_nvidia_library(const chain *self)
{
    static const char *const places[] = {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
                                         "/usr/lib", "/usr/local/nvidia/lib64"};
    char place[PATH_CHARS];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(place, sizeof place, "%s/libnvidia-opencl.so.1", places[i]);
        if (exists(self, place)) return true;
    }
    return false;
}

static void lacks_driver(const chain *self)
{
    const bool nvidia = self->maker->vendor == 0x10de;
    if (nvidia && has_nvidia_library(self)) {
        problem(self, "its driver of OpenCL is there, but /etc/OpenCL/vendors/nvidia.icd, which names it, is not");
        doctor_fix(self->report,
                   "mkdir -p /etc/OpenCL/vendors && echo libnvidia-opencl.so.1 >/etc/OpenCL/vendors/nvidia.icd");
    } else if (nvidia && self->container) {
        problem(self, "the container was started without its driver of OpenCL");
        fix_container(self, "");
    } else {
        problem(self, "it needs a driver of OpenCL");
        doctor_fix_by_package(self->report, self->root, self->maker->package);
    }
}

/* A loader that a variable sends elsewhere shows no driver that is installed; doctor_opencl says so. */
static bool is_sent_elsewhere(const chain *self)
{
    for (size_t i = 0; i < self->drivers->count; i++)
        if (self->drivers->items[i].state == DOCTOR_PROBLEM && !strcmp(self->drivers->items[i].kind, "variable"))
            return true;
    return false;
}

/* RUSTICL_ENABLE names Mesa's drivers, divided by commas. */
static void examine_rusticl(const chain *self)
{
    const char *wanted = self->maker->rusticl, *enabled = getenv("RUSTICL_ENABLE");
    if (!strcmp(self->gpu->kernel, "radeon")) wanted = "r600";
    if (!wanted || has_driver(self, "libamdocl") || has_driver(self, "libmali")) return;
    char names[512];
    snprintf(names, sizeof names, "%s", enabled ? enabled : "");
    for (char *at = names; *at; at++)
        if (*at == ',' || *at == ':') *at = ' ';
    if (has_word(names, wanted)) return;
    problem(self, "Mesa's driver rusticl is used for it if RUSTICL_ENABLE names %s", wanted);
    doctor_fix(self->report, "export RUSTICL_ENABLE=%s%s%s", enabled ? enabled : "", enabled && *enabled ? "," : "",
               wanted);
}

static void examine_driver(const chain *self)
{
    bool found = false;
    for (const char *const *library = self->maker->libraries; *library; library++) found |= has_driver(self, *library);
    if (!found && is_sent_elsewhere(self) && doctor_package_installed(self->root, self->maker->package)) return;
    if (!found) lacks_driver(self);
    examine_rusticl(self);
}

/* ---- The whole chain ---- */

static void describe(chain *self)
{
    const doctor_gpu *gpu = self->gpu;
    char number[32] = "";
    if (gpu->vendor) snprintf(number, sizeof number, " %04x:%04x", gpu->vendor, gpu->device);
    snprintf(self->about, sizeof self->about, "%s%s, %s%s", self->maker ? self->maker->name : "GPU", number,
             gpu->kernel[0] ? "kernel driver " : "no kernel driver", gpu->kernel);
}

static void examine_gpu(chain *self, const char *const *devices)
{
    const size_t before = self->report->count;
    describe(self);
    if (!self->maker || !strcmp(self->gpu->kernel, "vfio-pci")) {
        doctor_add(self->report, DOCTOR_NOTE, "gpu", self->gpu->address, "%s: %s", self->about,
                   self->maker ? "it is given to a virtual machine" : "no driver of OpenCL is known for it");
        return;
    }
    if (is_listed(self, devices)) {
        doctor_add(self->report, DOCTOR_GOOD, "gpu", self->gpu->address, "%s: OpenCL lists it", self->about);
        return;
    }
    if (kernel_is_right(self)) examine_nodes(self);
    examine_driver(self);
    if (self->report->count > before || is_sent_elsewhere(self)) return;
    if (devices)
        problem(self, "all is there, but OpenCL does not list it; the kernel's log (dmesg) and clinfo may say why");
    else
        doctor_add(self->report, DOCTOR_GOOD, "gpu", self->gpu->address, "%s: all is there that OpenCL needs",
                   self->about);
}

void doctor_examine_gpus(const doctor_machine *machine, const doctor_gpus *gpus, const doctor_report *drivers,
                         const char *const *devices, doctor_report *out)
{
    *out = (doctor_report){0};
    chain self = {.machine = machine, .root = machine->root ? machine->root : "", .drivers = drivers, .report = out};
    self.container = exists(&self, "/.dockerenv") || exists(&self, "/run/.containerenv");
    for (size_t i = 0; i < gpus->count; i++) {
        self.gpu = &gpus->list[i];
        self.maker = maker_of(self.gpu);
        examine_gpu(&self, devices);
    }
}
