/* doctor_setups.c - broken machines, each a folder of its own with /sys, /dev, /etc and the like, and the command that shunt doctor says
 * for each. docs/doctor.md has them as a table, which this compares. */
#include "tests/support/device_setup.h"
#include "tools/commands/doctor_gpu.h"
#include "tools/commands/doctor_opencl.h"
#include "tools/commands/doctor_settings.h"

enum { LINES = 12, TEXT_CHARS = 2048 };

/* Lines of a set-up:
 *   gpu VENDOR:DEVICE KERNEL NODE     a GPU on PCI; "-" for no kernel driver, no node
 *   board KERNEL                      a GPU that is on no PCI bus
 *   open PATH                         a node, or any other empty file
 *   closed PATH MODE GROUP            a node that the user, alice, may not open
 *   groups GROUP                      one that her process has
 *   text PATH=CONTENT                 a file
 *   has PACKAGE                       it is installed
 *   driver NAME=LIBRARY               an ICD file for a driver that works, of this name
 *   icd NAME=TEXT                     an ICD file
 *   set NAME=VALUE                    a variable of the environment
 *   lists TEXT                        OpenCL lists this GPU
 * %s: the folder that is the machine's root. */
typedef struct setup {
    const char *name, *fix; /* all commands, divided by " && " */
    const char *lines[LINES];
} setup;

static struct {
    char path[SETUP_PATH_CHARS * 2];
    unsigned mode, group;
} closed[2];
static unsigned group_of_process;
static char packages[1024];
static const char *listed[2];

/* ---- Building a machine ---- */

static void make_parents(const char *place)
{
    char path[SETUP_PATH_CHARS];
    snprintf(path, sizeof path, "%s", place);
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        mkdir(in_folder(path), 0755);
        *slash = '/';
    }
}

static void put(const char *place, const char *text)
{
    make_parents(place);
    write_file(place, text, strlen(text));
}

static void put_link(const char *place, const char *target)
{
    make_parents(place);
    cr_assert_eq(symlink(target, in_folder(place)), 0);
}

static void put_gpu(const char *line)
{
    static int count;
    unsigned vendor, device;
    char kernel[32], node[32], place[256], text[32];
    cr_assert_eq(sscanf(line, "%x:%x %31s %31s", &vendor, &device, kernel, node), 4, "%s", line);
    const int at = snprintf(place, sizeof place, "sys/bus/pci/devices/0000:%02d:00.0/", 3 + count++);
    snprintf(place + at, sizeof place - (size_t)at, "class");
    put(place, "0x030000\n");
    snprintf(place + at, sizeof place - (size_t)at, "vendor");
    snprintf(text, sizeof text, "0x%04x\n", vendor);
    put(place, text);
    snprintf(place + at, sizeof place - (size_t)at, "device");
    snprintf(text, sizeof text, "0x%04x\n", device);
    put(place, text);
    snprintf(place + at, sizeof place - (size_t)at, "driver");
    snprintf(text, sizeof text, "../drivers/%.16s", kernel);
    if (kernel[0] != '-') put_link(place, text);
    snprintf(place + at, sizeof place - (size_t)at, "drm/%s/dev", node);
    if (node[0] != '-') put(place, "226:128\n");
}

static void put_board(const char *kernel)
{
    char target[64];
    put("sys/devices/platform/gpu/uevent", "");
    put_link("sys/class/drm/renderD128/device", "../../../devices/platform/gpu");
    snprintf(target, sizeof target, "../drivers/%s", kernel);
    put_link("sys/devices/platform/gpu/driver", target);
}

enum { NAME_CHARS = 128, VALUE_CHARS = 1024 };

/* "NAME=VALUE"; %s in the value is the root. */
static void cut(const char *line, char name[NAME_CHARS], char value[VALUE_CHARS])
{
    const char *is = strchr(line, '='), *root = strstr(is, "%s");
    snprintf(name, NAME_CHARS, "%.*s", (int)(is - line), line);
    if (root)
        snprintf(value, VALUE_CHARS, "%.*s%s%s", (int)(root - is - 1), is + 1, setup_folder, root + 2);
    else
        snprintf(value, VALUE_CHARS, "%s", is + 1);
}

