/* doctor_opencl_windows.c - see doctor_opencl.h: the loader, which comes with a display driver, and the drivers in the registry. */
#include "doctor_opencl.h"

#include <windows.h>

#include <stdio.h>

enum { TEXT_CHARS = 1024 };
static const char vendors[] = "SOFTWARE\\Khronos\\OpenCL\\Vendors";

static void examine_loader(const char *name, doctor_report *out)
{
    char path[TEXT_CHARS];
    HMODULE library = LoadLibraryA(name);
    if (!library) {
        doctor_add(out, DOCTOR_PROBLEM, "loader", name,
                   "it is not there; it comes with the driver of the graphics card: install the maker's newest");
        return;
    }
    const DWORD length = GetModuleFileNameA(library, path, sizeof path);
    doctor_add(out, DOCTOR_GOOD, "loader", name, "%s", length && length < sizeof path ? path : "loaded");
    FreeLibrary(library);
}

/* A value's name is a driver's path; 0 switches it on. Newer drivers are found by the loader at their devices, not here. */
static void examine_drivers(doctor_report *out)
{
    HKEY key;
    if (RegOpenKeyExA(HKEY_LOCAL_MACHINE, vendors, 0, KEY_READ, &key)) {
        doctor_add(out, DOCTOR_NOTE, "folder", vendors, "there is no such key; newer drivers need none");
        return;
    }
    for (DWORD i = 0; !out->failed; i++) {
        char driver[TEXT_CHARS];
        DWORD length = sizeof driver, value = 1, size = sizeof value;
        if (RegEnumValueA(key, i, driver, &length, NULL, NULL, (BYTE *)&value, &size)) break;
        const bool there = GetFileAttributesA(driver) != INVALID_FILE_ATTRIBUTES;
        doctor_add(out, value || !there ? DOCTOR_NOTE : DOCTOR_GOOD, "driver", driver, "%s",
                   value   ? "switched off"
                   : there ? "registered"
                           : "there is no such file");
    }
    RegCloseKey(key);
}

void doctor_opencl(const doctor_opencl_options *options, doctor_report *out)
{
    *out = (doctor_report){0};
    examine_loader(options && options->loader ? options->loader : "OpenCL.dll", out);
    examine_drivers(out);
}
