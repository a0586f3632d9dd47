/* commands.h - the sub-commands, one file each, and what several of them share. */
#ifndef SHUNT_TOOLS_COMMANDS_H
#define SHUNT_TOOLS_COMMANDS_H

#include "lib/args.h"
#include "lib/json_out.h"
#include <shunt/shunt.h>

extern const command classify_command, detect_command, segment_command, embed_command, eval_command, pull_command,
    bench_command, inspect_command, convert_command, devices_command, plugins_command, doctor_command, tune_command,
    verify_command, report_command, train_command, study_command, score_command, help_command;
extern const command *const commands[]; /* all of them, ended by NULL (main.c) */

/* ---- Options that many commands have ------------------------------------------------------------------------- */

typedef struct json_settings {
    bool json;
} json_settings;
extern const option_row json_rows[];

typedef struct device_settings {
    const char *device;
    int64_t threads; /* 0: the device's own choice */
    const char *precision;
} device_settings;
extern const option_row device_rows[];

/* Opens the device asked for. Prints why when it fails. */
int device_from_settings(const device_settings *settings, shunt_device **out);

typedef struct model_settings {
    const char *model, *weights, *shortcut;
    int64_t classes;
    bool v1;
} model_settings;
extern const option_row model_rows[];

enum { WEIGHTS_NEEDED, WEIGHTS_OR_RANDOM };

/* Makes the model that --model names, or the weight file's own metadata, and reads --weights into it, or, with `policy`
 * WEIGHTS_OR_RANDOM and no file, gives it random ones. sizes: height and width, or NULL. Prints why when it fails. */
int model_from_settings(const model_settings *settings, int policy, const shunt_model_options *sizes,
                        shunt_model **out);

/* The same for "WEIGHTS" or "MODEL=WEIGHTS" among the operands, which is changed; `usual` has the rest. Weights are needed. */
int model_from_operand(const model_settings *usual, char *operand, shunt_model **out);

/* --model is a file that holds a network, or "-": no network's name has a dot or a slash. */
bool model_is_file(const model_settings *settings);
/* --ghost: the threshold of all models that have a policy; one of them has to. text NULL: the usual one. */
int ghost_from_text(const char *text, shunt_model *const *models, size_t nmodels);

/* --epsilon: "0" or "1e-5"; text NULL: *out stays as it is. */
int epsilon_from_text(const char *text, shunt_epsilon *out);

/* The command that runs pictures through the model: "classify", "segment", "detect". */
const char *command_for(const shunt_model *model);

/* The descriptor of a batch of pictures for the model; size 0: the model's own. */
shunt_tensor_desc model_input(const shunt_model *model, int64_t batch, const int64_t size[2]);
/* And of the further inputs of the model's graph, as they stand in it: boxes. Returns how many. */
enum { MODEL_MOST_INPUTS = 3 };
size_t model_inputs(const shunt_model *model, int64_t batch, const int64_t size[2],
                    shunt_tensor_desc inputs[MODEL_MOST_INPUTS]);

typedef struct head_settings {
    const char *head, *threshold;
} head_settings;
extern const option_row head_rows[];

/* Gives the model the head that was asked for. To be done before labels are loaded. Prints why when it fails. */
int head_from_settings(const head_settings *settings, shunt_model *model, double *threshold);

typedef struct preprocess_settings {
    const char *preset, *mean, *std, *range, *channels, *resize, *crop, *filter;
} preprocess_settings;
extern const option_row preprocess_rows[];

/* The first of these options that was given, or NULL. */
const char *preprocess_option(const preprocess_settings *settings);
/* Changes *out, or the model's, to what the options say. Prints why when it fails, and then changes nothing. */
int preprocess_from_settings(const preprocess_settings *settings, shunt_preprocess *out);
int model_preprocess_from_settings(const preprocess_settings *settings, shunt_model *model);
/* The preprocessing that is used, and the property of the input that decided it: a JSON object, or a line on standard output. */
json_t *preprocess_json(const shunt_model *model);
void print_preprocess(const shunt_model *model);

/* ---- Reports ---------------------------------------------------------------------------------------------------- */

/* What shunt devices and shunt plugins print, for others to print too. */
json_t *devices_json(const shunt_device_list *devices);
json_t *plugins_json(const shunt_plugin_list *plugins);
int print_devices(const shunt_device_list *devices);
int print_plugins(const shunt_plugin_list *plugins);
#endif
