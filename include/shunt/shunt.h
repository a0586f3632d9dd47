/* shunt.h - run residual networks on the device at hand. The header for applications.
 *
 *     shunt_device *device;  shunt_device_open(NULL, &device);         // SHUNT_DEVICE, or the best there is
 *     shunt_model *model;    shunt_model_create("resnet18", NULL, &model);
 *     shunt_model_load(model, "resnet18.safetensors");
 *     shunt_classify(model, device, "cat.jpg", 5, top, &n);
 *
 * Every function that can fail returns a shunt_status; shunt_last_error() then says, for the calling thread, what was
 * tried, why it failed and what to do. The library never prints, exits or aborts; set a log handler to see what it
 * would say. Strings are UTF-8. Sizes are bytes unless said otherwise. What a function gives through **out is the
 * caller's, until the matching destroy/close; destroying NULL does nothing.
 * Threads: functions on one object are called by one thread at a time; different objects are independent. A device may be
 * used by several models and executors in several threads at once, on every backend; it is closed after all of them. So may
 * weights that executors read, while nobody changes them. Functions without an object may be called at any time, but
 * shunt_shutdown.
 * Growth: a program keeps working with later versions of the library of the same soversion. Option structs begin with `size`
 * and may grow at their end: set it to sizeof the struct; 0 stands for the fields of the first version, and later fields
 * count as 0. Structs that the library makes and gives through a pointer (entries, reports, steps, events) may grow at their
 * end, too, so do not make arrays of them. All other structs stay as they are.
 */
#ifndef SHUNT_SHUNT_H
#define SHUNT_SHUNT_H

#include <shunt/backend.h> /* shunt_status, shunt_tensor_desc, shunt_device_info */

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SHUNT_API __attribute__((visibility("default")))
#else
#define SHUNT_API
#endif

typedef struct shunt_device shunt_device;
typedef struct shunt_weights shunt_weights;
typedef struct shunt_graph shunt_graph;
typedef struct shunt_executor shunt_executor;
typedef struct shunt_model shunt_model;

/* ---- Process ------------------------------------------------------------------------------------------------ */

SHUNT_API const char *shunt_version(void);
/* "invalid argument", "device error" ... never NULL. */
SHUNT_API const char *shunt_status_name(shunt_status status);
/* Message of the last failed call on this thread; "" when there was none. Valid until this thread's next failure. */
SHUNT_API const char *shunt_last_error(void);

/* handler gets one line without newline per message of `level` (SHUNT_LOG_*) or more urgent; NULL: silence, which is
 * the start. May be called from several threads at once. The level starts at SHUNT_LOG=error|warn|info|debug, or warn. */
typedef void (*shunt_log_handler)(void *context, int level, const char *message);
SHUNT_API void shunt_set_log_handler(shunt_log_handler handler, void *context);

/* Overrides the environment's SHUNT_<KEY>: shunt_set_option("device", "scalar"). NULL: the environment again. Call it
 * before the first use of what it is about. A process that was started with raised rights (setuid, file capabilities)
 * ignores the environment. */
SHUNT_API shunt_status shunt_set_option(const char *key, const char *value);
/* The option's value: set, or from the environment (where empty counts as unset), or NULL. Lives on until shutdown. */
SHUNT_API const char *shunt_option(const char *key);

/* Releases what plugins and their drivers hold. For the end of a process that is checked for leaks; all devices are
 * closed by then. Nothing else of the library may be called afterwards. */
SHUNT_API void shunt_shutdown(void);

/* ---- Devices ------------------------------------------------------------------------------------------------- */

typedef struct shunt_device_entry {
    const char *selector; /* "opencl:0": what SHUNT_DEVICE takes */
    const shunt_device_info *info;
} shunt_device_entry;

/* All devices of all backends, best score first within a backend's order. An entry lives as long as its list. */
typedef struct shunt_device_list shunt_device_list;
SHUNT_API shunt_status shunt_devices_list(shunt_device_list **out);
SHUNT_API size_t shunt_devices_count(const shunt_device_list *devices);
SHUNT_API const shunt_device_entry *shunt_devices_at(const shunt_device_list *devices, size_t index); /* NULL past the end */
SHUNT_API void shunt_devices_free(shunt_device_list *devices);