static void put_text(const char *line)
{
    char place[NAME_CHARS], value[VALUE_CHARS], text[VALUE_CHARS + 1];
    cut(line, place, value);
    snprintf(text, sizeof text, "%s\n", value);
    put(place, text);
}

static void put_driver(const char *line)
{
    char place[128], text[1024];
    const char *is = strchr(line, '=');
    snprintf(place, sizeof place, "lib/%s", is + 1);
    put_link(place, TEST_DRIVERS "/icd_good.so");
    snprintf(place, sizeof place, "etc/OpenCL/vendors/%.*s", (int)(is - line), line);
    snprintf(text, sizeof text, "%s/lib/%s\n", setup_folder, is + 1);
    put(place, text);
}

static void set_variable(const char *line)
{
    char name[NAME_CHARS], value[VALUE_CHARS];
    cut(line, name, value);
    cr_assert_eq(setenv(name, value, 1), 0);
}

static void put_package(const char *name)
{
    const size_t n = strlen(packages);
    snprintf(packages + n, sizeof packages - n, "Package: %s\nStatus: install ok installed\n\n", name);
}

static void put_closed(const char *line)
{
    char place[128];
    const size_t which = closed[0].path[0] != 0;
    cr_assert_eq(sscanf(line, "%127s %o %u", place, &closed[which].mode, &closed[which].group), 3, "%s", line);
    put(place, "");
    snprintf(closed[which].path, sizeof closed[which].path, "%s", in_folder(place));
}

static bool begins(const char *line, const char *word, const char **rest)
{
    const size_t n = strlen(word);
    *rest = line + n + 1;
    return !strncmp(line, word, n) && line[n] == ' ';
}

static void build_line(const char *line)
{
    const char *rest;
    if (begins(line, "gpu", &rest)) {
        put_gpu(rest);
    } else if (begins(line, "board", &rest)) {
        put_board(rest);
    } else if (begins(line, "open", &rest)) {
        put(rest, "");
    } else if (begins(line, "closed", &rest)) {
        put_closed(rest);
    } else if (begins(line, "groups", &rest)) {
        group_of_process = (unsigned)strtoul(rest, NULL, 10);
    } else if (begins(line, "text", &rest)) {
        put_text(rest);
    } else if (begins(line, "has", &rest)) {
        put_package(rest);
    } else if (begins(line, "driver", &rest)) {
        put_driver(rest);
    } else if (begins(line, "icd", &rest)) {
        char text[256];
        snprintf(text, sizeof text, "etc/OpenCL/vendors/%s", rest);
        put_text(text);
    } else if (begins(line, "set", &rest)) {
        set_variable(rest);
    } else if (begins(line, "lists", &rest)) {
        listed[0] = rest;
    } else {
        cr_assert_fail("no such line: %s", line);
    }
}

static void build(const setup *s)
{
    static const char *const unset[] = {"OCL_ICD_VENDORS", "OCL_ICD_FILENAMES", "OPENCL_VENDOR_PATH", "OPENCL_LAYERS",
                                        "RUSTICL_ENABLE",  "XDG_CACHE_HOME",    "SHUNT_CACHE_DIR"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++) unsetenv(unset[i]);
    packages[0] = 0;
    memset(closed, 0, sizeof closed);
    group_of_process = 0;
    listed[0] = NULL;
    make_folder();
    cr_assert_eq(setenv("HOME", setup_folder, 1), 0);
    put_package("libc6");
    mkdir(in_folder("etc"), 0755);
    mkdir(in_folder("etc/OpenCL"), 0755);
    mkdir(in_folder("etc/OpenCL/vendors"), 0755);
    mkdir(in_folder("lib"), 0755);
    for (const char *const *line = s->lines; *line; line++) build_line(*line);
    put("var/lib/dpkg/status", packages);
}

