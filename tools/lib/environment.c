/* environment.c - the table of variables, and what they are set to. */
#include "environment.h"

#include <shunt/shunt.h>
#include <stdbool.h>
#include <string.h>

const variable environment_variables[] = {
    {"SHUNT_DEVICE",
     "Where to run, unless an option says it: scalar, opencl, opencl:N, opencl:gpu, opencl:cpu, "
     "opencl:TEXT or auto. A name that matches nothing is an error that lists the devices there are; "
     "only auto falls back.",
     NULL},
    {"SHUNT_FALLBACK",
     "What to do with an operation that the device refuses: warn (run it on the scalar backend and log a "
     "warning), quiet (the same without a warning), or error.",
     "warn|quiet|error"},
    {"SHUNT_PRECISION", "What activations and weights are stored in, unless --precision says it. Default: f32.", NULL},
    {"SHUNT_PLUGIN_PATH",
     "Folders, separated by colons, searched for backends before the one of the installation. A "
     "folder that others may write to is not used.",
     NULL},
    {"SHUNT_COLLECTIVE",
     "The plugin by which processes that mpirun or srun started reach each other. Default: the file "
     "collective/shunt-*.so in the first plugin folder that has one.",
     NULL},
    {"SHUNT_RANKS_LIMIT",
     "Seconds without a sign of life after which a process that mpirun or srun started is given up by the others. "
     "Default: 20.",
     NULL},
    {"SHUNT_PROBE",
     "How backends are tried before they are loaded, so that a driver that crashes or hangs does no harm. "
     "Default: the program shunt-probe tries them, and its result is kept in the cache folder. isolated: "
     "kept results are ignored. off: nothing is tried.",
     "isolated|off"},
    {"SHUNT_PROBE_SECONDS", "How long the trial of a backend may take. Default: 10.", NULL},
    {"SHUNT_PROBE_HELPER", "The program shunt-probe, if it is not where it was installed.", NULL},
    {"SHUNT_CACHE_DIR",
     "Where compiled kernels, results of tuning and pulled weights are kept. Default: shunt in "
     "XDG_CACHE_HOME, or in ~/.cache. A folder that others may write to is not used.",
     NULL},
    {"SHUNT_POCL_BINARIES",
     "off: PoCL's compiled kernels are left to PoCL's own cache. The first start takes less time, later ones more. "
     "Default: they are kept in Shunt's cache, too; shunt verify leaves them.",
     "on|off"},
    {"SHUNT_TUNE",
     "Whether plans use stored results of shunt tune. Default: they do. off: only the backend's best guesses. "
     "fast, full: ops without a result are also tuned, with candidates that are known to be safe.",
     "off|fast|full"},
    {"SHUNT_DATA_DIR", "The folder of the data that comes with Shunt. Default: where it was installed.", NULL},
    {"SHUNT_LOG",
     "How much is said on standard error: error, warn, info or debug. Default: warn, and info "
     "for lines of the command itself.",
     "error|warn|info|debug"},
    {"SHUNT_PROFILE",
     "A file that gets the time of every step, in the Chrome trace format. Of several ranks each writes FILE.RANK.",
     NULL},
    {NULL, NULL, NULL},
};

static bool is_one_of(const char *value, const char *values)
{
    for (const char *at = values; *at;) {
        size_t n = strcspn(at, "|");
        if (strlen(value) == n && !memcmp(value, at, n)) return true;
        at += n + (at[n] == '|');
    }
    return false;
}

const variable *environment_wrong(void)
{
    for (const variable *v = environment_variables; v->name; v++) {
        const char *value = v->values ? shunt_option(v->name + strlen("SHUNT_")) : NULL;
        if (value && *value && !is_one_of(value, v->values)) return v;
    }
    return NULL;
}