/* Every plugin file that was found and what became of it; the built-in backends too, with path "built in". */
typedef struct shunt_plugin_entry {
    const char *path;
    const char *name, *version; /* "" when it was refused before they were known */
    const char *message;        /* why it, or some of its devices, were refused; "" when nothing was */
    shunt_status status;
    uint32_t devices;
} shunt_plugin_entry;
typedef struct shunt_plugin_list shunt_plugin_list;
SHUNT_API shunt_status shunt_plugins_list(shunt_plugin_list **out);
SHUNT_API size_t shunt_plugins_count(const shunt_plugin_list *plugins);
SHUNT_API const shunt_plugin_entry *shunt_plugins_at(const shunt_plugin_list *plugins, size_t index); /* NULL past the end */
SHUNT_API void shunt_plugins_free(shunt_plugin_list *plugins);
/* The folders searched, in order, colon-separated. A folder or a plugin that belongs to another user than root, or that
 * others may write to, is listed as refused. */
SHUNT_API const char *shunt_plugin_folders(void);
/* Where results are cached between processes; NULL with shunt_last_error() when there is no such place, or when it belongs
 * to another user than root or is writable for others, who could put programs there. */
SHUNT_API const char *shunt_cache_folder(void);
/* Where what comes with Shunt lies: models/, samples/, tuning/. The option "data_dir", or what it was built for. */
SHUNT_API const char *shunt_data_folder(void);

/* selector: "scalar", "opencl", "opencl:N", "opencl:gpu", "opencl:cpu", "opencl:TEXT", "auto"; NULL: the option
 * "device" (SHUNT_DEVICE), or auto. TEXT is looked for in device, vendor and platform names, any case, GPUs first.
 * Fails with a message that lists the devices there are; only "auto" tries the next best one.
 * params: NULL or "threads=2" and what else the backend knows. */
SHUNT_API shunt_status shunt_device_open(const char *selector, const char *params, shunt_device **out);
SHUNT_API void shunt_device_close(shunt_device *device);
/* Lives as long as the device. */
SHUNT_API const shunt_device_entry *shunt_device_describe(const shunt_device *device);
/* What the device can do at best, measured now in about a second: float32 operations (a multiply-add is two) and bytes of
 * memory read or written. SHUNT_E_UNSUPPORTED when its backend cannot tell. */
SHUNT_API shunt_status shunt_device_measure(shunt_device *device, double *flops_per_second, double *bytes_per_second);

/* Whether a device does what backend.h says: every kind of op over drawn shapes and against the formulas, with guard bytes
 * around every buffer, NaN and infinity among the inputs, the same bits each time; the order of commands; and refusals. For
 * whoever writes a backend, and for drivers that nobody has tried. */
typedef struct shunt_verify_check {
    const char *name;     /* a kind of op, "conv"; or "graph", "queue", "errors" */
    uint64_t cases, runs; /* ops drawn; runs of them, by layout, type and algorithm */
    uint64_t refusals;    /* what the device refuses, with the last reason; no fault */
    const char *refusal;
    const char *problem; /* what is wrong; "": nothing. A check ends there */
    const char *again;   /* the options of `shunt verify` that show it again: "--op conv --seed 1 --case 39" */
} shunt_verify_check;
typedef void (*shunt_verify_handler)(void *context, const shunt_verify_check *check);
typedef struct shunt_verify_options {
    uint32_t size; /* sizeof(shunt_verify_options); 0: as in the first version */
    const char *op;           /* the one check to do; NULL: all */
    uint64_t seed, count;     /* count: ops drawn of each kind, candidates for one of graph; 0: 200 */
    int64_t only;             /* the one case to do, < 0: all */
    const shunt_graph *graph; /* its ops are checked, too, in its shapes, against plain C in float64; or NULL */
    shunt_verify_handler handler;
    void *context;
} shunt_verify_options;
/* SHUNT_E_DEVICE when a check fails; the handler, if not NULL, has heard of each. options NULL: seed 1. */
SHUNT_API shunt_status shunt_device_verify(shunt_device *device, const shunt_verify_options *options);

/* ---- Weights: named tensors and a file's metadata ---------------------------------------------------------------- */

