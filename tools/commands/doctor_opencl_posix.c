/* doctor_opencl_posix.c - explains why OpenCL shows the devices that it shows. Knows the two loaders (ocl-icd, which Debian has,
 * and Khronos') by the environment variables that they read, since these are what users set in vain. No OpenCL header,
 * and no driver in this process: every library is loaded in a child of its own. */
#include "doctor_opencl.h"

#include "lib/isolate.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_CHARS = 1024, PATH_CHARS = 4096 };

/* Variables that change where a loader looks. */
enum { FILENAMES, VENDORS, VENDOR_PATH, LAYERS, NVARIABLES };
static const char *const variables[NVARIABLES] = {"OCL_ICD_FILENAMES", "OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH",
                                                  "OPENCL_LAYERS"};

typedef struct doctor {
    doctor_report *report;
    bool reads[NVARIABLES]; /* by the loader */
    bool loader, gpu;
    const char *root, *vendors; /* the folder, the root before it */
    int seconds, ndrivers;
} doctor;

/* The Debian package of a library, or NULL. */
static const char *package_of(const char *library)
{
    static const char *const packages[][2] = {
        {"libOpenCL.so", "ocl-icd-libopencl1"},
        {"libclblast", "libclblast1"},
        {"libpocl", "pocl-opencl-icd"},
        {"libMesaOpenCL", "mesa-opencl-icd"},
        {"libRusticlOpenCL", "mesa-opencl-icd"},
        {"libigdrcl", "intel-opencl-icd"},
        {"libnvidia-opencl", "nvidia-opencl-icd"},
    };
    const char *slash = strrchr(library, '/'), *file = slash ? slash + 1 : library;
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++)
        if (!strncmp(file, packages[i][0], strlen(packages[i][0]))) return packages[i][1];
    return NULL;
}

/* The loading error begins with the file that is missing: the library itself, or one that it needs. */
static const char *package_for(const char *error, const char *library)
{
    char missing[256];
    snprintf(missing, sizeof missing, "%.*s", (int)strcspn(error, ":"), error);
    const char *package = package_of(missing);
    return package ? package : package_of(library);
}

/* ---- In the child ---- */

/* Before the reason why a library cannot be loaded; other reasons, such as a crash, begin otherwise. */
enum { UNLOADABLE = 1 };

static void *symbol_of(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, size);
    return symbol;
}

static void *load(const char *name, char *text, size_t size)
{
    void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL); /* as the loaders do it */
    const char *error = library ? NULL : dlerror();
    if (!library) snprintf(text, size, "%c%s", UNLOADABLE, error ? error : "it cannot be loaded");
    return library;
}

/* Where the library is. */
static bool load_library(const void *name, char *text, size_t size)
{
    struct link_map *map = NULL;
    void *library = load(name, text, size);
    if (!library) return false;
    bool known = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name[0];
    snprintf(text, size, "%s", known ? map->l_name : (const char *)name);
    return true;
}

/* A driver exports clIcdGetPlatformIDsKHR, or clGetExtensionFunctionAddress finds it. That function lists the driver's platforms. */
static bool load_driver(const void *name, char *text, size_t size)
{
    int32_t (*platforms)(uint32_t, void **, uint32_t *) = NULL;
    void *(*extension)(const char *) = NULL;
    void *library = load(name, text, size);
    if (!library) return false;
    if (!symbol_of(library, "clIcdGetPlatformIDsKHR", &platforms, sizeof platforms) &&
        symbol_of(library, "clGetExtensionFunctionAddress", &extension, sizeof extension)) {
        void *found = extension("clIcdGetPlatformIDsKHR");
        memcpy(&platforms, &found, sizeof platforms);
    }
    if (!platforms) {
        snprintf(text, size, "it is not an OpenCL driver: it has no clIcdGetPlatformIDsKHR");
        return false;
    }
    uint32_t count = 0;
    int32_t code = platforms(0, NULL, &count);
    if (code == 0 && count > 0)
        snprintf(text, size, "it loads and has %u platform%s", count, count == 1 ? "" : "s");
    else
        snprintf(text, size, "it loads but finds no platform (code %d): no hardware of its kind, or no right to use it",
                 code);
    return code == 0 && count > 0;
}

/* ---- A library that is needed ---- */

typedef enum outcome { WORKS, LOADS, LOADS_NOT } outcome;

/* In a child. text gets the finding. */
static outcome try_out(const doctor *self, isolated_work work, const char *library, char text[TEXT_CHARS])
{
    if (isolate(work, library, self->seconds, text, TEXT_CHARS)) return WORKS;
    if (text[0] != UNLOADABLE) return LOADS;
    memmove(text, text + 1, strlen(text));
    return LOADS_NOT;
}

static void examine_library(doctor *self, const char *kind, const char *name)
{
    char text[TEXT_CHARS];
    const outcome found = try_out(self, load_library, name, text);
    doctor_add(self->report, found == WORKS ? DOCTOR_GOOD : DOCTOR_PROBLEM, kind, name, "%s", text);
    if (found == LOADS_NOT) doctor_fix_by_package(self->report, self->root, package_for(text, name));
}

