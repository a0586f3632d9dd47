/* verify.h - whether a device computes what op.h says.
 *
 *     #include <shunt/run.h>
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_device *device;
 *         shunt_verify_options options = {.size = sizeof options, .op = "relu", .seed = 1, .count = 20, .only = -1};
 *         if (shunt_device_open("scalar", NULL, &device)) return 1;
 *         if (shunt_device_verify(device, &options)) puts(shunt_last_error());
 *         shunt_device_close(device);
 *     }
 */
#ifndef SHUNT_VERIFY_H
#define SHUNT_VERIFY_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Checks that a device does what backend.h says. Every kind of op is run on random shapes and compared with the formula, with
 * guard bytes around every buffer and NaN and infinity among the inputs, and must give the same bits each time. The order of
 * commands and refusals are checked, too. For authors of backends, and for drivers that nobody has tried. */
typedef struct shunt_verify_check {
    const char *name;     /* a kind of op, "conv"; or "graph", "queue", "errors" */
    uint64_t cases, runs; /* ops drawn; runs of them, by layout, type and algorithm */
    uint64_t refusals;    /* what the device refuses, with the last reason; no fault */
    const char *refusal;
    const char *problem; /* what is wrong; "": nothing. A check ends there */
    const char *again;   /* the options of `shunt verify` that show it again: "--op conv --seed 1 --case 39" */
} shunt_verify_check;
typedef void (*shunt_verify_handler)(void *context, const shunt_verify_check *check);
typedef struct shunt_verify_options {
    uint32_t size;            /* sizeof(shunt_verify_options); 0: as in the first version */
    const char *op;           /* the one check to do; NULL: all */
    uint64_t seed, count;     /* count: ops drawn of each kind, candidates for one of graph; 0: 200 */
    int64_t only;             /* the one case to do, < 0: all */
    const shunt_graph *graph; /* its ops are checked, too, in its shapes, against plain C in float64; or NULL */
    shunt_verify_handler handler;
    void *context;
} shunt_verify_options;
/* SHUNT_E_DEVICE when a check fails. The handler, if not NULL, is called after each check. options NULL: seed 1, all checks.
 * Takes from seconds to minutes. */
SHUNT_API shunt_status shunt_device_verify(shunt_device *device, const shunt_verify_options *options);

#ifdef __cplusplus
}
#endif
#endif
