/* plugins.c - shunt plugins: every backend, where it was found and what became of it. */
#include "commands.h"
#include "lib/say.h"
#include "lib/table.h"

json_t *plugins_json(const shunt_plugin_list *plugins)
{
    json_t *array = json_array();
    for (size_t i = 0; i < shunt_plugins_count(plugins); i++) {
        const shunt_plugin_entry *e = shunt_plugins_at(plugins, i);
        json_add(array, json_pack("{s:o, s:o, s:o, s:I, s:b, s:s, s:o}", "path", json_text(e->path), "name",
                                  json_text(e->name), "version", json_text(e->version), "devices",
                                  (json_int_t)e->devices, "loaded", e->status == SHUNT_OK, "status",
                                  shunt_status_name(e->status), "message", json_text(e->message)));
    }
    return json_pack("{s:o, s:o}", "folders", json_text(shunt_plugin_folders()), "plugins", array);
}

int print_plugins(const shunt_plugin_list *plugins)
{
    static const char *const headings[] = {"BACKEND", "VERSION", ">DEVICES", "OUTCOME", "FILE"};
    table out;
    table_begin(&out, headings, 5);
    for (size_t i = 0; i < shunt_plugins_count(plugins); i++) {
        const shunt_plugin_entry *e = shunt_plugins_at(plugins, i);
        table_cell(&out, "%s", e->name[0] ? e->name : "-");
        table_cell(&out, "%s", e->version[0] ? e->version : "-");
        table_cell(&out, "%u", (unsigned)e->devices);
        table_cell(&out, "%s", e->status == SHUNT_OK ? "loaded" : e->message);
        table_cell(&out, "%s", e->path);
    }
    int status = table_end(&out);
    putchar('\n');
    say_line("Folders searched: %s", shunt_plugin_folders());
    return status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const json_settings *self = settings;
    shunt_plugin_list *plugins = NULL;
    (void)noperands;
    (void)operands;
    shunt_set_option("probe", "isolated"); /* a plugin that crashes is named, and the others are listed */
    if (shunt_plugins_list(&plugins)) return say_library_failure(NULL);
    int status = self->json ? print_json(plugins_json(plugins), false) : print_plugins(plugins);
    shunt_plugins_free(plugins);
    return status;
}

const command plugins_command = {
    .name = "plugins",
    .summary = "List the backends and the plugin files found.",
    .text = "A backend is built in, or is a shared object in one of the folders listed. A backend that does not fit is "
            "listed with the reason; the others still work.",
    .groups = {{json_rows, 0}},
    .examples = {{"shunt plugins", "Every file tried, and the outcome."},
                 {"SHUNT_PLUGIN_PATH=$PWD/build shunt plugins", "Try a plugin that is not installed."}},
    .settings_size = sizeof(json_settings),
    .run = run,
};
