/* doctor_opencl.c - what `shunt doctor` says of loaders, variables, ICD files and drivers, shown on fake ones. */
#include "tests/support/device_setup.h"
#include "tools/commands/doctor_opencl.h"

#include <time.h>

static doctor_report report;

/* An ICD file whose line is one of the test drivers, or the text as it is. */
static void write_icd(const char *name, const char *library, bool built_here)
{
    char line[SETUP_PATH_CHARS];
    if (built_here)
        snprintf(line, sizeof line, "%s/%s.so\n", TEST_DRIVERS, library);
    else
        snprintf(line, sizeof line, "%s", library);
    write_file(name, line, strlen(line));
}

static void clear_environment(void)
{
    unsetenv("OCL_ICD_VENDORS");
    unsetenv("OCL_ICD_FILENAMES");
    unsetenv("OPENCL_VENDOR_PATH");
    unsetenv("OPENCL_LAYERS");
}

static void begin(void)
{
    make_folder();
    clear_environment();
}

static void examine(const char *loader)
{
    const doctor_opencl_options options = {.loader = loader, .vendors = setup_folder, .seconds = 2};
    doctor_opencl(&options, &report);
    cr_assert(!report.failed);
}

static void finish(void)
{
    doctor_report_free(&report);
    remove_folder();
}

/* The first item of a kind whose subject ends so. */
static const doctor_item *item(const char *kind, const char *end)
{
    size_t i = 0;
    for (; i < report.count; i++) {
        size_t n = strlen(report.items[i].subject), m = strlen(end);
        if (!strcmp(report.items[i].kind, kind) && n >= m && !strcmp(report.items[i].subject + n - m, end)) break;
    }
    cr_assert_lt(i, report.count, "no %s %s", kind, end);
    return &report.items[i];
}

static bool has(const char *kind, const char *end)
{
    for (size_t i = 0; i < report.count; i++) {
        size_t n = strlen(report.items[i].subject), m = strlen(end);
        if (!strcmp(report.items[i].kind, kind) && n >= m && !strcmp(report.items[i].subject + n - m, end)) return true;
    }
    return false;
}

static void assert_item(const char *kind, const char *end, doctor_state state, const char *text, const char *package)
{
    const doctor_item *found = item(kind, end);
    cr_assert_eq(found->state, state, "%s: %s", found->subject, found->text);
    assert_contains(found->text, text);
    if (package)
        cr_assert_str_eq(found->package ? found->package : "none", package);
    else
        cr_assert_null(found->package);
}

Test(doctor_opencl, drivers_good_and_bad)
{
    begin();
    write_icd("good.icd", "icd_good", true);
    write_icd("none.icd", "icd_none", true);
    write_icd("crash.icd", "icd_crash", true);
    write_icd("exit.icd", "icd_exit", true);
    write_icd("other.icd", "loader_khronos", true);
    write_icd("pocl.icd", "libpocl.so.99.1  \r\nsecond line", false);
    write_icd("mystery.icd", "libmystery.so", false);
    write_icd("empty.icd", "", false);
    write_icd("control.icd", "lib\x1b[1m.so", false);
    write_icd("readme.txt", "icd_good", true);
    cr_assert_eq(mkdir(in_folder("folder.icd"), 0777), 0);
    examine("libOpenCL.so.1");
    assert_item("folder", "", DOCTOR_GOOD, "10 ICD files", NULL);
    assert_item("icd", "/good.icd", DOCTOR_GOOD, "it loads and has 2 platforms", NULL);
    assert_item("icd", "/none.icd", DOCTOR_NOTE, "finds no platform (code -1001)", NULL);
    assert_item("icd", "/crash.icd", DOCTOR_PROBLEM, "it crashes: Killed", NULL);
    assert_item("icd", "/exit.icd", DOCTOR_PROBLEM, "it ends the process with exit status 42", NULL);
    assert_item("icd", "/other.icd", DOCTOR_PROBLEM, "it is not an OpenCL driver", NULL);
    assert_item("icd", "/pocl.icd", DOCTOR_PROBLEM, "libpocl.so.99.1: cannot open shared object", NULL);
    assert_item("icd", "/mystery.icd", DOCTOR_PROBLEM, "libmystery.so: cannot open shared object", NULL);
    assert_item("icd", "/empty.icd", DOCTOR_PROBLEM, "names no library", NULL);
    cr_assert_str_eq(item("icd", "/pocl.icd")->fix + strlen(item("icd", "/pocl.icd")->fix) - strlen("/pocl.icd.off"),
                     "/pocl.icd.off");
    assert_item("icd", "/control.icd", DOCTOR_PROBLEM, "lib?[1m.so", NULL);
    assert_item("icd", "/folder.icd", DOCTOR_PROBLEM, "not a regular file", NULL);
    cr_assert(!has("icd", "readme.txt"));
    cr_assert(!has("driver", "OpenCL"), "one works");
    finish();
}

Test(doctor_opencl, hanging_driver_is_given_up)
{
    begin();
    write_icd("hang.icd", "icd_hang", true);
    time_t start = time(NULL);
    examine("libOpenCL.so.1");
    cr_assert_lt(time(NULL) - start, 10);
    assert_item("icd", "/hang.icd", DOCTOR_PROBLEM, "it does not answer within 2 s", NULL);
    assert_item("driver", "OpenCL", DOCTOR_PROBLEM, "no driver works", "pocl-opencl-icd");
    finish();
}

