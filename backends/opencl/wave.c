/* wave.c - finds out which family of matrix units works on a GPU, by building a small kernel for each that the driver might have, and
 * comparing what it computes with plain C. */
#include "wave.h"

#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { WAVES = 2, EDGE = 16, INNER = 32, ODD_ROW = 5, ODD_INNER = 21 };

/* Half of the sums of a wave of Intel's take all the registers that a thread usually has. */
#define LARGE_FILE " -cl-intel-256-GRF-per-thread"

static const wave_family families[OCL_NWAVES] = {
    [OCL_WAVE_NVIDIA] = {"nvidia", " -DWAVE_NVIDIA=16", "", 32, 8},
    [OCL_WAVE_NVIDIA8] = {"nvidia8", " -DWAVE_NVIDIA=8", "", 32, 8},
    [OCL_WAVE_AMD] = {"amd", " -DWAVE_AMD", "", 32, 8},
    [OCL_WAVE_INTEL8] = {"intel8", " -DWAVE_INTEL=8", LARGE_FILE, 8, 0},
    [OCL_WAVE_INTEL16] = {"intel16", " -DWAVE_INTEL=16", LARGE_FILE, 16, 0},
};

/* Without the extension the family is not tried: its driver is another vendor's, or older than the units. */
static const char *const extensions[OCL_NWAVES] = {
    [OCL_WAVE_NVIDIA] = "cl_nv_device_attribute_query",
    [OCL_WAVE_NVIDIA8] = "cl_nv_device_attribute_query",
    [OCL_WAVE_AMD] = "cl_amd_device_attribute_query",
    [OCL_WAVE_INTEL8] = "cl_intel_subgroup_matrix_multiply_accumulate",
    [OCL_WAVE_INTEL16] = "cl_intel_subgroup_matrix_multiply_accumulate",
};

const wave_family *ocl_wave_family(ocl_wave family)
{
    return &families[family];
}

ocl_wave ocl_wave_by_name(const char *name)
{
    for (int i = OCL_WAVE_NONE + 1; i < OCL_NWAVES; i++)
        if (!strcmp(families[i].name, name)) return (ocl_wave)i;
    return OCL_WAVE_NONE;
}

/* ---- A trial ---------------------------------------------------------------------------------------------------------- */

/* What the kernel gets, and what it gives. */
typedef struct numbers {
    uint16_t src[WAVES][EDGE][INNER], weights[WAVES][EDGE][INNER];
    float sums[WAVES][EDGE][EDGE];
} numbers;

static uint16_t to_stored(float x, uint8_t dtype)
{
    return dtype == SHUNT_F16 ? shunt_to_f16(x) : shunt_to_bf16(x);
}

static float from_stored(uint16_t x, uint8_t dtype)
{
    return dtype == SHUNT_F16 ? shunt_from_f16(x) : shunt_from_bf16(x);
}

/* Small whole numbers, so that every order of summing gives the same; and one NaN. */
static void draw(numbers *t, uint8_t dtype)
{
    uint32_t state = 1;
    uint16_t *parts[] = {&t->src[0][0][0], &t->weights[0][0][0]};
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < WAVES * EDGE * INNER; i++) {
            state = state * 1664525 + 1013904223;
            parts[part][i] = to_stored((float)(int)(state >> 28) - 7, dtype);
        }
    t->src[WAVES - 1][ODD_ROW][ODD_INNER] = 0x7fff;
}

static float expected(const numbers *t, int wave, int row, int column, uint8_t dtype)
{
    float sum = 0;
    for (int k = 0; k < INNER; k++)
        sum += from_stored(t->src[wave][row][k], dtype) * from_stored(t->weights[wave][column][k], dtype);
    return sum;
}

