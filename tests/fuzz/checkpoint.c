/* Fuzz target: checkpoints of a training run. The first byte says what the rest is: the whole file, or one text of its
 * metadata, put into a checkpoint that is good. What a trainer goes on from, it writes again and goes on from again. */
#include "runtime/train/trainer.h"
#include "tests/fuzz/fuzz.h"

enum { PICTURES = 20, HELD = 4, BATCH = 8, STOP_AFTER = 3, SIDE = 4, CLASSES = 10 };

static shunt_trainer *trainer;
static shunt_weights *good;
static char in_path[96];
static const char *const keys[] = {"training", "history", "gradients", "recipe", "model"};
enum { NKEYS = sizeof keys / sizeof *keys };

static void must(shunt_status status)
{
    fuzz_check(!status, "the target cannot be set up");
}

static int stop(void *context, const shunt_train_event *event)
{
    (void)context;
    return event->stage == SHUNT_TRAIN_STEP && event->step == STOP_AFTER;
}

static const shunt_dataset *make_data(void)
{
    char spec[96];
    shunt_dataset *data;
    uint8_t records[PICTURES * 3073];
    for (size_t i = 0; i < sizeof records; i++) records[i] = (uint8_t)(i % 3073 ? i * i / 97 : i / 3073 % CLASSES);
    fuzz_put("test_batch.bin", records, sizeof records);
    snprintf(spec, sizeof spec, "cifar10:%s", fuzz_make_folder());
    must(shunt_dataset_open(spec, "test", &data));
    return data;
}

static const shunt_graph *make_graph(void)
{
    const int64_t dims[] = {1, 3, SIDE, SIDE};
    shunt_graph *graph = shunt_graph_create();
    if (!graph) abort();
    shunt_value pool = shunt_graph_global_pool(graph, "pool", shunt_graph_input(graph, "pictures", 4, dims));
    shunt_graph_output(graph, "logits", shunt_graph_linear(graph, "fc", pool, CLASSES));
    must(shunt_graph_check(graph));
    return graph;
}

static void make_recipe(shunt_recipe *recipe)
{
    shunt_model *model;
    must(shunt_model_create("resnet8", NULL, &model));
    must(shunt_model_recipe(model, "fast", recipe));
    shunt_model_destroy(model);
    recipe->epochs = 2;
    recipe->batch = BATCH;
    recipe->holdout = HELD;
    recipe->pad = 1;
}

/* A run that was stopped in its second epoch, and a trainer that has not begun. */
static void set_up(void)
{
    static shunt_recipe recipe;
    static const shunt_preprocess preprocess = {SIDE, SIDE, {0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
    shunt_weights *start;
    shunt_device *device;
    char path[96];
    int finished;
    make_recipe(&recipe);
    const shunt_graph *graph = make_graph();
    must(shunt_graph_initialize(graph, 1, &start));
    must(shunt_weights_set_metadata(start, "model", "{}"));
    must(shunt_device_open("scalar", "threads=1", &device));
    const shunt_train_setup setup = {.graph = graph,
                                     .weights = start,
                                     .device = device,
                                     .data = make_data(),
                                     .preprocess = &preprocess,
                                     .recipe = &recipe,
                                     .out = fuzz_folder,
                                     .workers = 1,
                                     .log_gradients = 1,
                                     .handler = stop};
    must(shunt_trainer_create(&setup, &trainer));
    must(shunt_trainer_run(trainer, &finished));
    shunt_trainer_destroy(trainer);
    snprintf(path, sizeof path, "%s/last.ckpt", fuzz_folder);
    must(shunt_weights_open(path, &good));
    must(shunt_trainer_create(&setup, &trainer));
    must(shunt_trainer_resume(trainer, path));
    fuzz_check(shunt_trainer_step(trainer) == STOP_AFTER, "the good checkpoint is of another step");
    snprintf(in_path, sizeof in_path, "%s/in.ckpt", fuzz_folder);
}

static void put_seed(const char *folder, uint8_t kind, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/good%d", folder, kind);
    FILE *file = fopen(path, "wb");
    if (!file || fputc(kind, file) == EOF || fwrite(data, 1, size, file) != size || fclose(file)) abort();
}

/* Before libFuzzer looks for seeds, of which FUZZ_SEEDS gets some: what is in the good checkpoint. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    set_up();
    const char *folder = getenv("FUZZ_SEEDS");
    if (!folder) return 0;
    for (uint8_t i = 0; i < NKEYS; i++) {
        const char *text = shunt_weights_metadata(good, keys[i]);
        put_seed(folder, i, text, strlen(text));
    }
    put_seed(folder, NKEYS, good->file.data, good->file.size);
    return 0;
}

/* The input as a file at in_path; 0 when it cannot be one. */
static int put_input(const uint8_t *data, size_t size)
{
    const size_t kind = data[0] % (NKEYS + 1);
    if (kind == NKEYS) {
        fuzz_put("in.ckpt", data + 1, size - 1);
        return 1;
    }
    const char *key = keys[kind];
    char *before = strdup(shunt_weights_metadata(good, key)), *text = strndup((const char *)data + 1, size - 1);
    if (!before || !text) abort();
    int is_file = !shunt_weights_set_metadata(good, key, text) && !shunt_weights_save(good, in_path);
    must(shunt_weights_set_metadata(good, key, before));
    free(before);
    free(text);
    return is_file;
}

static void check_accepted(void)
{
    char path[96];
    const train_position at = trainer->at;
    size_t rows = shunt_trainer_rows(trainer);
    int64_t best = shunt_trainer_best(trainer);
    fuzz_check(at.step >= 0 && at.step <= trainer->steps, "a step that is not in the run");
    fuzz_check(rows <= (size_t)trainer->recipe.epochs && best < (int64_t)rows, "a best row that is none");
    fuzz_check(!train_save_checkpoint(trainer) && !train_save_tables(trainer), "it cannot be written again");
    snprintf(path, sizeof path, "%s/last.ckpt", fuzz_folder);
    fuzz_check(!shunt_trainer_resume(trainer, path), "what was written again is refused");
    fuzz_check(!memcmp(&at, &trainer->at, sizeof at), "what was written again is another position");
}

int fuzz_input(const uint8_t *data, size_t size)
{
    if (size < 2 || !put_input(data, size)) return -1;
    if (shunt_trainer_resume(trainer, in_path))
        fuzz_check_message();
    else
        check_accepted();
    return 0;
}
