/* preprocess.c - the options that say how pictures become numbers, and what was used, as text and as JSON. */
#include "commands/commands.h"
#include "lib/say.h"
#include <string.h>

#define FIELD(name) offsetof(preprocess_settings, name)

const option_row preprocess_rows[] = {
    {"preset", OPTION_TEXT, FIELD(preset), "P",
     "How pictures are resized and normalised: imagenet, imagenet-v2, timm, timm-288, segmentation, detection, caffe, "
     "cifar10, cifar10-kuangliu, cifar10-exact, cifar100; or only normalised: half (-1 to 1), unit (0 to 1), raw (0 to "
     "255). "
     "Default: what the weight file or the model says. The options below change single parts.",
     NULL, 0, 0},
    {"mean", OPTION_TEXT, FIELD(mean), "R,G,B", "The mean that is subtracted from each channel, or one number for all.",
     NULL, 0, 0},
    {"std", OPTION_TEXT, FIELD(std), "R,G,B", "The standard deviation that each channel is then divided by.", NULL, 0,
     0},
    {"range", OPTION_TEXT, FIELD(range), "1|255",
     "Pixels are numbers from 0 to 1, or from 0 to 255. Mean and deviation use the same scale.", NULL, 0, 0},
    {"channels", OPTION_TEXT, FIELD(channels), "rgb|bgr|gray",
     "The order of the channels. Mean and deviation have the same order. Networks with one channel get gray pictures.",
     NULL, 0, 0},
    {"resize", OPTION_TEXT, FIELD(resize), "N", "The short side that pictures are resized to.", NULL, 0, 0},
    {"crop", OPTION_TEXT, FIELD(crop), "N", "The side of the square in the middle that the network gets.", NULL, 0, 0},
    {"filter", OPTION_TEXT, FIELD(filter), "bilinear|bicubic", "The filter for resizing.", NULL, 0, 0},
    {0}};

/* In the order in which they are applied: a preset is what the others change. */
enum { PRESET, MEAN, STD, RANGE, CHANNELS, RESIZE, CROP, FILTER, NPARTS };

static const char *text_of(const preprocess_settings *settings, size_t part)
{
    const char *const *text = (const void *)((const char *)settings + preprocess_rows[part].offset);
    return *text;
}

const char *preprocess_option(const preprocess_settings *settings)
{
    for (size_t part = 0; part < NPARTS; part++)
        if (text_of(settings, part)) return preprocess_rows[part].name;
    return NULL;
}

/* Numbers that do not belong together, and would give wrong answers without a word. */
static int check(const preprocess_settings *settings, const shunt_preprocess *made, const shunt_preprocess *before)
{
    if (made->range != before->range && settings->range && !settings->preset && (!settings->mean || !settings->std))
        return say_usage("--range %s: give --mean and --std in these numbers, too, or --preset raw or unit",
                         settings->range);
    for (int c = 0; settings->mean && c < 3; c++)
        if (made->range == SHUNT_RANGE_1 && (made->mean[c] > 1 || made->mean[c] < -1))
            return say_usage("--mean %s: this is outside of pixels from 0 to 1; are they from 0 to 255 (--range 255)?",
                             settings->mean);
    if (settings->crop && !settings->resize && before->resize && made->resize < made->crop)
        return say_usage("--crop %s: pictures are resized to a short side of %lld; give a larger --resize, too",
                         settings->crop, (long long)made->resize);
    if (settings->resize && !settings->crop && made->resize < made->crop && before->resize >= before->crop)
        return say_usage("--resize %s: the network is shown a square of %lld; give a smaller --crop, too",
                         settings->resize, (long long)made->crop);
    return EXIT_OK;
}

int preprocess_from_settings(const preprocess_settings *settings, shunt_preprocess *out)
{
    shunt_preprocess made = *out;
    for (size_t part = 0; part < NPARTS; part++) {
        const char *text = text_of(settings, part), *name = preprocess_rows[part].name;
        if (text && shunt_preprocess_set(&made, name, text)) return say_usage("--%s: %s", name, shunt_last_error());
    }
    int status = check(settings, &made, out);
    if (status == EXIT_OK) *out = made;
    return status;
}

int model_preprocess_from_settings(const preprocess_settings *settings, shunt_model *model)
{
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    int status = preprocess_from_settings(settings, &preprocess);
    if (status == EXIT_OK) shunt_model_set_preprocess(model, &preprocess);
    return status;
}

json_t *preprocess_json(const shunt_model *model)
{
    const shunt_preprocess *preprocess = shunt_model_preprocess(model);
    const char *note = shunt_model_input_note(model);
    char text[SHUNT_PREPROCESS_TEXT];
    const char *name = shunt_preprocess_name(preprocess);
    shunt_preprocess_print(preprocess, text, sizeof text);
    json_t *object = json_loads(text, 0, NULL);
    json_put(object, "preset", name ? json_string(name) : json_null());
    if (note) json_put(object, "input", json_text(note));
    if (shunt_model_assumption(model)) json_put(object, "assumed", json_text(shunt_model_assumption(model)));
    return object;
}

void print_preprocess(const shunt_model *model)
{
    const shunt_preprocess *p = shunt_model_preprocess(model);
    const char *note = shunt_model_input_note(model);
    const char *name = shunt_preprocess_name(p);
    printf("pictures     %s%sshort side %lld (%s), crop %lld; %s from 0 to %s; mean %g,%g,%g; std %g,%g,%g\n",
           name ? name : "", name ? ": " : "", (long long)p->resize,
           p->filter == SHUNT_BICUBIC ? "bicubic" : "bilinear", (long long)p->crop,
           p->channels == SHUNT_GRAY  ? "gray"
           : p->channels == SHUNT_BGR ? "BGR"
                                      : "RGB",
           p->range == SHUNT_RANGE_255 ? "255" : "1", (double)p->mean[0], (double)p->mean[1], (double)p->mean[2],
           (double)p->std[0], (double)p->std[1], (double)p->std[2]);
    if (note) printf("             %s\n", note);
    if (shunt_model_assumption(model)) printf("network      %s\n", shunt_model_assumption(model));
}
