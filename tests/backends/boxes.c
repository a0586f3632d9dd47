/* boxes.c - ROI_ALIGN on one device (SHUNT_TEST_DEVICE) of boxes that are none, or far larger than the map: what op.h says of them, in a
 * time that does not grow with them. */
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>

enum { SIDE = 6, CELLS = 2, MOST = 16 };

/* The upper left cell of each box, cut out of ones, so that it is the share of its samples that count. */
static void cut(const double *rois, int64_t R, int aligned, int sampling, double *out)
{
    shunt_device *device = op_runner_open();
    const op_variant guess = {.inplace = OP_NOT_IN_PLACE};
    double ones[SIDE * SIDE], dst[MOST * CELLS * CELLS];
    shunt_op_desc op = {.kind = SHUNT_OP_ROI_ALIGN, .ninputs = 2, .noutputs = 1};
    op.attr.roi_align =
        (shunt_roi_align_attr){.size = {CELLS, CELLS}, .sampling = sampling, .aligned = aligned, .scale = 1};
    op.inputs[0] = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){1, 1, SIDE, SIDE});
    op.inputs[1] = shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){R, 5});
    op.outputs[0] = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){R, 1, CELLS, CELLS});
    for (int i = 0; i < SIDE * SIDE; i++) ones[i] = 1;
    const shunt_status status =
        op_run(device, &op, &guess, (const double *const[]){ones, rois}, (double *[]){dst}, NULL);
    if (status == SHUNT_E_UNSUPPORTED) cr_skip("%s", shunt_last_error());
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    for (int64_t r = 0; r < R; r++) out[r] = dst[r * CELLS * CELLS];
    shunt_device_close(device);
}

Test(boxes, what_is_no_box_is_zero)
{
    const double inf = INFINITY,
                 rois[] = {NAN, 0,   0,   4,   4,   -1, 0,   0, 4,   4, 1, 0,    0, 4, 4,    1e30, 0,     0, 4,    4,
                           0,   NAN, 0,   4,   4,   0,  0,   0, NAN, 4, 0, -inf, 0, 4, 4,    0,    0,     0, 4,    inf,
                           0,   inf, inf, inf, inf, 0,  1e9, 0, 2e9, 4, 0, 0,    0, 4, 1e12, 0,    -1e30, 0, 1e30, 4};
    enum { R = sizeof rois / sizeof *rois / 5 };
    double out[R];
    for (int aligned = 0; aligned < 2; aligned++) {
        cut(rois, R, aligned, 0, out);
        for (int r = 0; r < R; r++) cr_expect_eq(out[r], 0, "box %d, aligned %d: %g", r, aligned, out[r]);
    }
}

/* Samples are one element apart, the first half an element from the box's side; of them those from -1 to SIDE count. */
Test(boxes, far_larger_than_the_map_count_what_is_within)
{
    enum { R = 4 };
    const double rois[5 * R] = {0, -100, -200, 1900, 1800, 0, 0,         0,         2e5,      2e5,
                                0, -4,   -4,   8,    8,    0, -50000.25, -50000.25, 50001.75, 50001.75};
    double out[R];
    cut(rois, R, 0, 0, out);
    for (int r = 0; r < R; r++) {
        double share = 1;
        for (int axis = 1; axis < 3; axis++) {
            const double begin = rois[5 * r + axis], cell = (rois[5 * r + axis + 2] - begin) / CELLS;
            const int64_t samples = (int64_t)ceil(cell);
            int64_t within = 0;
            for (int64_t i = 0; i < samples; i++) {
                const double at = begin + ((double)i + 0.5) * cell / (double)samples;
                within += at >= -1 && at <= SIDE;
            }
            share *= (double)within / (double)samples;
        }
        cr_expect(fabs(out[r] - share) <= 1e-6 * share, "box %d: %.9g instead of %.9g", r, out[r], share);
    }
}

/* Backwards: adaptive cells have no samples, and those of a fixed number are mirrored. */
Test(boxes, from_right_to_left_are_empty_or_mirrored)
{
    enum { R = 2 };
    const double rois[5 * R] = {0, 4, 4, 1, 1, 0, 5, 1, 3, 4};
    double out[R];
    cut(rois, R, 1, 0, out);
    for (int r = 0; r < R; r++) cr_expect_eq(out[r], 0);
    cut(rois, R, 1, 2, out);
    for (int r = 0; r < R; r++) cr_expect(fabs(out[r] - 1) < 1e-6, "box %d: %g", r, out[r]);
}