typedef struct shunt_tensor_view {
    const char *name;
    shunt_tensor_desc desc; /* plain */
    const void *data;       /* lives as long as the weights; not aligned where a file does not align it: use memcpy */
} shunt_tensor_view;

SHUNT_API shunt_status shunt_weights_create(shunt_weights **out);
/* Maps a weight file, whose format is told by its content, after checking all of it. The file must not be changed in place
 * while it is open (replaced it may be). Tensors of a dtype that is not in enum shunt_dtype, or of a rank
 * over SHUNT_MAX_RANK, are not listed. */
SHUNT_API shunt_status shunt_weights_open(const char *path, shunt_weights **out);
SHUNT_API void shunt_weights_destroy(shunt_weights *weights);
/* "safetensors", "PyTorch (zip)", "PyTorch (legacy)", "ONNX"; NULL for weights that are not from a file. */
SHUNT_API const char *shunt_weights_format(const shunt_weights *weights);
/* What made the file, as it says itself; NULL when it does not. */
SHUNT_API const char *shunt_weights_producer(const shunt_weights *weights);
/* Tensors that are in the file but not listed: the name after `name` (NULL: the first), NULL after the last; and why. */
SHUNT_API const char *shunt_weights_unusable_next(const shunt_weights *weights, const char *name);
SHUNT_API const char *shunt_weights_unusable(const shunt_weights *weights, const char *name); /* NULL: it is not one */
/* Copies data. A tensor of that name is replaced. */
SHUNT_API shunt_status shunt_weights_set(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc,
                                         const void *data);
SHUNT_API size_t shunt_weights_count(const shunt_weights *weights);
/* "f32", "bf16" ...; "?" for no dtype. */
SHUNT_API const char *shunt_dtype_name(uint8_t dtype);
/* Turns all floating-point tensors into ones of this type (SHUNT_F32, F64, F16, BF16), rounded to nearest; others stay. Fails
 * at a number that it cannot hold; then tensors before that one are converted already. Views of before are not valid. */
SHUNT_API shunt_status shunt_weights_convert(shunt_weights *weights, uint8_t dtype);
/* In the order of the file. NULL past the end. */
SHUNT_API const shunt_tensor_view *shunt_weights_at(const shunt_weights *weights, size_t index);
SHUNT_API const shunt_tensor_view *shunt_weights_find(const shunt_weights *weights, const char *name);
SHUNT_API const char *shunt_weights_metadata(const shunt_weights *weights, const char *key); /* or NULL */
/* The key after `key`, in the order of the file; NULL gives the first one, and the last one gives NULL. */
SHUNT_API const char *shunt_weights_metadata_next(const shunt_weights *weights, const char *key);
SHUNT_API shunt_status shunt_weights_set_metadata(shunt_weights *weights, const char *key, const char *value);
/* Writes a safetensors file under a temporary name, then renames it. */
SHUNT_API shunt_status shunt_weights_save(const shunt_weights *weights, const char *path);

/* ---- Running a graph ------------------------------------------------------------------------------------------------ */

/* Gets ready to run the graph with these weights on the device. The graph is copied; weights and device
 * must outlive the executor (a plan for another shape may want them packed otherwise). Every parameter of the graph must be in the weights, in its shape. */
SHUNT_API shunt_status shunt_executor_create(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                             shunt_executor **out);
SHUNT_API void shunt_executor_destroy(shunt_executor *executor);

typedef struct shunt_tensor {
    shunt_tensor_desc desc; /* float32, plain */
    void *data;
} shunt_tensor;

/* Makes the plan for inputs of these shapes, if there is none yet; run does it too. Slow the first time (compiling).
 * Inputs may differ from the graph's own in batch and, where the ops allow it, in image size. */
SHUNT_API shunt_status shunt_executor_prepare(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs);
/* Descriptor of output `index` for inputs of these shapes. Prepares. */
SHUNT_API shunt_status shunt_executor_output(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                             size_t index, shunt_tensor_desc *out);
/* Runs and waits. outputs[i].data receives output i, and outputs[i].desc must be its descriptor. */
SHUNT_API shunt_status shunt_executor_run(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                          const shunt_tensor *outputs, size_t noutputs);