Test(doctor_opencl, no_loader_no_driver_no_clblast)
{
    begin();
    const doctor_opencl_options options = {
        .loader = "libOpenCL.so.99", .clblast = "libclblast.so.99", .vendors = in_folder("absent"), .seconds = 2};
    doctor_opencl(&options, &report);
    assert_item("loader", "libOpenCL.so.99", DOCTOR_PROBLEM, "cannot open shared object file", "ocl-icd-libopencl1");
    assert_item("folder", "/absent", DOCTOR_PROBLEM, "No such file", NULL);
    assert_item("driver", "OpenCL", DOCTOR_PROBLEM, "no driver works", "pocl-opencl-icd");
    assert_item("library", "libclblast.so.99", DOCTOR_PROBLEM, "cannot open", "libclblast1");
    finish();
}

/* Fake loaders: libraries whose file has the names of the variables that the real ones read. */
#define OCL_ICD_LOADER TEST_DRIVERS "/loader_ocl_icd.so"
#define KHRONOS_LOADER TEST_DRIVERS "/loader_khronos.so"

Test(doctor_opencl, ocl_icd_reads_vendors_three_ways)
{
    char path[SETUP_PATH_CHARS];
    begin();
    write_icd("a.icd", "icd_good", true);
    write_icd("b.icd", "icd_none", true);
    setenv("OCL_ICD_VENDORS", "a.icd", 1); /* a file in the folder */
    examine(OCL_ICD_LOADER);
    assert_item("loader", "", DOCTOR_GOOD, "ocl-icd, which reads OCL_ICD_VENDORS, OPENCL_VENDOR_PATH", NULL);
    assert_item("variable", "OCL_ICD_VENDORS=a.icd", DOCTOR_NOTE, "it changes what the loader sees", NULL);
    assert_item("icd", "/a.icd", DOCTOR_GOOD, "2 platforms", NULL);
    cr_assert(!has("icd", "b.icd"));
    doctor_report_free(&report);

    setenv("OCL_ICD_VENDORS", TEST_DRIVERS "/icd_good.so", 1); /* a driver */
    examine(OCL_ICD_LOADER);
    assert_item("driver", "icd_good.so", DOCTOR_GOOD, "2 platforms", NULL);
    cr_assert(!has("icd", ".icd"));
    doctor_report_free(&report);

    cr_assert_eq(mkdir(in_folder("more"), 0777), 0);
    write_icd("more/c.icd", "icd_good", true);
    snprintf(path, sizeof path, "%.400s/more", setup_folder);
    setenv("OCL_ICD_VENDORS", path, 1); /* a folder */
    examine(OCL_ICD_LOADER);
    assert_item("folder", "/more", DOCTOR_GOOD, "1 ICD file", NULL);
    assert_item("icd", "/more/c.icd", DOCTOR_GOOD, "2 platforms", NULL);
    cr_assert(!has("icd", "/a.icd"));
    doctor_report_free(&report);

    unsetenv("OCL_ICD_VENDORS");
    setenv("OPENCL_VENDOR_PATH", path, 1);
    setenv("OCL_ICD_FILENAMES", "libignored.so", 1);
    examine(OCL_ICD_LOADER);
    assert_item("icd", "/more/c.icd", DOCTOR_GOOD, "2 platforms", NULL);
    assert_item("variable", "OCL_ICD_FILENAMES=libignored.so", DOCTOR_PROBLEM,
                "this loader does not read it; use OCL_ICD_VENDORS", NULL);
    cr_assert(!has("driver", "libignored.so"));
    finish();
}

Test(doctor_opencl, khronos_reads_filenames_and_a_folder)
{
    char path[SETUP_PATH_CHARS];
    begin();
    write_icd("a.icd", "icd_good", true);
    setenv("OCL_ICD_FILENAMES", TEST_DRIVERS "/icd_good.so:libabsent.so", 1);
    setenv("OPENCL_VENDOR_PATH", "/ignored", 1);
    examine(KHRONOS_LOADER);
    assert_item("loader", "", DOCTOR_GOOD, "Khronos' loader, which reads OCL_ICD_FILENAMES, OCL_ICD_VENDORS", NULL);
    assert_item("driver", "icd_good.so", DOCTOR_GOOD, "2 platforms", NULL);
    assert_item("driver", "libabsent.so", DOCTOR_PROBLEM, "cannot open", NULL);
    assert_item("icd", "/a.icd", DOCTOR_GOOD, "2 platforms", NULL);
    assert_item("variable", "OPENCL_VENDOR_PATH=/ignored", DOCTOR_PROBLEM, "does not read it", NULL);
    doctor_report_free(&report);

    clear_environment();
    snprintf(path, sizeof path, "%.400s/absent", setup_folder);
    setenv("OCL_ICD_VENDORS", path, 1);
    examine(KHRONOS_LOADER);
    assert_item("folder", "/absent", DOCTOR_PROBLEM, "No such file", NULL);
    cr_assert(!has("icd", "/a.icd"));
    finish();
}

Test(doctor_opencl, this_machine)
{
    make_folder();
    clear_environment();
    doctor_opencl(NULL, &report);
    item("loader", "libOpenCL.so.1");
    item("library", "libclblast.so.1");
    cr_assert_str_eq(doctor_state_name(DOCTOR_GOOD), "good");
    finish();
}