static bool right(const numbers *t, uint8_t dtype)
{
    for (int wave = 0; wave < WAVES; wave++)
        for (int row = 0; row < EDGE; row++)
            for (int column = 0; column < EDGE; column++) {
                const float sum = t->sums[wave][row][column];
                const bool odd = wave == WAVES - 1 && row == ODD_ROW;
                if (odd ? sum == sum : sum != expected(t, wave, row, column, dtype)) return false;
            }
    return true;
}

typedef struct trial_of {
    ocl_wave family;
    uint8_t dtype;
} trial_of;

static const char *type_name(uint8_t dtype)
{
    return dtype == SHUNT_F16 ? "f16" : "bf16";
}

static void tell(const ocl_found *found, const trial_of *of, cl_int code, bool good)
{
    ocl_log(SHUNT_LOG_DEBUG, "opencl: matrix units of %s, reached as %s, %s: %s", found->info.name,
            families[of->family].name, type_name(of->dtype),
            good   ? "they work"
            : code ? ocl_code_name(code)
                   : "they compute something else");
}

static bool works(const ocl_found *found, const ocl_trial *trial)
{
    const trial_of *of = trial->own;
    numbers *t = calloc(1, sizeof *t);
    if (!t) return false;
    draw(t, of->dtype);
    const trial_tensor tensors[] = {
        {t->src, sizeof t->src}, {t->weights, sizeof t->weights}, {t->sums, sizeof t->sums}};
    const trial_run run = {.kernel = "wave_probe",
                           .items = WAVES * (size_t)families[of->family].lanes,
                           .ntensors = sizeof tensors / sizeof *tensors,
                           .tensors = tensors};
    const cl_int code = ocl_trial_run(found, trial, &run);
    const bool good = !code && right(t, of->dtype);
    tell(found, of, code, good);
    free(t);
    return good;
}

/* ---- All families ------------------------------------------------------------------------------------------------------ */

/* Whether the word is in the device's list of extensions. */
static bool has_extension(const ocl_found *found, const char *word)
{
    size_t bytes = 0;
    bool has = false;
    if (clGetDeviceInfo(found->id, CL_DEVICE_EXTENSIONS, 0, NULL, &bytes) || bytes == 0) return false;
    char *list = calloc(1, bytes + 1);
    if (list && !clGetDeviceInfo(found->id, CL_DEVICE_EXTENSIONS, bytes, list, NULL)) {
        const size_t n = strlen(word);
        for (const char *at = list; !has && (at = strstr(at, word)); at += n)
            has = (at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]);
    }
    free(list);
    return has;
}

static bool passes(const ocl_found *found, ocl_wave family, uint8_t dtype)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const trial_of of = {family, dtype};
    const ocl_trial trial = {
        .what = "matrix units", .source = &ocl_wave_probe_cl, .options = options, .works = works, .own = &of};
    ocl_add_option(options, "-cl-std=CL1.2 -DB=16 -DV=8 -DWAVES=%d -DDATA=%u%s%s", WAVES, dtype,
                   families[family].options, families[family].driver);
    return ocl_trial_passes(found, &trial);
}

/* Intel's extension is for matrix units alone: a driver that has it and does not multiply claims what it does not do. */
static void tell_claim(const ocl_found *found, uint8_t dtype)
{
    if (has_extension(found, extensions[OCL_WAVE_INTEL8]))
        ocl_log(SHUNT_LOG_WARN, "opencl: %s claims %s, and does not compute with it what it should in %s: not used",
                found->info.name, extensions[OCL_WAVE_INTEL8], type_name(dtype));
}

ocl_wave ocl_wave_find(const ocl_found *found, uint8_t dtype)
{
    if (found->info.type != SHUNT_DEVICE_GPU) return OCL_WAVE_NONE;
    for (int i = OCL_WAVE_NONE + 1; i < OCL_NWAVES; i++)
        if (has_extension(found, extensions[i]) && passes(found, (ocl_wave)i, dtype)) return (ocl_wave)i;
    tell_claim(found, dtype);
    return OCL_WAVE_NONE;
}
