/* doctor_opencl.h - what stands between a program and an OpenCL device: loader, variables, ICD files, drivers, CLBlast. */
#ifndef SHUNT_TOOLS_DOCTOR_OPENCL_H
#define SHUNT_TOOLS_DOCTOR_OPENCL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum doctor_state {
    DOCTOR_GOOD,
    DOCTOR_NOTE,   /* worth knowing; it may be intended */
    DOCTOR_PROBLEM /* something is missing or does not work */
} doctor_state;

typedef struct doctor_item {
    doctor_state state;
    const char *kind;    /* "loader", "variable", "folder", "icd", "driver", "library" */
    char *subject;       /* "/etc/OpenCL/vendors/pocl.icd" */
    char *text;          /* what was found there, or the reason; one line, printable */
    const char *package; /* the Debian package that fixes it, or NULL */
} doctor_item;

typedef struct doctor_report {
    doctor_item *items;
    size_t count;
} doctor_report;

typedef struct doctor_opencl_options {
    const char *loader, *clblast; /* NULL: "libOpenCL.so.1", "libclblast.so.1" */
    const char *vendors;          /* NULL: "/etc/OpenCL/vendors" */
    int seconds;                  /* 0: 10; for each driver */
} doctor_opencl_options;

/* doctor_opencl_posix.c, doctor_opencl_windows.c. Looks at files, and loads libraries only in child processes: call it before anything has loaded a driver. options may
 * be NULL. Returns 0, or -1 without memory. */
int doctor_opencl(const doctor_opencl_options *options, doctor_report *out);
/* doctor_report.c: adds a copy of what was found; false without memory. */
bool doctor_report_add(doctor_report *report, doctor_state state, const char *kind, const char *subject,
                       const char *package, const char *format, va_list args) __attribute__((format(printf, 6, 0)));
void doctor_report_free(doctor_report *report);
/* "good", "note", "problem" */
const char *doctor_state_name(doctor_state state);

#endif
