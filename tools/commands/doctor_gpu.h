/* doctor_gpu.h - the GPUs that a machine has, and what stands between each and OpenCL: its kernel driver, the nodes in /dev, the right
 * to open them, a driver of OpenCL, and what this driver must be told. */
#ifndef SHUNT_TOOLS_DOCTOR_GPU_H
#define SHUNT_TOOLS_DOCTOR_GPU_H

#include "doctor_report.h"

enum { DOCTOR_GPUS = 16 };

typedef struct doctor_gpu {
    char address[32];        /* "0000:03:00.0"; "renderD128" of a GPU that is on no PCI bus */
    unsigned vendor, device; /* of PCI; 0: none */
    char kernel[32];         /* its kernel driver; "": none */
    char node[32];           /* "renderD128"; "": none */
} doctor_gpu;

typedef struct doctor_gpus {
    doctor_gpu list[DOCTOR_GPUS];
    size_t count;
} doctor_gpus;

/* A file in /dev, as the user meets it. */
typedef struct doctor_node {
    bool there, opens;    /* for reading and writing */
    unsigned mode, group; /* of the file */
} doctor_node;

/* Where to look, and as whom. A test has folders and users of its own. */
typedef struct doctor_machine {
    const char *root; /* before /sys, /dev, /etc, /proc, /var, /usr; NULL: "" */
    const char *user; /* NULL: who runs this process, with its groups */
    const unsigned *groups;
    size_t ngroups;
    doctor_node (*look)(const char *path); /* NULL: the kernel is asked */
} doctor_machine;

/* doctor_gpu_posix.c, doctor_gpu_windows.c */
void doctor_find_gpus(const doctor_machine *machine, doctor_gpus *out);

/* doctor_gpu_chain_posix.c, doctor_gpu_chain_windows.c
 * drivers: what doctor_opencl found. devices: for each GPU that OpenCL lists a text with its name, vendor and platform, ended by
 * NULL; NULL: OpenCL could not be asked. */
void doctor_examine_gpus(const doctor_machine *machine, const doctor_gpus *gpus, const doctor_report *drivers,
                         const char *const *devices, doctor_report *out);

#endif
