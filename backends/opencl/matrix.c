/* matrix.c - finds out which matrix units a device's compiler and processor have, by building a small kernel for each family and
 * comparing what it computes with plain C. */
#include "matrix.h"

#include "cpu.h"
#include "trial.h"

#include <stdlib.h>

enum { PIXELS = 32, OUTPUTS = 32, STEPS = 3, ODD_PIXEL = 7 };

/* What the kernel gets, and what it should give. */
typedef struct trial {
    uint16_t src[STEPS][2][16][OCL_LINE], weights[STEPS][2][16][16][2], dst[PIXELS][OUTPUTS];
    float bias[OUTPUTS];
} trial;

static const struct {
    const char *name, *option;
} texts[] = {[OCL_MATRIX_PLAIN] = {"plain arithmetic", ""},
             [OCL_MATRIX_AVX512_BF16] = {"dot products (AVX512_BF16)", " -DMATRIX_AVX512_BF16"},
             [OCL_MATRIX_AMX] = {"tile registers (AMX)", " -DMATRIX_AMX"}};

int ocl_matrix_rank(ocl_matrix family)
{
    return family == OCL_MATRIX_AMX ? 8 * OCL_TILE_RANK : 17 * OCL_TILE_RANK / 10;
}

const char *ocl_matrix_option(ocl_matrix family)
{
    return texts[family].option;
}

/* Small whole numbers, so that every order of summing gives the same: no bfloat16 but NaN is far from them. */
static void draw(trial *t)
{
    uint32_t state = 1;
    uint16_t *parts[] = {&t->src[0][0][0][0], &t->weights[0][0][0][0][0]};
    const size_t sizes[] = {sizeof t->src / sizeof **parts, sizeof t->weights / sizeof **parts};
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < sizes[part]; i++) {
            state = state * 1664525 + 1013904223;
            parts[part][i] = shunt_to_bf16((float)(int)(state >> 28) - 7);
        }
    for (int k = 0; k < OUTPUTS; k++) t->bias[k] = (float)(k - 16);
    t->src[STEPS - 1][ODD_PIXEL / 16][ODD_PIXEL % 16][5] = 0xffc0; /* NaN */
}

static uint16_t expected(const trial *t, int pixel, int output)
{
    float sum = t->bias[output];
    for (int step = 0; step < STEPS; step++)
        for (int c = 0; c < OCL_LINE; c++)
            sum += shunt_from_bf16(t->src[step][pixel / 16][pixel % 16][c]) *
                   shunt_from_bf16(t->weights[step][output / 16][c / 2][output % 16][c % 2]);
    return shunt_to_bf16(sum < 0 ? 0 : sum);
}

static bool right(const trial *t)
{
    for (int pixel = 0; pixel < PIXELS; pixel++)
        for (int output = 0; output < OUTPUTS; output++) {
            const uint16_t bits = t->dst[pixel][output];
            const bool nan = (bits & 0x7f80) == 0x7f80 && bits & 0x7f;
            if (pixel == ODD_PIXEL ? !nan : bits != expected(t, pixel, output)) return false;
        }
    return true;
}

/* Whether the family works there. */
static bool works(const ocl_found *found, const ocl_trial *trial_of)
{
    trial *t = calloc(1, sizeof *t);
    const cl_int steps = STEPS;
    if (!t) return false;
    const trial_tensor tensors[] = {
        {t->src, sizeof t->src}, {t->weights, sizeof t->weights}, {t->bias, sizeof t->bias}, {t->dst, sizeof t->dst}};
    const ocl_constant constants[] = {{sizeof steps, &steps}, {OUTPUTS * sizeof(cl_float), NULL}};
    const trial_run run = {.kernel = "matrix_probe",
                           .items = 1,
                           .ntensors = sizeof tensors / sizeof *tensors,
                           .nconstants = sizeof constants / sizeof *constants,
                           .tensors = tensors,
                           .constants = constants};
    draw(t);
    const cl_int code = ocl_trial_run(found, trial_of, &run);
    const bool good = !code && right(t);
    ocl_log(SHUNT_LOG_DEBUG, "opencl: %s of %s: %s", trial_of->what, found->info.name,
            good   ? "they work"
            : code ? ocl_code_name(code)
                   : "they compute something else");
    free(t);
    return good;
}

static bool known_to_work(const ocl_found *found, ocl_matrix family)
{
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-cl-std=CL1.2 -DB=16 -DV=16 -DMT=2 -DNT=2 -DDATA=%u%s", SHUNT_BF16,
                   ocl_matrix_option(family));
    const ocl_trial trial_of = {
        .what = texts[family].name, .source = &ocl_matrix_probe_cl, .options = options, .works = works};
    return ocl_trial_passes(found, &trial_of);
}

ocl_matrix ocl_matrix_find(const ocl_found *found)
{
    const ocl_cpu cpu = ocl_cpu_look();
    if (found->info.type != SHUNT_DEVICE_CPU) return OCL_MATRIX_PLAIN;
    if (ocl_cpu_allow_tiles(&cpu) && known_to_work(found, OCL_MATRIX_AMX)) return OCL_MATRIX_AMX;
    if (ocl_cpu_has_dots(&cpu) && known_to_work(found, OCL_MATRIX_AVX512_BF16)) return OCL_MATRIX_AVX512_BF16;
    return OCL_MATRIX_PLAIN;
}
