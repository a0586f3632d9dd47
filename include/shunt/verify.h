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

/* Checks that a device does what op.h and backend.h say. Every kind of op runs on random shapes and is compared with its formula.
 * Every buffer has guard bytes around it, NaN and infinity are among the inputs, and each run must give the same bits. The order
 * of commands and refusals are checked, too. For authors of backends, and for drivers that have not been tried yet. */
typedef struct shunt_verify_check {
    const char *name;     /* a kind of op, "conv"; or "graph", "queue", "errors" */
    uint64_t cases, runs; /* random ops; runs of them in all layouts, types and algorithms */
    uint64_t refusals;    /* ops that the device refuses, which is not a fault, and the last reason */
    const char *refusal;
    const char *problem; /* what is wrong, where the check ended; "": nothing */
    const char *again;   /* the options of `shunt verify` that repeat it: "--op conv --seed 1 --case 39" */
} shunt_verify_check;
typedef void (*shunt_verify_handler)(void *context, const shunt_verify_check *check);
typedef struct shunt_verify_options {
    uint32_t size;            /* sizeof(shunt_verify_options); 0: as in the first version */
    const char *op;           /* the only check to run; NULL: all */
    uint64_t seed, count;     /* count: random ops of each kind, candidates for each op of graph; 0: 200 */
    int64_t only;             /* the only case to run; < 0: all */
    const shunt_graph *graph; /* its ops are also checked, in its shapes, against plain C in float64; or NULL */
    shunt_verify_handler handler;
    void *context;
    const char *
        precision; /* ops on data in this type only: "f32", "f16", "bf16"; NULL or "fast": in each that the device takes */
    int quick; /* a choice: fewer random ops, each in two layouts, by a few variants of each algorithm, which they share; no graph */
    const char *algorithm; /* ops by this algorithm only; NULL: by each that the device lists */
} shunt_verify_options;
/* SHUNT_E_DEVICE when a check fails. The handler, if not NULL, is called after each check. options NULL: seed 1, all checks.
 * Takes from seconds to minutes. */
SHUNT_API shunt_status shunt_device_verify(shunt_device *device, const shunt_verify_options *options);

#ifdef __cplusplus
}
#endif
#endif