/* ---- The loader ---- */

/* The names in a library's file show which variables it reads. */
static void find_variables(doctor *self, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    void *bytes = MAP_FAILED;
    if (file >= 0 && !fstat(file, &about) && about.st_size > 0)
        bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    for (int v = 0; bytes != MAP_FAILED && v < NVARIABLES; v++)
        self->reads[v] = memmem(bytes, (size_t)about.st_size, variables[v], strlen(variables[v]) + 1) != NULL;
    if (bytes != MAP_FAILED) munmap(bytes, (size_t)about.st_size);
    if (file >= 0) close(file);
}

static void examine_loader(doctor *self, const char *name)
{
    char path[TEXT_CHARS], reads[256] = "no variable";
    self->loader = try_out(self, load_library, name, path) == WORKS;
    if (!self->loader) {
        examine_library(self, "loader", name);
        self->reads[VENDORS] = self->reads[VENDOR_PATH] = self->reads[LAYERS] = true; /* as Debian's would */
        return;
    }
    find_variables(self, path);
    for (int v = 0, used = 0; v < NVARIABLES; v++)
        if (self->reads[v])
            used += snprintf(reads + used, sizeof reads - (size_t)used, "%s%s", used ? ", " : "", variables[v]);
    const char *maker = self->reads[VENDOR_PATH] ? "ocl-icd" : self->reads[FILENAMES] ? "Khronos' loader" : "a loader";
    doctor_add(self->report, DOCTOR_GOOD, "loader", name, "%s: %s, which reads %s", path, maker, reads);
}

/* The value of a variable that is set and not empty, if the loader reads it. */
static const char *setting(const doctor *self, int variable)
{
    const char *value = self->reads[variable] ? getenv(variables[variable]) : NULL;
    return value && *value ? value : NULL;
}

static void examine_variables(doctor *self)
{
    for (int v = 0; v < NVARIABLES; v++) {
        char subject[TEXT_CHARS];
        const char *value = getenv(variables[v]);
        if (!value || !*value) continue;
        snprintf(subject, sizeof subject, "%s=%s", variables[v], value);
        if (self->reads[v]) {
            doctor_add(self->report, DOCTOR_NOTE, "variable", subject, "it changes what the loader sees");
            continue;
        }
        doctor_add(self->report, DOCTOR_PROBLEM, "variable", subject, "this loader does not read it; use %s instead",
                   self->reads[VENDORS] ? variables[VENDORS] : "the ICD folder");
        doctor_fix(self->report, "unset %s", variables[v]);
    }
}

/* ---- Drivers ---- */

/* A driver whose library is missing or broken is installed; what no package brings is switched off: the loaders read *.icd alone. */
static void fix_driver(doctor *self, bool icd, const char *path, const char *library, const char *error)
{
    char from[PATH_CHARS];
    const char *package = package_for(error, library);
    const bool installed = package && doctor_package_installed(self->root, package);
    if (package && (!installed || !icd || doctor_package_owns(self->root, package, path)))
        doctor_fix_by_package(self->report, self->root, package);
    else if (icd)
        doctor_fix(self->report, "mv %s %s.off", doctor_quoted(path, from, sizeof from), from);
}

static void examine_driver(doctor *self, const char *kind, const char *subject, const char *library)
{
    char text[TEXT_CHARS];
    const outcome found = try_out(self, load_driver, library, text);
    const bool hardware =
        found == LOADS && strstr(text, "finds no platform"); /* of another kind than its own: no fault */
    self->ndrivers += found == WORKS;
    doctor_add(self->report,
               found == WORKS ? DOCTOR_GOOD
               : hardware     ? DOCTOR_NOTE
                              : DOCTOR_PROBLEM,
               kind, subject, "%s: %s", library, text);
    if (!self->report->failed) self->report->items[self->report->count - 1].loads = found != LOADS_NOT;
    if (found == LOADS_NOT || (found == LOADS && !hardware))
        fix_driver(self, !strcmp(kind, "icd"), subject, library, found == LOADS_NOT ? text : "");
    if (found == WORKS && strstr(library, "libRusticlOpenCL") && !getenv("RUSTICL_ENABLE"))
        doctor_add(self->report, DOCTOR_NOTE, kind, subject,
                   "rusticl shows no device unless RUSTICL_ENABLE names Mesa drivers, as in RUSTICL_ENABLE=llvmpipe");
}

/* The library that an ICD file names: its first line. False with the reason. */
static bool read_icd(const char *path, char *library, size_t size, const char **reason)
{
    *reason = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    ssize_t n = -1;
    if (file < 0 || fstat(file, &about))
        *reason = strerror(errno);
    else if (!S_ISREG(about.st_mode))
        *reason = "it is not a regular file";
    else if ((n = read(file, library, size - 1)) < 0)
        *reason = strerror(errno);
    if (file >= 0) close(file);
    if (*reason) return false;
    library[n] = 0;
    library[strcspn(library, "\r\n")] = 0;
    size_t end = strlen(library);
    while (end > 0 && (library[end - 1] == ' ' || library[end - 1] == '\t')) library[--end] = 0;
    if (end == 0) *reason = "its first line names no library";
    return end > 0;
}

