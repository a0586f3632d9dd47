/* key.c - what an op and a device are called in the tuning data base: readable, and the same in every process. */
#include "runtime/graph/graph.h"
#include "runtime/tune/tune.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends; what does not fit is cut off, which no op of real rank does. */
static void append(char text[TUNE_KEY_CHARS], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char text[TUNE_KEY_CHARS], const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, TUNE_KEY_CHARS - used, format, args);
    va_end(args);
}

static void append_tensor(char text[TUNE_KEY_CHARS], const shunt_tensor_desc *tensor, bool constant)
{
    append(text, " ");
    for (uint32_t i = 0; i < tensor->rank; i++) append(text, "%s%lld", i ? "x" : "", (long long)tensor->dims[i]);
    if (tensor->rank == 4 && tensor->block != SHUNT_PLAIN) append(text, ":%u", tensor->block);
    if (tensor->dtype != SHUNT_F32) append(text, ";%u", tensor->dtype);
    if (constant) append(text, "=");
}

const char *tune_op_key(const shunt_op_desc *desc, char text[TUNE_KEY_CHARS])
{
    op_label(desc->kind, desc->flags, text, TUNE_KEY_CHARS);
    for (uint32_t i = 0; i < desc->ninputs; i++) append_tensor(text, &desc->inputs[i], desc->constant_inputs >> i & 1);
    append(text, " >");
    for (uint32_t i = 0; i < desc->noutputs; i++) append_tensor(text, &desc->outputs[i], false);
    int last = sizeof desc->attr.words / sizeof desc->attr.words[0];
    while (last > 0 && desc->attr.words[last - 1] == 0) last--;
    for (int i = 0; i < last; i++) append(text, "%s%d", i ? "," : " ", desc->attr.words[i]);
    return text;
}

const char *tune_device_key(const shunt_device *device, char text[TUNE_KEY_CHARS])
{
    const shunt_device_info *info = &device->entry.info;
    snprintf(text, TUNE_KEY_CHARS, "%s | %s | %s | %s", device->backend->name, info->name, info->platform,
             info->driver);
    return text;
}

const char *tune_device_class(const shunt_device *device, char text[TUNE_KEY_CHARS])
{
    const shunt_device_info *info = &device->entry.info;
    const char *type = info->type == SHUNT_DEVICE_CPU ? "cpu" : info->type == SHUNT_DEVICE_GPU ? "gpu" : "other";
    snprintf(text, TUNE_KEY_CHARS, "%s %s %u", device->backend->name, type, info->block);
    return text;
}
