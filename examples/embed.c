/* embed.c - an application with a frame in memory: what it shows, and its embedding. embed MODEL; C99, C11 and C++17.
 * cc -o embed embed.c $(pkg-config --cflags --libs shunt) */
#include <shunt/shunt.h>
#include <stdio.h>

enum { HEIGHT = 480, WIDTH = 640, TOP = 3, MOST = 4096 };
static uint8_t pixels[HEIGHT * WIDTH * 3]; /* as a camera gives them: BGR */
static float batch[3 * 1024 * 1024], features[MOST];

int main(int argc, char **argv)
{
    static const char *const names[] = {"avgpool"};
    shunt_device *device = NULL;
    shunt_model *model = NULL;
    shunt_graph *graph = NULL;
    shunt_executor *executor = NULL;
    shunt_guess guesses[TOP];
    size_t count = 0;
    shunt_frame frame = {SHUNT_PIXELS_BGR, SHUNT_YUV_BT601, HEIGHT, WIDTH, {pixels, NULL}, {0, 0}, {0}};
    int ok = argc == 2 && !shunt_device_open(NULL, NULL, &device) && !shunt_model_open(argv[1], NULL, &model) &&
             !shunt_classify_frames(model, device, &frame, 1, TOP, guesses, &count) && /* what it shows */
             !shunt_graph_cut(shunt_model_graph(model), names, 1, &graph) && /* the network up to its embedding */
             !shunt_executor_create(graph, shunt_model_weights(model), device, &executor);
    const shunt_preprocess *how = shunt_model_preprocess(model);
    const int64_t src_dims[] = {1, 3, ok ? how->crop : 0, ok ? how->crop : 0};
    shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, src_dims), batch, NULL, 0}, dst = {src.desc, features, NULL, 0};
    ok = ok && !shunt_preprocess_frames(how, &frame, 1, batch) &&
         !shunt_executor_output(executor, &src.desc, 1, 0, &dst.desc) && shunt_tensor_count(&dst.desc) <= MOST &&
         !shunt_executor_run(executor, &src, 1, &dst, 1);
    for (size_t i = 0; i < count; i++)
        printf("%lld %.3f\n", (long long)guesses[i].index, (double)guesses[i].probability);
    if (ok) printf("%d numbers, the first %g\n", (int)dst.desc.dims[1], (double)features[0]);
    if (!ok) fprintf(stderr, "embed: %s\n", argc == 2 ? shunt_last_error() : "give one model");
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
    shunt_model_destroy(model);
    shunt_device_close(device);
    return !ok;
}
