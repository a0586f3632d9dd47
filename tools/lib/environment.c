/* environment.c - the table of variables, and what they are set to. */
#include "environment.h"

#include <shunt/shunt.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const variable environment_variables[] = {
    {"SHUNT_DEVICE",
     "Where to run, unless an option says it: scalar, opencl, opencl:N, opencl:gpu, opencl:cpu, "
     "opencl:TEXT or auto. A name that matches nothing is an error that lists the devices there are; "
     "only auto falls back.",
     NULL, 0, 0},
    {"SHUNT_FALLBACK",
     "What to do with an operation that the device refuses: warn (run it on the scalar backend and log a "
     "warning), quiet (the same without a warning), or error.",
     "warn|quiet|error", 0, 0},
    {"SHUNT_PRECISION", "What activations and weights are stored in, unless --precision says it. Default: f32.",
     "f32|f16|bf16|fast", 0, 0},
    {"SHUNT_PLUGIN_PATH",
     "Folders, separated by colons, searched for backends before the one of the installation. A "
     "folder that others may write to is not used.",
     NULL, 0, 0},
    {"SHUNT_COLLECTIVE",
     "The plugin by which processes that mpirun or srun started reach each other. Default: the file "
     "collective/shunt-*.so in the first plugin folder that has one.",
     NULL, 0, 0},
    {"SHUNT_RANKS_LIMIT",
     "Seconds without a sign of life after which a process that mpirun or srun started is given up by the others. "
     "Default: 20.",
     NULL, 1, 1000000},
    {"SHUNT_PROBE",
     "How backends are tried before they are loaded, so that a driver that crashes or hangs does no harm. "
     "Default: the program shunt-probe tries them, and its result is kept in the cache folder. isolated: "
     "kept results are ignored. off: nothing is tried.",
     "isolated|off", 0, 0},
    {"SHUNT_PROBE_SECONDS", "How long the trial of a backend may take. Default: 10.", NULL, 1, 3600},
    {"SHUNT_PROBE_HELPER", "The program shunt-probe, if it is not where it was installed.", NULL, 0, 0},
    {"SHUNT_CACHE_DIR",
     "Where compiled kernels, results of tuning and pulled weights are kept. Default: shunt in "
     "XDG_CACHE_HOME, or in ~/.cache. A folder that others may write to is not used.",
     NULL, 0, 0},
    {"SHUNT_POCL_BINARIES",
     "on: PoCL's compiled kernels are kept in Shunt's cache, too, so that they survive if PoCL's own cache is deleted. "
     "The first start then takes twice the time. Default: off.",
     "on|off", 0, 0},
    {"SHUNT_TUNE",
     "Whether plans use stored results of shunt tune. Default: they do. off: only the backend's best guesses. "
     "fast, full: ops without a result are also tuned, with candidates that are known to be safe.",
     "off|fast|full", 0, 0},
    {"SHUNT_DATA_DIR", "The folder of the data that comes with Shunt. Default: where it was installed.", NULL, 0, 0},
    {"SHUNT_LOG",
     "How much is said on standard error: error, warn, info or debug. Default: warn, and info "
     "for lines of the command itself.",
     "error|warn|info|debug", 0, 0},
    {"SHUNT_PROFILE",
     "A file that gets the time of every step, in the Chrome trace format. Of several ranks each writes FILE.RANK.",
     NULL, 0, 0},
    {"HOME", "The home folder. The cache folder lies in it.", NULL, 0, 0},
    {"XDG_CACHE_HOME", "The folder of the cache folder, in place of ~/.cache, if it is an absolute path.", NULL, 0, 0},
    {"LOCALAPPDATA", "The same on Windows.", NULL, 0, 0},
    {"OCL_ICD_VENDORS",
     "Read by the OpenCL loader: the folder of the ICD files, which name the drivers; with Debian's loader also one "
     "such "
     "file, or one driver. shunt doctor says which of these variables the loader reads.",
     NULL, 0, 0},
    {"OPENCL_VENDOR_PATH", "The same, of Debian's loader.", NULL, 0, 0},
    {"OCL_ICD_FILENAMES", "Read by Khronos' OpenCL loader: drivers, divided by colons, before those of the folder.",
     NULL, 0, 0},
    {"OPENCL_LAYERS", "Read by the OpenCL loader: libraries that see all calls.", NULL, 0, 0},
    {"RUSTICL_ENABLE",
     "Read by rusticl, Mesa's OpenCL driver: the drivers that show devices, divided by commas, such as radeonsi for "
     "AMD's "
     "GPUs. Without it rusticl shows none.",
     NULL, 0, 0},
    {"POCL_CACHE_DIR", "Read by PoCL, the OpenCL driver for processors: where it keeps what it compiled.", NULL, 0, 0},
    {"OMP_NUM_THREADS",
     "Read by the scalar and the onednn backend's OpenMP: the number of threads, unless --threads says it.", NULL, 0,
     0},
    {"OMPI_COMM_WORLD_SIZE, PMI_SIZE, SLURM_STEP_NUM_TASKS, MPI_LOCALNRANKS",
     "Set by mpirun and srun: the number of processes that work together.", NULL, 0, 0},
    {"https_proxy, no_proxy", "Read by libcurl for shunt pull: the proxy, and the hosts that need none.", NULL, 0, 0},
    {NULL, NULL, NULL, 0, 0},
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

static bool is_number(const char *value, const variable *rule)
{
    char *end;
    errno = 0;
    const long number = strtol(value, &end, 10);
    return !errno && end != value && !*end && number >= rule->low && number <= rule->high;
}

const variable *environment_wrong(void)
{
    static const char ours[] = "SHUNT_";
    for (const variable *v = environment_variables; v->name && !strncmp(v->name, ours, sizeof ours - 1); v++) {
        const char *value = v->values || v->high ? shunt_option(v->name + sizeof ours - 1) : NULL;
        if (value && *value && !(v->values ? is_one_of(value, v->values) : is_number(value, v))) return v;
    }
    return NULL;
}

const char *environment_rule(const variable *wrong, char *text, size_t size)
{
    if (wrong->values)
        snprintf(text, size, "one of %s", wrong->values);
    else
        snprintf(text, size, "a whole number from %ld to %ld", wrong->low, wrong->high);
    return text;
}
