/* overlay.c - an OpenCL filter, a network and an OpenCL overlay in one context: overlay MODEL PICTURE OUTPUT.ppm [FRAMES]
 * The picture is on the device from the first to the last step, and nothing waits but the end. A bar below the picture is as long as
 * the best class is probable. cc -o overlay overlay.c $(pkg-config --cflags --libs shunt) -lOpenCL */
#include <shunt/opencl.h>
#include <shunt/shunt.h>
#include <stdio.h>
#include <stdlib.h>

static const char program_text[] =
    "kernel void filter(global const uchar *rgb, global float *planes, int height, int width, float4 mean, float4 "
    "std)\n"
    "{\n" /* one work-item for each pixel of the network's input: nearest neighbour, then (value - mean) / std */
    "    const int x = get_global_id(0), y = get_global_id(1), W = get_global_size(0), H = get_global_size(1);\n"
    "    const global uchar *p = rgb + 3 * ((size_t)(y * height / H) * width + x * width / W);\n"
    "    planes[y * W + x] = (p[0] / 255.0f - mean.x) / std.x;\n"
    "    planes[(H + y) * W + x] = (p[1] / 255.0f - mean.y) / std.y;\n"
    "    planes[(2 * H + y) * W + x] = (p[2] / 255.0f - mean.z) / std.z;\n"
    "}\n"
    "kernel void overlay(global const float *scores, int classes, global uchar *rgb, int height, int width)\n"
    "{\n" /* one work-item for each column of the picture */
    "    const int x = get_global_id(0);\n"
    "    float best = scores[0], sum = 0;\n"
    "    for (int c = 1; c < classes; c++) best = fmax(best, scores[c]);\n"
    "    for (int c = 0; c < classes; c++) sum += exp(scores[c] - best);\n"
    "    for (int y = height - height / 16; y < height; y++)\n"
    "        vstore3(x < width / sum ? (uchar3)(255, 64, 0) : (uchar3)(0), (size_t)y * width + x, rgb);\n"
    "}\n";

static int check(cl_int code, const char *what)
{
    if (code) fprintf(stderr, "overlay: %s: OpenCL's code %d\n", what, (int)code), exit(1);
    return 0;
}

static void need(shunt_status status)
{
    if (status) fprintf(stderr, "overlay: %s\n", shunt_last_error()), exit(1);
}

typedef struct arg {
    size_t bytes;
    const void *value;
} arg;

static void launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims, const size_t *items, cl_uint count,
                   const arg *args)
{
    for (cl_uint i = 0; i < count; i++)
        check(clSetKernelArg(kernel, i, args[i].bytes, args[i].value), "clSetKernelArg");
    check(clEnqueueNDRangeKernel(queue, kernel, dims, NULL, items, NULL, 0, NULL, NULL), "clEnqueueNDRangeKernel");
}

int main(int argc, char **argv)
{
    cl_platform_id platforms[8];
    cl_uint nplatforms = 0;
    cl_device_id id = NULL;
    cl_int code = argc < 4 ? (fprintf(stderr, "overlay MODEL PICTURE OUTPUT.ppm [FRAMES]\n"), exit(2), 0) : 0;
    check(clGetPlatformIDs(8, platforms, &nplatforms), "clGetPlatformIDs");
    for (cl_uint i = 0; i < nplatforms && !id; i++)
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &id, NULL)) id = NULL;
    if (!id) return fprintf(stderr, "overlay: no OpenCL device\n"), 1;
    cl_context context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
    check(code, "clCreateContext");
    cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    check(code, "clCreateCommandQueue");
    const char *text = program_text;
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &code);
    check(code || clBuildProgram(program, 1, &id, "", NULL, NULL), "clBuildProgram");
    cl_kernel filter = clCreateKernel(program, "filter", &code), overlay = clCreateKernel(program, "overlay", &code);
    check(code, "clCreateKernel");

    shunt_image picture;
    shunt_device *device;
    shunt_model *model;
    shunt_executor *executor;
    shunt_buffer *in, *out;
    need(shunt_image_read(argv[2], &picture));
    need(shunt_opencl_device(queue, &device));
    need(shunt_model_open(argv[1], NULL, &model));
    need(shunt_model_executor(model, device, &executor));
    const shunt_preprocess *how = shunt_model_preprocess(model);
    const int64_t side = how->crop, src_dims[] = {1, 3, side, side}, dst_dims[] = {1, shunt_model_classes(model)};
    const size_t bytes = 3 * (size_t)(picture.height * picture.width);
    cl_mem rgb = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes, picture.rgb, &code);
    cl_mem planes = clCreateBuffer(context, CL_MEM_READ_WRITE, (size_t)(3 * side * side) * sizeof(float), NULL, &code);
    cl_mem scores = clCreateBuffer(context, CL_MEM_READ_WRITE, (size_t)dst_dims[1] * sizeof(float), NULL, &code);
    check(code, "clCreateBuffer");
    need(shunt_opencl_buffer(device, planes, &in));
    need(shunt_opencl_buffer(device, scores, &out));

    const cl_int height = (cl_int)picture.height, width = (cl_int)picture.width, classes = (cl_int)dst_dims[1];
    const cl_float4 mean = {{how->mean[0], how->mean[1], how->mean[2], 0}},
                    std = {{how->std[0], how->std[1], how->std[2], 1}};
    const size_t pixels[] = {(size_t)side, (size_t)side}, columns[] = {(size_t)width};
    const arg before[] = {{sizeof rgb, &rgb},     {sizeof planes, &planes}, {sizeof height, &height},
                          {sizeof width, &width}, {sizeof mean, &mean},     {sizeof std, &std}};
    const arg after[] = {{sizeof scores, &scores},
                         {sizeof classes, &classes},
                         {sizeof rgb, &rgb},
                         {sizeof height, &height},
                         {sizeof width, &width}};
    const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, src_dims), NULL, in, 0};
    const shunt_tensor dst = {shunt_tensor_make(SHUNT_F32, 2, dst_dims), NULL, out, 0};
    for (int frame = argc > 4 ? atoi(argv[4]) : 1; frame > 0; frame--) {
        launch(queue, filter, 2, pixels, 6, before);
        need(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL));
        launch(queue, overlay, 1, columns, 5, after);
    }
    check(clEnqueueReadBuffer(queue, rgb, CL_TRUE, 0, bytes, picture.rgb, 0, NULL, NULL), "clEnqueueReadBuffer");
    FILE *file = fopen(argv[3], "wb");
    if (!file || fprintf(file, "P6 %d %d 255\n", width, height) < 0 || fwrite(picture.rgb, 1, bytes, file) != bytes ||
        fclose(file))
        return perror(argv[3]), 1;
    shunt_buffer_destroy(in), shunt_buffer_destroy(out), shunt_model_destroy(model);
    clReleaseMemObject(rgb), clReleaseMemObject(planes), clReleaseMemObject(scores);
    clReleaseKernel(filter), clReleaseKernel(overlay), clReleaseProgram(program);
    shunt_device_close(device), shunt_image_free(&picture), clReleaseCommandQueue(queue);
    return clReleaseContext(context) != CL_SUCCESS;
}
