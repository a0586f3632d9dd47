/* op.h - the operations (ops) of a network: kinds, attributes, descriptors.
 *
 *     int main(void)
 *     {
 *         shunt_op_desc relu = {.kind = SHUNT_OP_RELU, .ninputs = 1, .noutputs = 1};
 *         relu.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {8, 1000}};
 *         relu.outputs[0] = relu.inputs[0];
 *         return shunt_op_plain_inputs(relu.kind) ? 1 : 0;
 *     }
 */
#ifndef SHUNT_OP_H
#define SHUNT_OP_H

#include <shunt/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Inputs and outputs of each kind, in this order. [x: FLAG] is present only with that flag.
 *   CONV         src (N,C,H,W), weights (K,C/groups,R,S), [bias (K): BIAS], [residual, like dst: RESIDUAL]
 *                -> dst (N,K,P,Q) = act(conv(src, weights) + bias + residual), act = ReLU with flag RELU
 *   LINEAR       src (N,C), weights (K,C), [bias (K): BIAS] -> dst (N,K), RELU as above
 *   BATCH_NORM   src (N,C,...), scale (C), shift (C), mean (C), variance (C), [residual, like dst: RESIDUAL]
 *                -> dst = (src - mean) / sqrt(variance + epsilon) * scale + shift + residual, RELU as above (inference form)
 *   RELU         src -> dst = max(src, 0); NaN stays NaN
 *   ADD          a, b of one shape -> dst = a + b, RELU as above
 *   MAX_POOL     src (N,C,H,W) -> dst (N,C,P,Q); padding counts as -infinity; NaN wins
 *   AVG_POOL     src (N,C,H,W) -> dst (N,C,P,Q); divisor: the number of the window's elements inside src; with
 *                pool.count_padding, of all its elements
 *   GLOBAL_POOL  src (N,C,H,W) -> dst (N,C), plain: the mean over H and W
 *   SOFTMAX      src (N,C) -> dst (N,C), over C, computed as exp(x - max) / sum
 *   SHORTCUT     src (N,C,H,W) -> dst (N,K,P,Q): the paper's option A. dst takes every stride-th row and column of src, with
 *                shortcut.lead zero channels before src's channels and K - C - lead after
 *   REORDER      src -> dst: the same dims in another channel block
 *
 * Kinds for training. diff_x is the gradient of the loss with respect to x. A device gives the same bits in every run, so
 * floats are never added atomically. A training batch norm is BATCH_STATISTICS, then BATCH_NORM with these statistics.
 *   BATCH_STATISTICS    src (N,C,...) -> mean (C), variance (C) over all axes but C; the variance divides by the number of values
 *   BATCH_NORM_GRAD     src, scale (C), shift (C), mean (C), variance (C): BATCH_STATISTICS of src, diff_dst like src
 *                       -> diff_src, diff_scale (C), diff_shift (C). The gradient also passes through the statistics. With
 *                       RELU the op computes BATCH_NORM's dst again, and diff_dst counts as 0 where that is not above 0
 *   BATCH_NORM_TRAIN    src, scale (C), shift (C), [residual: RESIDUAL] -> dst, mean (C), variance (C): BATCH_STATISTICS of src and
 *                       BATCH_NORM with them, RELU as there. Plans make it of the two where the device takes it
 *   RELU_GRAD           dst, diff_dst -> diff_src = diff_dst where dst > 0, else 0
 *   CONV_GRAD_SRC       weights, diff_dst, [residual, like diff_src: RESIDUAL], [mask, like diff_src: RELU]
 *                       -> diff_src (+ residual), 0 where mask is not above 0
 *   CONV_GRAD_WEIGHTS   src, diff_dst -> diff_weights, [diff_bias (K): BIAS]
 *   LINEAR_GRAD_SRC     weights, diff_dst -> diff_src
 *   LINEAR_GRAD_WEIGHTS src, diff_dst -> diff_weights, [diff_bias (K): BIAS]
 *   MAX_POOL_GRAD       src, diff_dst -> diff_src; the first of equal maxima, row by row, gets the whole gradient
 *   AVG_POOL_GRAD       diff_dst -> diff_src
 *   GLOBAL_POOL_GRAD    diff_dst (N,C) -> diff_src (N,C,H,W)
 *   SHORTCUT_GRAD       diff_dst -> diff_src
 *   CROSS_ENTROPY       logits (N,C), labels (N): class numbers -> losses (N) = -sum over c of t log(softmax(logits)), diff_logits
 *                       (N,C) = (softmax(logits) - t) / N. The target t is smoothing / C for every class, and 1 - smoothing
 *                       more for the label
 *   SGD                 weights, velocity, diff, all of one shape, rate (1), [scale (1): SCALE], [skip (1): SKIP], [squares (2): LARS]
 *                       -> weights, velocity:
 *                       g = scale * diff + weight_decay * weights, scale being 1 without SCALE;  velocity = momentum * velocity + g;
 *                       weights -= rate * velocity, or with NESTEROV rate * (g + momentum * velocity). With LARS g is multiplied by
 *                       trust * |w| / (scale * |d| + weight_decay * |w|), |w| and |d| being the square roots of squares, or by 1 where
 *                       one of the two is 0 (You et al. 2017)
 *   MOVING_AVERAGE      average, sample, [skip (1): SKIP] -> average + rate * (scale * sample - average)
 *   SHRINK              scale (C), shift (C), threshold (1), [skip (1): SKIP] -> scale, shift: both times 1 - threshold / r, where r is the
 *                       root of the mean square of all their elements; both exactly 0 where r is not above the threshold. It
 *                       follows an SGD on the same parameters: a proximal step by the norm of the two together
 * With SKIP, where skip is not 0, the outputs of all three are the inputs as they were, whatever diff and sample hold.
 *   ACCUMULATE          sum, src, of one shape, factors (2) -> sum = factors[0] * sum + factors[1] * src; where factors[0] is
 *                       0 it is factors[1] * src, whatever sum held
 * SGD, MOVING_AVERAGE, SHRINK and ACCUMULATE work in place: output i is the memory of input i.
 *   FOCAL_LOSS          logits (N,C,...), labels (N,1,...): class numbers, -1 for none; weights (N,1,...) -> losses (N,1,...) = weight * the sum
 *                       over C of -a (1 - q)^gamma log(q), diff_logits (N,C,...): the gradient of all losses' sum. Of the class that is the
 *                       label q is sigmoid(logit) and a is alpha, of others 1 - sigmoid(logit) and 1 - alpha (Lin et al. 2017)
 *   SMOOTH_L1           src (N,C,...), target like src, weights (N,1,...) -> losses (N,1,...) = weight * the sum over C of l(src - target),
 *                       diff_src (N,C,...): the gradient of all losses' sum. l(d) = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2;
 *                       at 0 the gradient of |d| is 0
 * Activations and their gradients may be blocked: src, dst, residual, mask, diff_src, diff_dst. Always plain are weights,
 * diff_weights, and all operands of SGD, MOVING_AVERAGE, SHRINK, ACCUMULATE, COUNT_NONFINITE, SUM_SQUARES, FOCAL_LOSS and SMOOTH_L1
 * (shunt_op_plain_inputs, shunt_op_plain_outputs).
 *
 * Types: an op computes in float32, or in float64 where its data are float64. Its data operands (activations and their gradients)
 * may also be stored as F16 or BF16; the op then reads them as float32, sums in float32, and rounds each element of dst once, to
 * nearest, ties to even, an overflow to infinity. Wide operands stay float32: weights, biases, the parameters and statistics of batch
 * norm, rois, index, all of LINEAR but src, all of SOFTMAX, LOG_SOFTMAX, CROSS_ENTROPY, FOCAL_LOSS, SMOOTH_L1, COUNT_NONFINITE,
 * SUM_SQUARES and of the updates (shunt_op_input_class). With flag WIDE_SRC, which only CONV has, src is wide, too: a first convolution reads pixels as they are. CONV,
 * CONV_GRAD_SRC and LINEAR multiply by weights rounded to the type of their data. Subnormal data and weights may count as 0.
 *
 * Kinds for imported graphs:
 *   TRANSPOSE    src -> dst; axis i of dst is axis transpose.axes[i] of src
 *   RESHAPE      src -> dst of reshape.rank, the same elements in row-major order. reshape.dims[i] is a size; 0 stands for
 *                the size of src's axis i, -1 for the remaining factor
 *   CONCAT       a, b, of one shape except along axis concat.axis -> dst: b after a along that axis
 *   PAD          src -> dst: axis i grows by pad.before[i] at its start and by pad.after[i] at its end; negative numbers cut it.
 *                pad.mode says what the new elements are
 *   CLIP         src -> dst = min(max(src, clip.low), clip.high); NaN stays NaN
 *   LOG_SOFTMAX  src (N,C) -> dst (N,C) = src - max - log(sum over C of exp(src - max))
 *   MATMUL       a (B,M,K), b (B,K,N) -> dst (B,M,N); where B is 1 in one input, its matrix is used for all
 *   CAST         src of type F64, F32, F16, BF16, I32 or U8 -> dst of type cast.dtype, one of these, in src's layout. To a floating
 *                type: rounds to nearest, ties to even, overflow to infinity; F64 and I32 become F16 and BF16 through F32. To an
 *                integer type: truncates toward zero, saturates at the ends of the range, and a NaN becomes 0
 *   SIGMOID      src -> dst = 1 / (1 + exp(-src)); NaN stays NaN
 *   SIGMOID_GRAD dst, diff_dst -> diff_src = diff_dst * dst * (1 - dst)
 *   MUL          a, b of one shape -> dst = a * b
 *   REDUCE_SUM   src -> dst: the sum over each axis i whose bit is set in reduce.axes; that axis becomes 1. It computes
 *                the gradient of an input that BROADCAST repeats
 *   LRN          src (N,C,...) -> dst (N,C,...) = src / (bias + alpha / size * sum)^beta, where sum adds src^2 over `size`
 *                neighbouring channels of the same pixel: (size - 1) / 2 before (rounded down), itself, and size / 2 after;
 *                channels that are not there count 0 (local response normalisation: Krizhevsky et al. 2012, in ONNX's form)
 *   COUNT_NONFINITE src, [residual (1): RESIDUAL] -> dst (1) = residual + the number of elements of src that are infinite or NaN
 *   SUM_SQUARES  weights, diff, of one shape -> dst (2): the sum of the squares of each
 *   RESIZE       src (N,C,H,W), [like: LIKE] -> dst (N,C,P,Q), interpolated (shunt_resize_attr). With LIKE P and Q are the height and
 *                width of like, whose elements are not read; only graphs have that: a plan knows the sizes and writes them into attr
 *   RESIZE_GRAD  diff_dst (N,C,P,Q) -> diff_src (N,C,H,W), of a RESIZE without LIKE
 *   ROI_ALIGN    src (N,C,H,W), rois (R,5): a picture's number and x1, y1, x2, y2 in each row, [residual, like dst: RESIDUAL]
 *                -> dst (R,C,P,Q) = the boxes cut out of src (shunt_roi_align_attr) + residual. A box is 0 where src has no picture of
 *                its number: R is the most boxes that there can be, and the rest have the number -1
 *   STEP         src -> dst = 1 where src is above 1/2, else 0 (so for NaN). In training the gradient passes through it as if dst were src
 *   GATHER       src (N,...), index (M): numbers of rows -> dst (rows.count,...): row r is row index[rows.first + r] of src; 0 where src has
 *                no such row. A row is all that has one index along axis 0
 *   SCATTER      src (N,...), rows (R,...), index (M) -> dst: src, but where src has a row index[rows.first + r], this row is row r of rows.
 *                No two of these numbers are equal. It works in place: dst is the memory of src
 * ADD and MUL with BROADCAST: a and b have the same rank; an axis of size 1 is repeated to the other input's size. Pools with
 * DILATED use pool.dilation; without it the dilation is 1.
 * New kinds are only ever added at the end. A backend refuses kinds that it does not know. */
typedef enum shunt_op_kind {
    SHUNT_OP_CONV = 1,
    SHUNT_OP_LINEAR,
    SHUNT_OP_BATCH_NORM,
    SHUNT_OP_RELU,
    SHUNT_OP_ADD,
    SHUNT_OP_MAX_POOL,
    SHUNT_OP_AVG_POOL,
    SHUNT_OP_GLOBAL_POOL,
    SHUNT_OP_SOFTMAX,
    SHUNT_OP_SHORTCUT,
    SHUNT_OP_REORDER,
    SHUNT_OP_BATCH_STATISTICS,
    SHUNT_OP_BATCH_NORM_GRAD,
    SHUNT_OP_RELU_GRAD,
    SHUNT_OP_CONV_GRAD_SRC,
    SHUNT_OP_CONV_GRAD_WEIGHTS,
    SHUNT_OP_LINEAR_GRAD_SRC,
    SHUNT_OP_LINEAR_GRAD_WEIGHTS,
    SHUNT_OP_MAX_POOL_GRAD,
    SHUNT_OP_AVG_POOL_GRAD,
    SHUNT_OP_GLOBAL_POOL_GRAD,
    SHUNT_OP_SHORTCUT_GRAD,
    SHUNT_OP_CROSS_ENTROPY,
    SHUNT_OP_SGD,
    SHUNT_OP_MOVING_AVERAGE,
    SHUNT_OP_TRANSPOSE,
    SHUNT_OP_RESHAPE,
    SHUNT_OP_CONCAT,
    SHUNT_OP_PAD,
    SHUNT_OP_CLIP,
    SHUNT_OP_LOG_SOFTMAX,
    SHUNT_OP_MATMUL,
    SHUNT_OP_CAST,
    SHUNT_OP_SIGMOID,
    SHUNT_OP_SIGMOID_GRAD,
    SHUNT_OP_MUL,
    SHUNT_OP_REDUCE_SUM,
    SHUNT_OP_LRN,
    SHUNT_OP_COUNT_NONFINITE,
    SHUNT_OP_RESIZE,
    SHUNT_OP_RESIZE_GRAD,
    SHUNT_OP_BATCH_NORM_TRAIN,
    SHUNT_OP_SHRINK,
    SHUNT_OP_ROI_ALIGN,
    SHUNT_OP_SUM_SQUARES,
    SHUNT_OP_STEP,
    SHUNT_OP_GATHER,
    SHUNT_OP_SCATTER,
    SHUNT_OP_ACCUMULATE,
    SHUNT_OP_FOCAL_LOSS,
    SHUNT_OP_SMOOTH_L1,
    SHUNT_OP_KINDS /* one past the last */
} shunt_op_kind;

enum { /* shunt_op_desc.flags; a backend refuses flags that it does not know */
       SHUNT_FLAG_BIAS = 1u << 0,
       SHUNT_FLAG_RESIDUAL = 1u << 1,
       SHUNT_FLAG_RELU = 1u << 2,
       SHUNT_FLAG_NESTEROV = 1u << 3,
       SHUNT_FLAG_BROADCAST = 1u << 4,
       SHUNT_FLAG_DILATED = 1u << 5,
       SHUNT_FLAG_SCALE = 1u << 6,
       SHUNT_FLAG_SKIP = 1u << 7,
       SHUNT_FLAG_LIKE = 1u << 8,
       SHUNT_FLAG_TRANSPOSED = 1u << 9,
       SHUNT_FLAG_LARS = 1u << 10,
       SHUNT_FLAG_WIDE_SRC = 1u << 11
};

/* Index 0 is the vertical direction, 1 the horizontal one.
 * P = (H + pad_before[0] + pad_after[0] - (dilation[0] * (R - 1) + 1)) / stride[0] + 1, Q likewise. */
typedef struct shunt_conv_attr {
    int32_t stride[2], dilation[2], pad_before[2], pad_after[2], groups;
} shunt_conv_attr;

typedef struct shunt_pool_attr {
    int32_t window[2], stride[2], pad_before[2], pad_after[2], count_padding;
    int32_t dilation[2]; /* with DILATED; else 0 */
} shunt_pool_attr;

typedef struct shunt_batch_norm_attr {
    float epsilon;
} shunt_batch_norm_attr;

typedef struct shunt_shortcut_attr {
    int32_t stride, lead;
} shunt_shortcut_attr;

typedef struct shunt_cross_entropy_attr {
    float smoothing; /* 0 .. 1 */
} shunt_cross_entropy_attr;

typedef struct shunt_focal_loss_attr {
    float alpha; /* 0 .. 1 */
    float gamma; /* 0 or more */
} shunt_focal_loss_attr;

typedef struct shunt_smooth_l1_attr {
    float beta; /* 0: l(d) = |d| */
} shunt_smooth_l1_attr;

typedef struct shunt_sgd_attr {
    float momentum, weight_decay;
    float trust; /* of LARS */
} shunt_sgd_attr;

typedef struct shunt_moving_average_attr {
    float rate, scale;
} shunt_moving_average_attr;

typedef struct shunt_transpose_attr {
    int32_t axes[SHUNT_MAX_RANK];
} shunt_transpose_attr;

typedef struct shunt_reshape_attr {
    int32_t rank, dims[SHUNT_MAX_RANK];
} shunt_reshape_attr;

typedef struct shunt_concat_attr {
    int32_t axis;
} shunt_concat_attr;

/* The new elements are: the value; a mirror image without the edge element; the edge element repeated. */
enum { SHUNT_PAD_CONSTANT, SHUNT_PAD_REFLECT, SHUNT_PAD_EDGE };

typedef struct shunt_pad_attr {
    int32_t mode;
    float value;
    int32_t before[SHUNT_MAX_RANK], after[SHUNT_MAX_RANK];
} shunt_pad_attr;

typedef struct shunt_clip_attr {
    float low, high;
} shunt_clip_attr;

typedef struct shunt_cast_attr {
    int32_t dtype; /* of dst */
} shunt_cast_attr;

typedef struct shunt_reduce_attr {
    uint32_t axes; /* bit i: axis i */
} shunt_reduce_attr;

typedef struct shunt_lrn_attr {
    int32_t size; /* 1 or more */
    float alpha, beta, bias;
} shunt_lrn_attr;

/* Row p of dst lies at row x of src, where r is H / P, or 1 / factor[0] if factor[0] is not 0:
 *     HALF_PIXEL  x = (p + 0.5) * r - 0.5
 *     CORNERS     x = p * (H - 1) / (P - 1), 0 if P is 1: the corners of both lie on each other
 *     ASYMMETRIC  x = p * r
 * x is brought into 0 .. H - 1. BILINEAR weights the rows floor(x) and floor(x) + 1 by 1 - (x - floor(x)) and x - floor(x). NEAREST takes the
 * row that `rounding` makes of x: of one half, HALF_DOWN makes 0 and HALF_UP 1. Columns likewise. PyTorch's nearest is ASYMMETRIC, FLOOR.
 * TRIANGLE and CUBIC are antialiased, as Pillow's bilinear and bicubic: of HALF_PIXEL's x, which is not brought into a range, row h of src has
 * the weight f((h - x) / max(r, 1)), divided by the sum over all rows. TRIANGLE: f(t) = 1 - |t| up to 1. CUBIC: Keys' convolution with
 * a = -1/2 up to 2. They take sizes, no factors, and have no gradient. */
enum { SHUNT_RESIZE_BILINEAR, SHUNT_RESIZE_NEAREST, SHUNT_RESIZE_TRIANGLE, SHUNT_RESIZE_CUBIC };
enum { SHUNT_RESIZE_HALF_PIXEL, SHUNT_RESIZE_CORNERS, SHUNT_RESIZE_ASYMMETRIC };
enum { SHUNT_RESIZE_FLOOR, SHUNT_RESIZE_CEIL, SHUNT_RESIZE_HALF_DOWN, SHUNT_RESIZE_HALF_UP };

typedef struct shunt_resize_attr {
    int32_t filter, coordinates, rounding; /* SHUNT_RESIZE_* */
    int32_t size[2];                       /* P, Q; 0: H * factor, rounded down, or with LIKE like's */
    float factor[2];                       /* 0: dst's size / src's */
} shunt_resize_attr;

/* In src a box reaches from x1 * scale - h to x2 * scale - h, where h is 0.5 if `aligned` is not 0, else 0; if it is 0, the box is also at
 * least 1 long. Rows likewise. The box is cut into P x Q cells of one size, and each cell into parts of one size: `sampling` in each
 * direction, or, if that is 0, as many as the cell is long, rounded up (of a cell longer than 2^20, none). The middle of each part is a
 * sample: the bilinear value of src there, as RESIZE weights it; 0 where x < -1 or x > W, and so with rows. The cell is
 *     MEAN     the sum of its samples by their number; 0 if there is none. This is torchvision's roi_align
 *     MAXIMUM  the largest of its samples, each being the largest of the four products of a bilinear weight and its element; 0 if there is
 *              none. This is ONNX's RoiAlign with mode "max"
 * With area[1] above area[0], only boxes with area[0] <= (x2 - x1) * (y2 - y1) < area[1] are cut out, others are 0: so levels of a pyramid of
 * maps, one op each that adds to the result of the one before, share out the boxes. */
enum { SHUNT_ROI_MEAN, SHUNT_ROI_MAXIMUM };

typedef struct shunt_roi_align_attr {
    int32_t size[2]; /* P, Q */
    int32_t sampling, aligned, mode;
    float scale; /* above 0: of src to the picture that x1, y1, x2, y2 are places in */
    float area[2];
} shunt_roi_align_attr;

/* Which elements of index are meant: `count` from `first` on. SCATTER has as many as `rows` has rows, and count is 0. */
typedef struct shunt_rows_attr {
    int32_t first, count;
} shunt_rows_attr;

/* A gradient op has the attributes of its forward op. */
typedef union shunt_op_attr {
    shunt_conv_attr conv;
    shunt_pool_attr pool;
    shunt_batch_norm_attr batch_norm;
    shunt_shortcut_attr shortcut;
    shunt_cross_entropy_attr cross_entropy;
    shunt_focal_loss_attr focal_loss;
    shunt_smooth_l1_attr smooth_l1;
    shunt_sgd_attr sgd;
    shunt_moving_average_attr moving_average;
    shunt_transpose_attr transpose;
    shunt_reshape_attr reshape;
    shunt_concat_attr concat;
    shunt_pad_attr pad;
    shunt_clip_attr clip;
    shunt_cast_attr cast;
    shunt_reduce_attr reduce;
    shunt_lrn_attr lrn;
    shunt_resize_attr resize;
    shunt_roi_align_attr roi_align;
    shunt_rows_attr rows;
    int32_t words[24];
} shunt_op_attr;

enum { SHUNT_MAX_INPUTS = 8, SHUNT_MAX_OUTPUTS = 4 };

/* Plain data without pointers. Fill unused fields with zeros: the bytes are part of tuning and cache keys. */
typedef struct shunt_op_desc {
    uint32_t kind, flags;
    uint32_t ninputs, noutputs;
    uint32_t constant_inputs; /* bit i: input i never changes, so op_pack may pack it once */
    uint32_t reserved;
    shunt_tensor_desc inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS];
    shunt_op_attr attr;
} shunt_op_desc;

