/* doctor_opencl_windows.c - see doctor_opencl.h: the loader, which comes with a display driver, and the drivers in the registry. */
#include "doctor_opencl.h"

#include <windows.h>

#include <stdio.h>

enum { TEXT_CHARS = 1024 };
static const char vendors[] = "SOFTWARE\\Khronos\\OpenCL\\Vendors";

static bool add(doctor_report *report, doctor_state state, const char *kind, const char *subject, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
static bool add(doctor_report *report, doctor_state state, const char *kind, const char *subject, const char *format,
                ...)
{
    va_list args;
    va_start(args, format);
    bool added = doctor_report_add(report, state, kind, subject, NULL, format, args);
    va_end(args);
    return added;
}

static bool examine_loader(const char *name, doctor_report *out)
{
    char path[TEXT_CHARS];
    HMODULE library = LoadLibraryA(name);
    if (!library)
        return add(out, DOCTOR_PROBLEM, "loader", name,
                   "it is not there; it comes with the driver of the graphics card: install the maker's newest");
    const DWORD length = GetModuleFileNameA(library, path, sizeof path);
    bool added = add(out, DOCTOR_GOOD, "loader", name, "%s", length && length < sizeof path ? path : "loaded");
    FreeLibrary(library);
    return added;
}

/* A value's name is a driver's path; 0 switches it on. Newer drivers are found by the loader at their devices, not here. */
static bool examine_drivers(doctor_report *out)
{
    HKEY key;
    bool added = true;
    if (RegOpenKeyExA(HKEY_LOCAL_MACHINE, vendors, 0, KEY_READ, &key))
        return add(out, DOCTOR_NOTE, "folder", vendors, "there is no such key; newer drivers need none");
    for (DWORD i = 0; added; i++) {
        char driver[TEXT_CHARS];
        DWORD length = sizeof driver, value = 1, size = sizeof value;
        if (RegEnumValueA(key, i, driver, &length, NULL, NULL, (BYTE *)&value, &size)) break;
        const bool there = GetFileAttributesA(driver) != INVALID_FILE_ATTRIBUTES;
        added = add(out, value || !there ? DOCTOR_NOTE : DOCTOR_GOOD, "driver", driver, "%s",
                    value   ? "switched off"
                    : there ? "registered"
                            : "there is no such file");
    }
    RegCloseKey(key);
    return added;
}

int doctor_opencl(const doctor_opencl_options *options, doctor_report *out)
{
    *out = (doctor_report){0};
    bool whole =
        examine_loader(options && options->loader ? options->loader : "OpenCL.dll", out) && examine_drivers(out);
    if (!whole) doctor_report_free(out);
    return whole ? 0 : -1;
}