/* After runs of a graph that trains: puts what they replaced into weights, which may be those that the executor was made
 * with. Parameters of which there is nothing new are put there, too, if they are the graph's state. */
SHUNT_API shunt_status shunt_executor_fetch(shunt_executor *executor, shunt_weights *weights);

/* What a plan does, step by step. */
typedef struct shunt_step {
    const char *name, *kind;   /* "layer1.0.conv1", "conv+bias+relu" */
    const char *device;        /* selector of where it runs */
    const char *algorithm, *params;
    const char *refused;       /* why the chosen device does not do it; NULL when it does */
    char src[64], dst[64];     /* "1x64x56x56 nchw16c" */
    uint64_t flops, bytes, workspace;
    uint64_t nanoseconds;      /* of the last profiled run; 0: not known */
} shunt_step;
typedef struct shunt_plan_report {
    const shunt_step *const *steps;
    size_t nsteps;
    uint64_t activation_bytes, weight_bytes, workspace_bytes; /* device memory, all devices */
    uint64_t flops;
    char placement[128]; /* "21 ops opencl:0; softmax -> scalar" */
} shunt_plan_report;
/* Prepares. The report lives until the executor is destroyed or the next report is asked for. */
SHUNT_API shunt_status shunt_executor_report(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                             const shunt_plan_report **report);
/* From now on runs note each step's time (shunt_step.nanoseconds). Call before the first prepare. SHUNT_PROFILE=FILE turns
 * it on too and writes the steps of all runs as a Chrome trace when the executor is destroyed. */
SHUNT_API void shunt_executor_profile(shunt_executor *executor, int on);

/* Tuning: which of a device's algorithms is fastest for each op, found by trying, and kept in the cache folder. Plans use
 * what is kept. SHUNT_TUNE=off: they use the device's best guesses; fast, full: what is not known yet is tried when a plan
 * is made, but only candidates that earlier tuning on this device has found to be safe. */
typedef enum shunt_tune_stage {
    SHUNT_TUNE_START,  /* ops, known and trials tell what there is to do */
    SHUNT_TUNE_TRY,    /* a candidate is about to be tried */
    SHUNT_TUNE_TRIED,  /* and what came of it: verdict, and microseconds if it is "safe" */
    SHUNT_TUNE_CHOSEN, /* the best for an op, and what would have been used without tuning */
    SHUNT_TUNE_CONFIRM /* before CHOSEN: a candidate that was faster than the best guess is about to be timed once more */
} shunt_tune_stage;
typedef struct shunt_tune_event {
    shunt_tune_stage stage;
    uint32_t ops, known;      /* distinct ops that have a choice of algorithms; how many of them are tuned already */
    uint32_t trials;          /* candidates to try, over all ops */
    const char *name, *op;    /* of the first step that is this op; the op in words */
    uint32_t uses;            /* steps that are this op */
    const char *algorithm, *params;
    const char *verdict;      /* "safe", "wrong", "failed"; "unfinished": not tried, since it hung or crashed before */
    const char *reason;       /* why it is wrong or failed; else "" */
    double microseconds;      /* of one launch */
    const char *guess_algorithm, *guess_params; /* CHOSEN: the device's best guess, and its time, 0 if it failed */
    double guess_microseconds;
} shunt_tune_event;
typedef void (*shunt_tune_handler)(void *context, const shunt_tune_event *event);
typedef struct shunt_tune_options {
    uint32_t size; /* sizeof(shunt_tune_options); 0: as in the first version */
    int full;      /* != 0: all candidates; else the first few. Ops that are tuned already, as thoroughly, are left out */
    int retry;     /* != 0: ops that are tuned already and candidates that hung or crashed are tried again */
    int safe_only; /* != 0: only candidates that are known to be safe. Without it a candidate may hang or crash the process:
                    * do it in one that may, as `shunt tune` does. A later call leaves that candidate out. */
    shunt_tune_handler handler; /* or NULL */
    void *context;
    int force; /* != 0: tune even where the times of one and the same op spread too much to tell algorithms apart */
} shunt_tune_options;
/* Tunes the distinct ops of the plan for inputs of these shapes, each as it is found kept in the cache folder, which must
 * be there and writable. options NULL: all 0. Plans made before are dropped, and a report of them with them. */