enum { SHUNT_REASON_CHARS = 128 }; /* bytes of a text that says why an op is refused, with its final 0 */

/* Whether CAST, and so REORDER, knows the type. */
static inline int shunt_castable(uint8_t dtype)
{
    return dtype == SHUNT_F64 || dtype == SHUNT_F32 || dtype == SHUNT_F16 || dtype == SHUNT_BF16 ||
           dtype == SHUNT_I32 || dtype == SHUNT_U8;
}

/* The type of an operand. */
typedef enum shunt_operand_class {
    SHUNT_OPERAND_DATA, /* the type that the op stores its data in: all such operands of an op have the same */
    SHUNT_OPERAND_WIDE, /* float32, beside float64 data float64: it is never stored in 16 bits */
    SHUNT_OPERAND_ANY   /* any type that CAST knows; of an output: as the attributes say */
} shunt_operand_class;

/* The operands and flags of a kind. Bit i of a mask is operand i, counted as if all flags were set. */
typedef struct shunt_op_signature {
    uint32_t ninputs, noutputs;           /* without the operands that flags add */
    uint32_t flags;                       /* the flags that the kind accepts: SHUNT_FLAG_* */
    uint32_t input_flags, output_flags;   /* flags that add an input (output) after the others, in bit order */
    uint32_t plain_inputs, plain_outputs; /* these are always plain, whatever the layout of the activations */
    uint32_t wide_inputs, wide_outputs;   /* SHUNT_OPERAND_WIDE */
    uint32_t any_inputs, any_outputs;     /* SHUNT_OPERAND_ANY; all others are SHUNT_OPERAND_DATA */
    uint32_t rounded_inputs;              /* wide, but the op multiplies by them rounded to the type of its data */
} shunt_op_signature;