static void refuse_icd(doctor *self, const char *path, const char *reason)
{
    char from[PATH_CHARS];
    doctor_add(self->report, DOCTOR_PROBLEM, "icd", path, "%s", reason);
    doctor_fix(self->report, "mv %s %s.off", doctor_quoted(path, from, sizeof from), from);
}

static void examine_icd(doctor *self, const char *path)
{
    char library[PATH_CHARS];
    const char *reason;
    if (read_icd(path, library, sizeof library, &reason))
        examine_driver(self, "icd", path, library);
    else
        refuse_icd(self, path, reason);
}

static int is_icd(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && !strcmp(entry->d_name + n - 4, ".icd");
}

static void examine_folder(doctor *self, const char *folder)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_icd, alphasort);
    if (count < 0)
        doctor_add(self->report, DOCTOR_PROBLEM, "folder", folder, "%s", strerror(errno));
    else
        doctor_add(self->report, count ? DOCTOR_GOOD : DOCTOR_PROBLEM, "folder", folder, "%d ICD file%s", count,
                   count == 1 ? "" : "s");
    for (int i = 0; i < count; i++) {
        char path[PATH_CHARS];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]->d_name);
        examine_icd(self, path);
        free(files[i]);
    }
    free(files);
}

static bool is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* OCL_ICD_VENDORS as ocl-icd reads it: a folder, else an ICD file, looked for in the folder first, else a library. */
static void examine_vendors(doctor *self, const char *folder, const char *vendors)
{
    char path[PATH_CHARS];
    size_t n = strlen(vendors);
    if (is_folder(vendors)) {
        examine_folder(self, vendors);
    } else if (n > 4 && !strcmp(vendors + n - 4, ".icd")) {
        snprintf(path, sizeof path, "%.3000s/%.1000s", folder, vendors);
        bool inside = !strchr(vendors, '/') && access(path, F_OK) == 0;
        examine_icd(self, inside ? path : vendors);
    } else {
        examine_driver(self, "driver", vendors, vendors);
    }
}

/* OCL_ICD_FILENAMES: drivers, colon-separated, before those of the folder (Khronos' loader). */
static void examine_filenames(doctor *self, const char *filenames)
{
    char *list = strdup(filenames), *rest = list;
    if (!list) self->report->failed = true;
    for (char *library; list && (library = strsep(&rest, ":"));)
        if (*library) examine_driver(self, "driver", library, library);
    free(list);
}

static bool has_icds(const char *folder)
{
    struct dirent **files = NULL;
    const int count = scandir(folder, &files, is_icd, alphasort);
    for (int i = 0; i < count; i++) free(files[i]);
    free(files);
    return count > 0;
}

/* A variable that leads to no driver is to blame. On a machine without drivers and without a GPU, the one that runs on any processor is
 * advised. */
static void no_driver(doctor *self)
{
    const bool hidden = has_icds(self->vendors);
    bool blamed = false;
    for (int v = FILENAMES; v <= VENDOR_PATH; v++) {
        if (!setting(self, v)) continue;
        doctor_add(self->report, DOCTOR_PROBLEM, "variable", variables[v], "it leads to no driver that works%s%s",
                   hidden ? "; there are some in " : "", hidden ? self->vendors : "");
        doctor_fix(self->report, "unset %s", variables[v]);
        blamed = true;
    }
    if (blamed && hidden) return;
    doctor_add(self->report, DOCTOR_PROBLEM, "driver", "OpenCL",
               "no driver works: pocl-opencl-icd runs on any processor, mesa-opencl-icd and the makers' own on GPUs");
    if (!self->gpu) doctor_fix_by_package(self->report, self->root, "pocl-opencl-icd");
}

static void examine_drivers(doctor *self)
{
    const char *path = setting(self, VENDOR_PATH), *vendors = setting(self, VENDORS);
    const char *filenames = setting(self, FILENAMES), *folder = path ? path : self->vendors;
    if (filenames) examine_filenames(self, filenames);
    if (vendors && self->reads[VENDOR_PATH])
        examine_vendors(self, folder, vendors);
    else
        examine_folder(self, vendors ? vendors : folder);
    if (self->ndrivers == 0) no_driver(self);
}

void doctor_opencl(const doctor_opencl_options *options, doctor_report *out)
{
    static const doctor_opencl_options defaults;
    char vendors[PATH_CHARS];
    if (!options) options = &defaults;
    *out = (doctor_report){0};
    doctor self = {.report = out,
                   .gpu = options->gpu,
                   .root = options->root ? options->root : "",
                   .vendors = options->vendors ? options->vendors : vendors,
                   .seconds = options->seconds ? options->seconds : 10};
    snprintf(vendors, sizeof vendors, "%.4000s/etc/OpenCL/vendors", self.root);
    examine_loader(&self, options->loader ? options->loader : "libOpenCL.so.1");
    examine_variables(&self);
    examine_drivers(&self);
    examine_library(&self, "library", options->clblast ? options->clblast : "libclblast.so.1");
}
