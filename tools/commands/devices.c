/* devices.c - shunt devices: every device of every backend, under the name that --device and SHUNT_DEVICE take. */
#include "commands.h"
#include "lib/say.h"
#include "lib/table.h"

static const char *type_name(uint32_t type)
{
    return type == SHUNT_DEVICE_CPU ? "cpu" : type == SHUNT_DEVICE_GPU ? "gpu" : "other";
}

static json_t *precisions_json(const shunt_device_info *info)
{
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    json_t *array = json_array();
    for (size_t i = 0; i < sizeof types; i++)
        if (shunt_device_takes(info, types[i])) json_add(array, json_string(shunt_dtype_name(types[i])));
    return array;
}

static json_t *device_json(const shunt_device_entry *entry)
{
    const shunt_device_info *info = entry->info;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:i, s:o}", "selector", entry->selector, "type",
                     type_name(info->type), "name", json_text(info->name), "vendor", json_text(info->vendor),
                     "platform", json_text(info->platform), "driver", json_text(info->driver), "score",
                     (int)info->score, "memory", (json_int_t)info->memory, "max_alloc", (json_int_t)info->max_alloc,
                     "block", (int)info->block, "precisions", precisions_json(info));
}

json_t *devices_json(const shunt_device_list *devices)
{
    json_t *array = json_array();
    for (size_t i = 0; i < shunt_devices_count(devices); i++)
        json_add(array, device_json(shunt_devices_at(devices, i)));
    return array;
}

int print_devices(const shunt_device_list *devices)
{
    static const char *const headings[] = {"DEVICE", "TYPE", ">SCORE", ">MEMORY", "NAME", "PLATFORM", "DRIVER"};
    char memory[16];
    table out;
    table_begin(&out, headings, 7);
    for (size_t i = 0; i < shunt_devices_count(devices); i++) {
        const shunt_device_entry *entry = shunt_devices_at(devices, i);
        const shunt_device_info *info = entry->info;
        table_cell(&out, "%s", entry->selector);
        table_cell(&out, "%s", type_name(info->type));
        table_cell(&out, "%d", (int)info->score);
        table_cell(&out, "%s", human_bytes(info->memory, memory));
        table_cell(&out, "%s", info->name);
        table_cell(&out, "%s", info->platform);
        table_cell(&out, "%s", info->driver);
    }
    return table_end(&out);
}

static int run(const void *settings, int noperands, char **operands)
{
    const json_settings *self = settings;
    shunt_device_list *devices = NULL;
    (void)noperands;
    (void)operands;
    shunt_set_option("probe", "isolated"); /* a plugin that crashes is named, and the others are listed */
    if (shunt_devices_list(&devices)) return say_library_failure(NULL);
    int status = self->json ? print_json(devices_json(devices), false) : print_devices(devices);
    shunt_devices_free(devices);
    return status;
}

const command devices_command = {
    .name = "devices",
    .summary = "List the devices there are.",
    .text = "The first column is what --device and SHUNT_DEVICE take; auto takes the device with the highest score.",
    .groups = {{json_rows, 0}},
    .examples = {{"shunt devices", "A table of the devices of all backends."},
                 {"shunt devices --json | jq '.[].selector'", "Only their names, for a script."}},
    .settings_size = sizeof(json_settings),
    .run = run,
};
