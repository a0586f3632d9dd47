/* head.c - the options that say how scores become probabilities, and which of them count. */
#include "commands/commands.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(head_settings, name)

const option_row head_rows[] = {
    {"head", OPTION_TEXT, FIELD(head), "auto|softmax|sigmoid|multi-label",
     "How the network's scores become probabilities: softmax, where one class of all is right; sigmoid, where one "
     "score decides between two classes; multi-label, where each class is right or wrong independently; auto: sigmoid "
     "for one score, multi-label for an ONNX file that ends in a Sigmoid, else softmax.",
     "auto", 0, 0},
    {"threshold", OPTION_TEXT, FIELD(threshold), "X",
     "A class counts if its probability is at least X; for sigmoid (the second class) and multi-label.", "0.5", 0, 0},
    {0}};

static bool read_threshold(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out > 0 && *out < 1;
}

int head_from_settings(const head_settings *settings, shunt_model *model, double *threshold)
{
    int head = SHUNT_HEAD_AUTO;
    if (!read_threshold(settings->threshold, threshold))
        return say_usage("--threshold %s: not a number between 0 and 1", settings->threshold);
    while (shunt_head_name((shunt_head)head) && strcmp(settings->head, shunt_head_name((shunt_head)head))) head++;
    if (!shunt_head_name((shunt_head)head))
        return say_usage("--head %s: must be auto, softmax, sigmoid or multi-label", settings->head);
    if (shunt_model_set_head(model, (shunt_head)head)) return say_usage("--head: %s", shunt_last_error());
    return EXIT_OK;
}