SHUNT_API shunt_status shunt_executor_tune(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                           const shunt_tune_options *options);

/* ---- Models ------------------------------------------------------------------------------------------------------------ */

typedef struct shunt_model_options {
    uint32_t size; /* sizeof(shunt_model_options); 0: as in the first version */
    int64_t classes;          /* 0: 1000, or 10 for the CIFAR nets */
    int64_t height, width;    /* 0: 224, or 32; of the graph that is made: plans for other sizes come on demand */
    char shortcut;            /* 'A', 'B', 'C'; 0: B, or A for the CIFAR nets */
    int v1;                   /* != 0: stride in the bottleneck's 1x1, as in the paper; else in its 3x3 (v1.5) */
} shunt_model_options;

/* name: resnet18 34 50 101 152, plain18 plain34, resnetD and plainD for D = 6n+2 (CIFAR nets); where D is both, as 50
 * is, the CIFAR net is cifar-resnetD; cifar-resnet18 34, cifar-plain18 34, mini-resnet, cnn (docs/models.md). options NULL: all
 * defaults. The model has no weights yet. */
SHUNT_API shunt_status shunt_model_create(const char *name, const shunt_model_options *options, shunt_model **out);
/* Opens a file that holds a network with its weights: ONNX, opsets 7 to 21 (docs/onnx.md). options: height and width, where
 * the file leaves them open; the rest does not apply. A softmax at the end is left out: results are logits. */
SHUNT_API shunt_status shunt_model_open(const char *path, const shunt_model_options *options, shunt_model **out);
SHUNT_API void shunt_model_destroy(shunt_model *model);
SHUNT_API const char *shunt_model_name(const shunt_model *model);
SHUNT_API const shunt_graph *shunt_model_graph(const shunt_model *model);
SHUNT_API const shunt_weights *shunt_model_weights(const shunt_model *model); /* NULL before there are any */
/* Name of family of models by number, for lists; NULL past the end. */
SHUNT_API const char *shunt_model_family(size_t index);

/* Reads a weight file with torchvision's, timm's, Hugging Face's or akamaster's names, and the labels and preprocessing
 * that its metadata may hold. The error lists all tensors that are missing, too many or of another shape. */
SHUNT_API shunt_status shunt_model_load(shunt_model *model, const char *path);
/* Random but reproducible: every element is a function of tensor name, element index and seed (docs/random-weights.md). */
SHUNT_API shunt_status shunt_model_randomize(shunt_model *model, uint64_t seed);
/* Writes weights, labels and preprocessing. */
SHUNT_API shunt_status shunt_model_save(const shunt_model *model, const char *path);
/* One label a line; as many as classes. */
SHUNT_API shunt_status shunt_model_load_labels(shunt_model *model, const char *path);
SHUNT_API const char *shunt_model_label(const shunt_model *model, int64_t index); /* NULL: there are none */

/* The model's executor on a device, made on first use and kept until the model goes; the device must outlive it. */
SHUNT_API shunt_status shunt_model_executor(shunt_model *model, shunt_device *device, shunt_executor **out);
/* images: N x 3 x height x width, preprocessed; logits: N x classes. */
SHUNT_API shunt_status shunt_model_run(shunt_model *model, shunt_device *device, int64_t n, int64_t height, int64_t width,
                                       const float *images, float *logits);
SHUNT_API int64_t shunt_model_classes(const shunt_model *model);

typedef struct shunt_guess {
    int64_t index;
    const char *label; /* NULL: no labels; lives as long as the model */
    float probability;
} shunt_guess;
/* Reads, preprocesses and classifies one picture: the `top` most probable classes, best first. *found <= top. */
SHUNT_API shunt_status shunt_classify(shunt_model *model, shunt_device *device, const char *image_path, size_t top,
                                      shunt_guess *guesses, size_t *found);

/* ---- Pictures and data sets --------------------------------------------------------------------------------------------- */

typedef struct shunt_image {
    int64_t height, width;
    uint8_t *rgb; /* height x width x 3 */
} shunt_image;
/* JPEG (any colour space), PNG, PPM/PGM, told by content. At most 2^28 pixels, and what a file of its size can hold. Alpha is dropped; 16 bits become the upper
 * 8; EXIF orientation is ignored, as torchvision's loader ignores it. */
