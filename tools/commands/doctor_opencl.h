/* doctor_opencl.h - what stands between a program and an OpenCL device: loader, variables, ICD files, drivers, CLBlast. */
#ifndef SHUNT_TOOLS_DOCTOR_OPENCL_H
#define SHUNT_TOOLS_DOCTOR_OPENCL_H

#include "doctor_report.h"

typedef struct doctor_opencl_options {
    const char *loader, *clblast; /* NULL: "libOpenCL.so.1", "libclblast.so.1" */
    const char *vendors;          /* NULL: "/etc/OpenCL/vendors" */
    const char *root; /* NULL: "", before the paths of dpkg and of the folder that `vendors` leaves to choose */
    int seconds;      /* 0: 10; for each driver */
    bool gpu;         /* there is a GPU, so that no driver for processors is advised */
} doctor_opencl_options;

/* doctor_opencl_posix.c, doctor_opencl_windows.c. Looks at files, and loads libraries only in child processes: call it before
 * anything has loaded a driver. options may be NULL. */
void doctor_opencl(const doctor_opencl_options *options, doctor_report *out);

#endif