/* ---- The examination ---- */

static doctor_node look(const char *path)
{
    for (size_t i = 0; i < 2; i++)
        if (!strcmp(path, closed[i].path)) return (doctor_node){true, false, closed[i].mode, closed[i].group};
    return (doctor_node){.there = access(path, F_OK) == 0, .opens = true};
}

static void note_findings(const doctor_report *report, char *said)
{
    for (size_t i = 0; i < report->count; i++) {
        const size_t n = strlen(said);
        snprintf(said + n, 8 * TEXT_CHARS - n, "%s %s %s: %s\n", doctor_state_name(report->items[i].state),
                 report->items[i].kind, report->items[i].subject, report->items[i].text);
    }
}

/* As examine() of doctor.c, but for the plugin, which is fine here. */
static void diagnose(const char *loader, const char *clblast, char fixes[TEXT_CHARS], char said[8 * TEXT_CHARS])
{
    doctor_report reports[3] = {0};
    const doctor_report *all[] = {&reports[0], &reports[1], &reports[2]};
    const doctor_machine machine = {
        .root = setup_folder, .user = "alice", .groups = &group_of_process, .ngroups = 1, .look = look};
    doctor_remedy remedy;
    doctor_gpus gpus;
    doctor_find_gpus(&machine, &gpus);
    const doctor_opencl_options options = {
        .root = setup_folder, .loader = loader, .clblast = clblast, .seconds = 5, .gpu = gpus.count > 0};
    doctor_opencl(&options, &reports[1]);
    doctor_examine_gpus(&machine, &gpus, &reports[1], listed, &reports[0]);
    doctor_examine_cache(&reports[2]);
    doctor_prescribe(setup_folder, all, 3, &remedy);
    fixes[0] = said[0] = 0;
    for (size_t i = 0; i < 3; i++) {
        cr_assert(!reports[i].failed);
        note_findings(&reports[i], said);
        doctor_report_free(&reports[i]);
    }
    for (size_t i = 0; i < remedy.count; i++) {
        const size_t n = strlen(fixes);
        snprintf(fixes + n, TEXT_CHARS - n, "%s%s", i ? " && " : "", remedy.commands[i]);
    }
    doctor_remedy_free(&remedy);
}

/* ---- The set-ups ---- */

#define AMD "gpu 1002:744c amdgpu renderD128"
#define INTEL "gpu 8086:56a0 i915 renderD128"
#define NVIDIA "gpu 10de:2684 nvidia renderD128"
#define NODE "open dev/dri/renderD128"
#define NVIDIA_NODES "open dev/nvidiactl", "open dev/nvidia0"
#define RUSTICL "driver rusticl.icd=libRusticlOpenCL.so.1", "has mesa-opencl-icd"
#define POCL "driver pocl.icd=libpocl.so.2.10.0", "has pocl-opencl-icd"

