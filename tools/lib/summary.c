/* summary.c - see summary.h. */
#include "summary.h"
#include "precision.h"
#include "say.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

double summary_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* How many of the plan's steps run elsewhere. */
static void note_steps(const run_summary *self, char *text, size_t size)
{
    shunt_executor *executor;
    const shunt_plan_report *plan;
    const char *selector = shunt_device_describe(self->device)->selector;
    size_t elsewhere = 0;
    *text = '\0';
    if (shunt_model_executor(self->model, self->device, &executor) ||
        shunt_executor_report(executor, &self->input, 1, &plan))
        return;
    for (size_t i = 0; i < plan->nsteps; i++) elsewhere += strcmp(plan->steps[i]->device, selector) != 0;
    if (elsewhere)
        snprintf(text, size, ", %zu of %zu steps in plain C", elsewhere, plan->nsteps);
    else
        snprintf(text, size, ", all %zu steps on it", plan->nsteps);
    char precision[PRECISION_CHARS];
    const size_t used = strlen(text);
    const shunt_precision taken = precision_of(executor);
    if (!precision_is_usual(taken))
        snprintf(text + used, size - used, ", data in %s", precision_text(taken, precision));
}

void summary_say(const run_summary *self)
{
    char text[1200], steps[720] = "", failures[40] = "none failed";
    const shunt_device_entry *device = shunt_device_describe(self->device);
    if (self->failed < self->pictures) note_steps(self, steps, sizeof steps);
    if (self->failed) snprintf(failures, sizeof failures, "%zu failed", self->failed);
    snprintf(text, sizeof text, "%zu picture%s on %s (%.100s)%s: %.3g s, %.3g a second, %s", self->pictures,
             self->pictures == 1 ? "" : "s", device->selector, device->info->name, steps, self->seconds,
             (double)self->pictures / self->seconds, failures);
    say_info(text);
}
