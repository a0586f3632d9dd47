/* conv.cl - sizes of a convolution, as every algorithm's kernels take them; the same fields as conv_dims in
 * backends/opencl/conv.h. */
struct conv_dims {
    int N, C, H, W, K, P, Q, R, S;
    int stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups, flags;
};