static const setup setups[] = {
    {"AMD, firmware not installed",
     "apt-get install firmware-amd-graphics",
     {"gpu 1002:744c - -", RUSTICL, "set RUSTICL_ENABLE=radeonsi"}},
    {"AMD, kernel driver not loaded",
     "modprobe amdgpu",
     {"gpu 1002:744c - -", "open lib/firmware/amdgpu/gc.bin", RUSTICL, "set RUSTICL_ENABLE=radeonsi"}},
    {"AMD, kernel driver forbidden",
     "sed -i '/^blacklist amdgpu$/d' /etc/modprobe.d/mine.conf && modprobe amdgpu",
     {"gpu 1002:744c - -", "text etc/modprobe.d/mine.conf=blacklist amdgpu", RUSTICL, "set RUSTICL_ENABLE=radeonsi"}},
    {"Intel, kernel driver not loaded",
     "modprobe i915",
     {"gpu 8086:56a0 - -", "driver intel.icd=libigdrcl.so", "has intel-opencl-icd"}},
    {"Intel, kernel started with nomodeset",
     "sed -i 's/ *nomodeset//' /etc/default/grub && update-grub",
     {"gpu 8086:56a0 - -", "text proc/cmdline=BOOT_IMAGE=/vmlinuz root=/dev/sda1 nomodeset",
      "driver intel.icd=libigdrcl.so", "has intel-opencl-icd"}},
    {"NVIDIA, nouveau in place of the maker's driver",
     "apt-get install nvidia-driver nvidia-opencl-icd",
     {"gpu 10de:2684 nouveau renderD128", NODE}},
    {"NVIDIA, the maker's driver not in use yet",
     "reboot",
     {"gpu 10de:2684 nouveau renderD128", NODE, "has nvidia-driver", "driver nvidia.icd=libnvidia-opencl.so.1"}},
    {"NVIDIA, no nodes", "nvidia-modprobe -c 0 -u", {NVIDIA, "driver nvidia.icd=libnvidia-opencl.so.1"}},
    {"NVIDIA, no driver of OpenCL", "apt-get install nvidia-opencl-icd", {NVIDIA, NVIDIA_NODES}},
    {"container, NVIDIA's driver without nvidia.icd",
     "mkdir -p /etc/OpenCL/vendors && echo libnvidia-opencl.so.1 >/etc/OpenCL/vendors/nvidia.icd",
     {"open .dockerenv", NVIDIA, NVIDIA_NODES, "open usr/lib/x86_64-linux-gnu/libnvidia-opencl.so.1"}},
    {"container without NVIDIA's GPU",
     "docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility IMAGE",
     {"open .dockerenv", NVIDIA}},
    {"container without /dev/dri",
     "docker run --device /dev/dri IMAGE",
     {"open run/.containerenv", AMD, RUSTICL, "set RUSTICL_ENABLE=radeonsi"}},
    {"container without ROCm's node",
     "docker run --device /dev/dri --device /dev/kfd IMAGE",
     {"open .dockerenv", AMD, NODE, "driver amdocl64.icd=libamdocl64.so"}},
    {"container, group of the node unknown",
     "docker run --device /dev/dri --group-add 992 IMAGE",
     {"open .dockerenv", INTEL, "closed dev/dri/renderD128 0660 992", "driver intel.icd=libigdrcl.so"}},
    {"the user is not in the group render",
     "usermod -aG render alice",
     {INTEL, "closed dev/dri/renderD128 0660 105", "text etc/group=render:x:105:bob", "driver intel.icd=libigdrcl.so"}},
    {"the user is in the group, but not logged in again",
     "newgrp render",
     {INTEL, "closed dev/dri/renderD128 0660 105", "text etc/group=render:x:105:bob,alice",
      "driver intel.icd=libigdrcl.so"}},
    {"there is no group render",
     "groupadd --system render && usermod -aG render alice && udevadm trigger",
     {INTEL, "closed dev/dri/renderD128 0600 0", "text etc/group=root:x:0:", "driver intel.icd=libigdrcl.so"}},
    {"the node's mode is wrong",
     "udevadm trigger",
     {INTEL, "closed dev/dri/renderD128 0600 105", "text etc/group=render:x:105:alice", "groups 105",
      "driver intel.icd=libigdrcl.so"}},
    {"the node is missing", "udevadm trigger", {INTEL, "driver intel.icd=libigdrcl.so"}},
    {"AMD, no driver of OpenCL", "apt-get install mesa-opencl-icd && export RUSTICL_ENABLE=radeonsi", {AMD, NODE}},
    {"AMD, a driver for processors only",
     "apt-get install mesa-opencl-icd && export RUSTICL_ENABLE=radeonsi",
     {AMD, NODE, POCL}},
    {"AMD, rusticl not enabled", "export RUSTICL_ENABLE=radeonsi", {AMD, NODE, RUSTICL}},
    {"AMD, rusticl enabled for others",
     "export RUSTICL_ENABLE=llvmpipe,radeonsi",
     {AMD, NODE, RUSTICL, "set RUSTICL_ENABLE=llvmpipe"}},
    {"Intel, no driver of OpenCL", "apt-get install intel-opencl-icd", {INTEL, NODE}},
    {"Mali on an ARM board, rusticl not enabled", "export RUSTICL_ENABLE=panfrost", {"board panfrost", NODE, RUSTICL}},
    {"no GPU, no driver", "apt-get install pocl-opencl-icd", {NULL}},
    {"a driver's package lost its file", "apt-get install --reinstall pocl-opencl-icd", {"has pocl-opencl-icd"}},
    {"an ICD file names a library whose package is not installed",
     "apt-get install pocl-opencl-icd",
     {"icd pocl.icd=libpocl.so.99"}},
    {"an ICD file names a library that no package has",
     "mv /etc/OpenCL/vendors/old.icd /etc/OpenCL/vendors/old.icd.off",
     {POCL, "icd old.icd=libold.so.1"}},
    {"OCL_ICD_VENDORS leads nowhere", "unset OCL_ICD_VENDORS", {POCL, "set OCL_ICD_VENDORS=/nowhere"}},
    {"OCL_ICD_VENDORS hides the driver of a GPU",
     "unset OCL_ICD_VENDORS",
     {INTEL, NODE, "driver intel.icd=libigdrcl.so", "has intel-opencl-icd", "set OCL_ICD_VENDORS=/nowhere"}},
    {"a variable of another loader", "unset OCL_ICD_FILENAMES", {POCL, "set OCL_ICD_FILENAMES=libpocl.so"}},
    {"no home folder, no cache folder", "export HOME=\"$(eval echo \"~$(id -un)\")\"", {POCL, "set HOME="}},
    {"the cache folder is none", "unset SHUNT_CACHE_DIR", {POCL, "open file", "set SHUNT_CACHE_DIR=%s/file/cache"}},
    {"the home folder is none", "export SHUNT_CACHE_DIR=\"$(mktemp -d)\"", {POCL, "open file", "set HOME=%s/file"}},
    /* Nothing is wrong, or nothing can be done. */
    {"AMD, given to a virtual machine", "", {"gpu 1002:744c vfio-pci -", POCL}},
    {"a display without a GPU", "", {"gpu 1a03:2000 ast -", POCL}},
    {"AMD, all well",
     "",
     {AMD, NODE, RUSTICL, "set RUSTICL_ENABLE=radeonsi", "lists AMD Radeon RX 7900 XTX, AMD, rusticl"}},
    {"Intel and PoCL, all well",
     "",
     {INTEL, NODE, POCL, "driver intel.icd=libigdrcl.so", "lists Intel(R) Arc(TM) A770"}},
    {"NVIDIA, all well", "", {NVIDIA, NVIDIA_NODES, "driver nvidia.icd=libnvidia-opencl.so.1", "lists NVIDIA H200"}},
};