/* Kinds that are not listed here have one input, one output, no flags and data operands. */
static inline shunt_op_signature shunt_op_signature_of(uint32_t kind)
{
    const uint32_t all = ~0u;
    shunt_op_signature s = {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    switch (kind) {
    case SHUNT_OP_CONV:
        s.ninputs = 2;
        s.input_flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL;
        s.flags = s.input_flags | SHUNT_FLAG_RELU | SHUNT_FLAG_WIDE_SRC;
        s.plain_inputs = s.rounded_inputs = 1u << 1;
        s.wide_inputs = 1u << 1 | 1u << 2; /* weights, bias */
        break;
    case SHUNT_OP_LINEAR:
        s.ninputs = 2;
        s.input_flags = SHUNT_FLAG_BIAS;
        s.flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU;
        s.wide_inputs = 1u << 1 | 1u << 2; /* weights, bias */
        s.rounded_inputs = 1u << 1;
        s.wide_outputs = all;
        break;
    case SHUNT_OP_BATCH_NORM:
        s.ninputs = 5;
        s.input_flags = SHUNT_FLAG_RESIDUAL;
        s.flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU;
        s.wide_inputs = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4; /* all but src and residual */
        break;
    case SHUNT_OP_BATCH_NORM_TRAIN:
        s.ninputs = s.noutputs = 3;
        s.input_flags = SHUNT_FLAG_RESIDUAL;
        s.flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU;
        s.wide_inputs = s.wide_outputs = 1u << 1 | 1u << 2; /* scale, shift; mean, variance */
        break;
    case SHUNT_OP_ADD:
        s.ninputs = 2;
        s.flags = SHUNT_FLAG_RELU | SHUNT_FLAG_BROADCAST;
        break;
    case SHUNT_OP_MUL:
        s.ninputs = 2;
        s.flags = SHUNT_FLAG_BROADCAST;
        break;
    case SHUNT_OP_MAX_POOL:
    case SHUNT_OP_AVG_POOL:
        s.flags = SHUNT_FLAG_DILATED;
        break;
    case SHUNT_OP_SOFTMAX:
    case SHUNT_OP_LOG_SOFTMAX:
        s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_CAST:
    case SHUNT_OP_REORDER:
        s.any_inputs = s.any_outputs = all;
        break;
    case SHUNT_OP_CONCAT:
    case SHUNT_OP_MATMUL:
    case SHUNT_OP_RELU_GRAD:
    case SHUNT_OP_SIGMOID_GRAD:
    case SHUNT_OP_MAX_POOL_GRAD:
        s.ninputs = 2;
        break;
    case SHUNT_OP_BATCH_STATISTICS:
        s.noutputs = 2;
        s.wide_outputs = all;
        break;
    case SHUNT_OP_BATCH_NORM_GRAD:
        s.ninputs = 6;
        s.noutputs = 3;
        s.flags = SHUNT_FLAG_RELU;
        s.wide_inputs = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4; /* all but src and diff_dst */
        s.wide_outputs = 1u << 1 | 1u << 2;                    /* diff_scale, diff_shift */
        break;
    case SHUNT_OP_CONV_GRAD_SRC:
        s.ninputs = 2;
        s.input_flags = SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU;
        s.flags = s.input_flags | SHUNT_FLAG_TRANSPOSED;
        s.plain_inputs = s.wide_inputs = s.rounded_inputs = 1u << 0; /* weights */
        break;
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
        s.ninputs = 2;
        s.flags = s.output_flags = SHUNT_FLAG_BIAS;
        s.plain_outputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_LINEAR_GRAD_SRC:
        s.ninputs = 2;
        s.wide_inputs = all; /* weights, diff_dst */
        break;
    case SHUNT_OP_LINEAR_GRAD_WEIGHTS:
        s.ninputs = 2;
        s.flags = s.output_flags = SHUNT_FLAG_BIAS;
        s.wide_inputs = 1u << 1; /* diff_dst */
        s.wide_outputs = all;
        break;
    case SHUNT_OP_CROSS_ENTROPY:
        s.ninputs = s.noutputs = 2;
        s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_FOCAL_LOSS:
    case SHUNT_OP_SMOOTH_L1:
        s.ninputs = 3;
        s.noutputs = 2;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_SGD:
        s.ninputs = 4;
        s.noutputs = 2;
        s.input_flags = SHUNT_FLAG_SCALE | SHUNT_FLAG_SKIP | SHUNT_FLAG_LARS;
        s.flags = s.input_flags | SHUNT_FLAG_NESTEROV;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_MOVING_AVERAGE:
        s.ninputs = 2;
        s.flags = s.input_flags = SHUNT_FLAG_SKIP;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_SHRINK:
        s.ninputs = 3;
        s.noutputs = 2;
        s.flags = s.input_flags = SHUNT_FLAG_SKIP;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_ACCUMULATE:
        s.ninputs = 3;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_COUNT_NONFINITE:
        s.flags = s.input_flags = SHUNT_FLAG_RESIDUAL;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_SUM_SQUARES:
        s.ninputs = 2;
        s.plain_inputs = s.plain_outputs = s.wide_inputs = s.wide_outputs = all;
        break;
    case SHUNT_OP_RESIZE:
        s.flags = s.input_flags = SHUNT_FLAG_LIKE;
        break;
    case SHUNT_OP_ROI_ALIGN:
        s.ninputs = 2;
        s.flags = s.input_flags = SHUNT_FLAG_RESIDUAL;
        s.wide_inputs = 1u << 1; /* rois */
        break;
    case SHUNT_OP_GATHER:
        s.ninputs = 2;
        s.wide_inputs = 1u << 1; /* index */
        break;
    case SHUNT_OP_SCATTER:
        s.ninputs = 3;
        s.wide_inputs = 1u << 2; /* index */
        break;
    default:
        break;
    }
    return s;
}

static inline uint32_t shunt_op_flag_count(uint32_t flags)
{
    uint32_t count = 0;
    for (; flags; flags &= flags - 1) count++;
    return count;
}

/* The number of inputs (outputs) of an op of this kind with these flags. */
static inline uint32_t shunt_op_ninputs(uint32_t kind, uint32_t flags)
{
    const shunt_op_signature s = shunt_op_signature_of(kind);
    return s.ninputs + shunt_op_flag_count(flags & s.input_flags);
}

static inline uint32_t shunt_op_noutputs(uint32_t kind, uint32_t flags)
{
    const shunt_op_signature s = shunt_op_signature_of(kind);
    return s.noutputs + shunt_op_flag_count(flags & s.output_flags);
}

/* The input that a flag adds, where it is set. */
static inline uint32_t shunt_op_flag_input(uint32_t kind, uint32_t flags, uint32_t flag)
{
    return shunt_op_ninputs(kind, flags & (flag - 1));
}

static inline uint32_t shunt_op_plain_inputs(uint32_t kind)
{
    return shunt_op_signature_of(kind).plain_inputs;
}

static inline uint32_t shunt_op_plain_outputs(uint32_t kind)
{
    return shunt_op_signature_of(kind).plain_outputs;
}

/* The place of operand `index` among all that the kind can have: the operands of flags that are not set come between. */
static inline uint32_t shunt_operand_place(uint32_t always, uint32_t possible, uint32_t flags, uint32_t index)
{
    uint32_t place = index, next = always;
    for (uint32_t left = possible; left && next <= index; left &= left - 1)
        if (flags & left & (~left + 1))
            next++;
        else
            place++;
    return place;
}

/* The class of input (output) `index` of an op of this kind with these flags. */
static inline shunt_operand_class shunt_op_input_class(uint32_t kind, uint32_t flags, uint32_t index)
{
    const shunt_op_signature s = shunt_op_signature_of(kind);
    const uint32_t bit = 1u << shunt_operand_place(s.ninputs, s.input_flags, flags, index);
    if (flags & SHUNT_FLAG_WIDE_SRC && index == 0) return SHUNT_OPERAND_WIDE;
    return s.wide_inputs & bit ? SHUNT_OPERAND_WIDE : s.any_inputs & bit ? SHUNT_OPERAND_ANY : SHUNT_OPERAND_DATA;
}

static inline shunt_operand_class shunt_op_output_class(uint32_t kind, uint32_t flags, uint32_t index)
{
    const shunt_op_signature s = shunt_op_signature_of(kind);
    const uint32_t bit = 1u << shunt_operand_place(s.noutputs, s.output_flags, flags, index);
    return s.wide_outputs & bit ? SHUNT_OPERAND_WIDE : s.any_outputs & bit ? SHUNT_OPERAND_ANY : SHUNT_OPERAND_DATA;
}

/* Whether the op multiplies by input `index` rounded to the type of its data. */
static inline int shunt_op_rounds_input(const shunt_op_desc *desc, uint32_t index)
{
    return shunt_op_signature_of(desc->kind).rounded_inputs >> index & 1;
}

/* The type that the op stores its data in; where it has no data operand, that of its first input. */
static inline uint8_t shunt_op_data_type(const shunt_op_desc *desc)
{
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (shunt_op_input_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA) return desc->inputs[i].dtype;
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (shunt_op_output_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA) return desc->outputs[i].dtype;
    return desc->inputs[0].dtype;
}

/* The type of a wide operand of an op that stores its data in `data`. */
static inline uint8_t shunt_wide_type(uint8_t data)
{
    return data == SHUNT_F64 ? SHUNT_F64 : SHUNT_F32;
}

#ifdef __cplusplus
}
#endif
#endif
