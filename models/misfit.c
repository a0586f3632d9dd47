/* misfit.c - see misfit.h. A list of differences shows at once what a file is; the first difference alone does not. */
#include "models/misfit.h"
#include "models/fitting.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { MOST_SHOWN = 10, MOST_FITTING = 3 };

bool misfit_begin(misfit *self)
{
    *self = (misfit){json_array(), json_array(), false};
    return self->network && self->file;
}

void misfit_end(misfit *self)
{
    json_decref(self->network);
    json_decref(self->file);
}

static __attribute__((format(printf, 3, 0))) void add(misfit *self, json_t *list, const char *format, va_list args)
{
    char text[320];
    vsnprintf(text, sizeof text, format, args);
    self->no_memory |= json_array_append_new(list, json_stringn_nocheck(text, strlen(text))) != 0;
}

void misfit_network(misfit *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(self, self->network, format, args);
    va_end(args);
}

void misfit_file(misfit *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(self, self->file, format, args);
    va_end(args);
}

size_t misfit_count(const misfit *self)
{
    return json_array_size(self->network) + json_array_size(self->file);
}

/* ---- The message -------------------------------------------------------------------------------------------------- */

typedef struct message {
    char text[4096];
    size_t used;
} message;

static void say(message *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(message *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(to->text + to->used, sizeof to->text - to->used, format, args);
    va_end(args);
    const size_t room = sizeof to->text - to->used;
    to->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* So many of a list, spread over all of it. */
static void say_some(message *to, const json_t *list, size_t shown)
{
    const size_t count = json_array_size(list);
    for (size_t i = 0; i < shown; i++)
        say(to, "%s%s", to->used ? "; " : "", json_string_value(json_array_get(list, i * count / shown)));
}

/* Of both lists, half of each where both are long. */
static void say_lists(const misfit *self, message *to)
{
    const size_t network = json_array_size(self->network), file = json_array_size(self->file), all = network + file;
    size_t most = file < MOST_SHOWN / 2 ? MOST_SHOWN - file : MOST_SHOWN / 2;
    const size_t from_network = network < most ? network : most;
    most = MOST_SHOWN - from_network;
    const size_t from_file = file < most ? file : most;
    say_some(to, self->network, from_network);
    say_some(to, self->file, from_file);
    if (all > from_network + from_file) say(to, "; and %zu more", all - from_network - from_file);
}

/* What all names of the file begin with, up to a dot. */
static void say_prefix(const shunt_weights *file, message *to)
{
    const char *first = shunt_weights_count(file) > 1 ? shunt_weights_at(file, 0)->name : "";
    size_t common = strlen(first);
    for (size_t i = 1; i < shunt_weights_count(file); i++) {
        const char *name = shunt_weights_at(file, i)->name;
        size_t same = 0;
        while (same < common && name[same] == first[same]) same++;
        common = same;
    }
    while (common && first[common - 1] != '.') common--;
    if (common && common < 100) say(to, "; all names in the file begin with '%.*s'", (int)common, first);
}

/* ---- What would fit --------------------------------------------------------------------------------------------------- */

typedef struct suggestions {
    const net_spec *tried;
    message *to;
    unsigned count;
} suggestions;

static bool suggest(void *context, const net_spec *net, char shortcut, int64_t classes)
{
    suggestions *self = context;
    (void)classes;
    say(self->to, "%s", self->count++ ? " or" : "; it fits: pass");
    if (strcmp(net->name, self->tried->name)) say(self->to, " --model %s", net->name);
    if (shortcut) say(self->to, " --shortcut %c", shortcut);
    return self->count < MOST_FITTING;
}

/* Whether the file is of this network, with wrong numbers or other tensors around the layers: then no other network fits better. */
static bool is_this(const net_spec *net, const shunt_weights *file, match_part part, message *to)
{
    shunt_graph *graph;
    if (net_build(net, NULL, &graph)) return false;
    const bool fits = match_fits(net, graph, file, MATCH_BACKBONE);
    if (fits && part == MATCH_ALL && !match_count_classes(net, graph, file))
        say(to, "; it has no classifier that fits: pass it to shunt train --init, which makes a new one");
    shunt_graph_destroy(graph);
    return fits;
}

static void say_what_fits(const net_spec *net, const shunt_weights *file, match_part part, message *to)
{
    suggestions self = {.tried = net, .to = to};
    if (is_this(net, file, part, to)) return;
    fitting_search(file, MATCH_BACKBONE, net, net->v1, suggest, &self);
    if (!self.count && part == MATCH_ALL) say(to, "; %s", fitting_advice);
}

shunt_status misfit_fail(const misfit *self, const net_spec *net, const shunt_weights *file, match_part part)
{
    if (self->no_memory) return error_memory();
    message *text = calloc(1, sizeof *text);
    if (!text) return error_memory();
    say_lists(self, text);
    if (misfit_count(self) > MOST_SHOWN) say_prefix(file, text);
    say_what_fits(net, file, part, text);
    shunt_status status = error_fail(SHUNT_E_INVALID, "does not fit %s: %s", net->name, text->text);
    free(text);
    return status;
}