static void check(const setup *s, const char *loader, const char *clblast, const char *document)
{
    char fixes[TEXT_CHARS], said[8 * TEXT_CHARS], row[TEXT_CHARS];
    build(s);
    const size_t n = strlen(setup_folder);
    diagnose(loader, clblast, fixes, said);
    for (char *at; (at = strstr(fixes, setup_folder));)
        memmove(at, at + n, strlen(at + n) + 1); /* "/etc" of that machine */
    cr_assert_str_eq(fixes, s->fix, "%s:\n%s\nnot %s, found:\n%s", s->name, fixes, s->fix, said);
    remove_folder();
    snprintf(row, sizeof row, "| %s | `%s` |", s->name, s->fix);
    if (*s->fix) cr_assert(strstr(document, row), "docs/doctor.md lacks this line: %s", row);
}

#define OCL_ICD_LOADER TEST_DRIVERS "/loader_ocl_icd.so"
#define CLBLAST TEST_DRIVERS "/icd_good.so"

static void read_document(char *text, size_t size)
{
    FILE *file = fopen(TEST_SOURCE "/docs/doctor.md", "rb");
    cr_assert_not_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

Test(doctor_setups, each_has_its_command)
{
    static char document[1 << 16];
    read_document(document, sizeof document);
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) check(&setups[i], OCL_ICD_LOADER, CLBLAST, document);
    static const setup loader = {"no loader", "apt-get install ocl-icd-libopencl1", {POCL}},
                       library = {"no CLBlast", "apt-get install libclblast1", {POCL}};
    check(&loader, "libOpenCL.so.99", CLBLAST, document);
    check(&library, OCL_ICD_LOADER, "libclblast.so.99", document);
}

