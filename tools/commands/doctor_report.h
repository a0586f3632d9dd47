/* doctor_report.h - what shunt doctor found, item by item, and the commands that mend it. */
#ifndef SHUNT_TOOLS_DOCTOR_REPORT_H
#define SHUNT_TOOLS_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum doctor_state {
    DOCTOR_GOOD,
    DOCTOR_NOTE,   /* worth knowing; it may be intended */
    DOCTOR_PROBLEM /* something is missing or does not work */
} doctor_state;

typedef struct doctor_item {
    doctor_state state;
    const char *kind;    /* "gpu", "loader", "variable", "folder", "icd", "driver", "library", "cache", "plugin" */
    char *subject;       /* "/etc/OpenCL/vendors/pocl.icd" */
    char *text;          /* what was found there, or the reason; one line, printable */
    const char *package; /* the Debian package that fixes it, or NULL */
    bool installed;      /* that package is there, but not what it brings */
    bool loads;          /* kinds "icd" and "driver": the library can be loaded, whether or not it finds devices */
    char *fix;           /* the command that fixes it, or NULL */
} doctor_item;

typedef struct doctor_report {
    doctor_item *items;
    size_t count;
    bool failed; /* memory ran out */
} doctor_report;

/* Adds an item. What follows it says how to fix the last item. */
void doctor_add(doctor_report *report, doctor_state state, const char *kind, const char *subject, const char *format,
                ...) __attribute__((format(printf, 5, 6)));
void doctor_fix(doctor_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* root stands before the paths of the machine that is examined: "", but in tests. */
void doctor_fix_by_package(doctor_report *report, const char *root, const char *package);
void doctor_report_free(doctor_report *report);
/* "good", "note", "problem" */
const char *doctor_state_name(doctor_state state);

/* A path as one word for a shell. text has size bytes, at least 16; returned. */
const char *doctor_quoted(const char *path, char *text, size_t size);

/* ---- The remedy ---- */

enum { DOCTOR_COMMANDS = 16 };

typedef struct doctor_remedy {
    char *commands[DOCTOR_COMMANDS]; /* in the order in which to run them */
    size_t count;
    bool failed;
} doctor_remedy;

/* The commands that fix the problems of the reports, each once; packages are in one command. */
void doctor_prescribe(const char *root, const doctor_report *const *reports, size_t count, doctor_remedy *out);
void doctor_remedy_free(doctor_remedy *remedy);

/* ---- Debian packages ---- */

/* Whether Debian's package manager is there at all. */
bool doctor_is_debian(const char *root);
bool doctor_package_installed(const char *root, const char *package);
/* Whether the package, which is installed, brings this file. */
bool doctor_package_owns(const char *root, const char *package, const char *path);

#endif
