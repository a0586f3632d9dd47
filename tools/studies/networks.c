/* networks.c - see networks.h. */
#include "networks.h"
#include "../progress.h"
#include "../say.h"
#include <stdlib.h>
#include <string.h>

static void name_network(networks *self, size_t at)
{
    const char *name = shunt_model_name(self->models[at]);
    int same = 1;
    for (size_t i = 0; i < at; i++) same += !strcmp(shunt_model_name(self->models[i]), name);
    if (same > 1)
        snprintf(self->names[at], NETWORK_NAME, "%.48s (%d)", name, same);
    else
        snprintf(self->names[at], NETWORK_NAME, "%.48s", name);
}

int networks_open(const study_job *job, networks *out)
{
    const study_settings *settings = job->settings;
    int status = EXIT_OK;
    *out = (networks){0};
    if (!settings->data) return say_usage("no data; name a set with --data cifar10:DIR");
    if (!job->files[0])
        return say_usage("no networks; name weight files behind %s, as FILE or MODEL=FILE", job->study->name);
    for (char **file = job->files; status == EXIT_OK && *file; file++) {
        if (out->count == NETWORKS_MOST) return say_usage("more than %d networks", NETWORKS_MOST);
        status = model_from_operand(&(model_settings){0}, *file, &out->models[out->count]);
        if (status == EXIT_OK) name_network(out, out->count++);
    }
    if (status) return status;
    if (shunt_dataset_open(settings->data, NULL, &out->data)) return say_library_failure(NULL);
    out->pictures = (int64_t)shunt_dataset_count(out->data);
    if (settings->limit && settings->limit < out->pictures) out->pictures = settings->limit;
    return device_from_settings(&settings->device, &out->device);
}

void networks_close(networks *self)
{
    for (size_t i = 0; i < self->count; i++) shunt_model_destroy(self->models[i]);
    shunt_dataset_close(self->data);
    shunt_device_close(self->device);
}

/* ---- Progress ------------------------------------------------------------------------------------------------------- */

static int64_t shown; /* of the network that is running */

void networks_progress_begin(const char *label, int64_t total)
{
    progress_begin(label, (uint64_t)total);
    shown = 0;
}

void networks_progress(void *context, int64_t done)
{
    (void)context;
    if (done < shown) shown = 0; /* the next network */
    progress_advance((uint64_t)(done - shown));
    shown = done;
}

void networks_progress_end(void)
{
    progress_end();
}

/* ---- Names ---------------------------------------------------------------------------------------------------------- */

long network_depth(const char *name)
{
    return strtol(name + strcspn(name, "0123456789"), NULL, 10);
}

bool network_is_plain(const char *name)
{
    return strstr(name, "plain") != NULL;
}