/* A folder that others may write to, for the cache and for plugins. */
Test(doctor_setups, folders_that_others_may_write_to)
{
    static char document[1 << 16];
    doctor_report report = {0};
    const doctor_report *all[] = {&report};
    char wanted[TEXT_CHARS];
    doctor_remedy remedy;
    read_document(document, sizeof document);
    make_folder();
    cr_assert_eq(mkdir(in_folder("a cache"), 0700), 0);
    cr_assert_eq(chmod(in_folder("a cache"), 0777), 0);
    cr_assert_eq(setenv("SHUNT_CACHE_DIR", in_folder("a cache"), 1), 0);
    doctor_examine_cache(&report);
    doctor_prescribe("", all, 1, &remedy);
    snprintf(wanted, sizeof wanted, "chmod go-w '%s'", in_folder("a cache"));
    cr_assert_eq(remedy.count, 1);
    cr_assert_str_eq(remedy.commands[0], wanted);
    doctor_remedy_free(&remedy);
    doctor_report_free(&report);
    assert_contains(document, "| others may write to the cache folder | `chmod go-w ~/.cache/shunt` |");

    shunt_plugin_list *plugins = NULL;
    cr_assert_eq(mkdir(in_folder("plugins"), 0700), 0);
    cr_assert_eq(chmod(in_folder("plugins"), 0777), 0);
    cr_assert_eq(shunt_set_option("plugin_path", in_folder("plugins")), 0);
    cr_assert_eq(shunt_plugins_list(&plugins), 0);
    cr_assert_not_null(doctor_examine_plugin(plugins, &report));
    doctor_prescribe("", all, 1, &remedy);
    snprintf(wanted, sizeof wanted, "chmod go-w %s", in_folder("plugins"));
    cr_assert_eq(remedy.count, 1);
    cr_assert_str_eq(remedy.commands[0], wanted);
    doctor_remedy_free(&remedy);
    doctor_report_free(&report);
    shunt_plugins_free(plugins);
    assert_contains(document, "| others may write to the folder of the plugins | `chmod go-w /usr/lib/shunt` |");
    remove_folder();
}

/* A system without dpkg: the packages have other names there, so they are named as what they are. */
Test(doctor_setups, other_systems_get_no_command_of_debian)
{
    static const setup plain = {"no driver", "", {NULL}};
    char fixes[TEXT_CHARS], said[8 * TEXT_CHARS];
    build(&plain);
    cr_assert_eq(remove(in_folder("var/lib/dpkg/status")), 0);
    diagnose(OCL_ICD_LOADER, CLBLAST, fixes, said);
    cr_assert_str_eq(fixes, "install what Debian's packages have that are called pocl-opencl-icd");
    remove_folder();
}

Test(doctor_setups, words_for_a_shell)
{
    char text[64];
    cr_assert_str_eq(doctor_quoted("/a/b-c.d", text, sizeof text), "/a/b-c.d");
    cr_assert_str_eq(doctor_quoted("a b", text, sizeof text), "'a b'");
    cr_assert_str_eq(doctor_quoted("it's; rm", text, sizeof text), "'it'\\''s; rm'");
    cr_assert_str_eq(doctor_quoted("", text, sizeof text), "''");
}