SHUNT_API shunt_status shunt_image_read(const char *path, shunt_image *out);
SHUNT_API shunt_status shunt_image_decode(const void *bytes, size_t nbytes, const char *name_for_errors, shunt_image *out);
SHUNT_API void shunt_image_free(shunt_image *image);
/* Antialiased bilinear, as Pillow does it; or with another of Pillow's filters. */
typedef enum shunt_filter { SHUNT_BILINEAR, SHUNT_BICUBIC } shunt_filter;
SHUNT_API shunt_status shunt_image_resize(const shunt_image *src, int64_t height, int64_t width, shunt_image *out);
SHUNT_API shunt_status shunt_image_resize_with(shunt_filter filter, const shunt_image *src, int64_t height, int64_t width,
                                               shunt_image *out);

/* A picture as a network wants it. Short side to `resize`, centre crop to `crop` x `crop`; the channels in this order; then
 * (value - mean) / std for each channel, where value is from 0 to 1 (a byte / 255), or the byte itself. mean[0] and std[0]
 * are those of the channel that comes first: of blue, if the order is SHUNT_BGR. */
typedef enum shunt_channels { SHUNT_RGB, SHUNT_BGR } shunt_channels;
typedef enum shunt_range { SHUNT_RANGE_1, SHUNT_RANGE_255 } shunt_range;
typedef struct shunt_preprocess {
    int64_t resize, crop;
    float mean[3], std[3];
    shunt_filter filter;
    shunt_channels channels;
    shunt_range range;
    uint32_t reserved[8]; /* 0; fields to come take their room from here */
} shunt_preprocess;
/* A preset by its name. "imagenet" (256, 224; torchvision's first weights), "imagenet-v2" (232, 224; its second ones), "timm"
 * (235, 224, bicubic: most of timm's weights, at the size they were trained at), "timm-288" (288, 288, bicubic: at their test
 * size), "caffe" (256, 224, BGR from 0 to 255); "cifar10", "cifar10-kuangliu", "cifar10-exact", "cifar100" (32, 32); and "half",
 * "unit", "raw", which leave size and filter of *out as they are: -1 to 1, 0 to 1, 0 to 255. docs/evaluating.md has the numbers. */
SHUNT_API shunt_status shunt_preprocess_preset(const char *name, shunt_preprocess *out);
/* The name of the preset that has these numbers; NULL: none has. */
SHUNT_API const char *shunt_preprocess_name(const shunt_preprocess *preprocess);
/* Sets one field by its name: "preset", or a key of the JSON text below. Texts: "224", "0.5" or "0.485,0.456,0.406", "bicubic",
 * "bgr", "255". A failure leaves *out alone. */
SHUNT_API shunt_status shunt_preprocess_set(shunt_preprocess *out, const char *field, const char *text);
/* The JSON text that weight files have as metadata "preprocess" (docs/models.md). `text` needs SHUNT_PREPROCESS_TEXT bytes. */
enum { SHUNT_PREPROCESS_TEXT = 384 };
SHUNT_API void shunt_preprocess_print(const shunt_preprocess *preprocess, char *text, size_t size);
SHUNT_API shunt_status shunt_preprocess_parse(const char *text, shunt_preprocess *out);
SHUNT_API const shunt_preprocess *shunt_model_preprocess(const shunt_model *model);
SHUNT_API void shunt_model_set_preprocess(shunt_model *model, const shunt_preprocess *preprocess);
/* dst: 3 x crop x crop floats. */
SHUNT_API shunt_status shunt_preprocess_apply(const shunt_preprocess *preprocess, const shunt_image *image, float *dst);
/* What a network is shown of a resized picture: its centre; its corners and centre and the same mirrored, in the order of
 * torchvision's TenCrop; or all of it, for a network that averages over the picture. */
typedef enum shunt_crops { SHUNT_CROP_CENTRE, SHUNT_CROP_TEN, SHUNT_CROP_WHOLE } shunt_crops;
typedef struct shunt_views {
    int64_t count, height, width;
    float *data; /* count x 3 x height x width, normalised */
} shunt_views;
SHUNT_API shunt_status shunt_preprocess_views(const shunt_preprocess *preprocess, shunt_crops crops, const shunt_image *image,
                                              shunt_views *out);
SHUNT_API void shunt_views_free(shunt_views *views);

typedef struct shunt_dataset shunt_dataset;
/* "cifar10:DIR", "cifar100:DIR" (the binary versions' folders), "imagefolder:DIR" (DIR/class/picture.jpg, or the same in
 * folders of splits, by their usual names in any case: DIR/train or DIR/Training, and DIR/val, DIR/test ...; a class with no
 * picture is an error). split: "train", "test", or NULL: what there is to test on, and of an undivided folder all. */
SHUNT_API shunt_status shunt_dataset_open(const char *spec, const char *split, shunt_dataset **out);
/* The same for an imagefolder whose pictures lie in one folder, with their labels in a text file: lines of "NAME LABEL" (or
 * "NAME,LABEL", with or without the name's ending), or of "LABEL" in the order of the names. Labels are the classes' numbers, or
 * names. labels NULL: as above. */
SHUNT_API shunt_status shunt_dataset_open_labelled(const char *spec, const char *split, const char *labels,
                                                   shunt_dataset **out);
SHUNT_API void shunt_dataset_close(shunt_dataset *dataset);
SHUNT_API size_t shunt_dataset_count(const shunt_dataset *dataset);
SHUNT_API size_t shunt_dataset_classes(const shunt_dataset *dataset);
/* The name of a class; NULL: not known. */
SHUNT_API const char *shunt_dataset_label(const shunt_dataset *dataset, size_t index);
/* The picture's file, within DIR; NULL: it has only a number. */
SHUNT_API const char *shunt_dataset_picture(const shunt_dataset *dataset, size_t index);
/* Image and label number `index`; free the image. May be called by several threads at once. */
SHUNT_API shunt_status shunt_dataset_get(const shunt_dataset *dataset, size_t index, shunt_image *image, int64_t *label);

/* ---- Evaluating --------------------------------------------------------------------------------------------------------- */

/* classes[i]: the model's class that the data set's class i is, for all the data set's classes. By names, where both have
 * them: a class is found by the model's whole label, by its first word ("n01440764 tench, Tinca tinca") or by one of the names
 * that commas separate, in any case, '_' being a blank. Where no name is found: names that are numbers are the classes' numbers,
 * and as many WordNet numbers (n01440764) as there are labels are in their order; otherwise it fails, with both lists. By number
 * where one of the two has no names. */
SHUNT_API shunt_status shunt_dataset_match(const shunt_dataset *dataset, const shunt_model *model, int64_t *classes);

typedef struct shunt_prediction {
    size_t index;                /* of the picture in the data set */
    int64_t label;               /* the data set's class */
    const double *probabilities; /* of the model's classes: means over models, sizes and crops. NULL: it cannot be read, */
    const char *failed;          /* for this reason */
} shunt_prediction;
/* != 0: stop. */
typedef int (*shunt_prediction_handler)(void *context, const shunt_prediction *prediction);

typedef struct shunt_predict_options {
    uint32_t size; /* sizeof(shunt_predict_options); 0: as in the first version */
    size_t limit; /* only so many pictures; 0: all */
    shunt_crops crops;
    const int64_t *sides; /* short sides that pictures are resized to, each in turn; nsides 0: the preprocessing's */
    size_t nsides;
    int64_t batch;   /* views in one run of a model; 0: 100 */
    int64_t workers; /* threads that read pictures; 0: as many as there are processors, at most 8 */
    int skip_bad;    /* != 0: pictures that cannot be read are told to the handler. Else they are an error */
    shunt_prediction_handler handler; /* or NULL */
    void *context;
} shunt_predict_options;
/* Runs the pictures of a data set, read ahead by threads, through models, which have the same number of classes; each has its
 * own preprocessing. *seconds: what the models took. */
SHUNT_API shunt_status shunt_predict(shunt_model *const *models, size_t nmodels, shunt_device *device,
                                     const shunt_dataset *dataset, const shunt_predict_options *options, double *seconds);

#ifdef __cplusplus
}
#endif
#endif
