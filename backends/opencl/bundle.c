/* bundle.c - see bundle.h.
 *
 * The units' texts stand one behind another. Before each stand its build options as macros, and for each name that it declares at file
 * scope a macro that adds the unit's suffix; behind it all macros are undefined again. So units know nothing of each other, and one source may
 * be there twice, with other options. */
#include "bundle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t ocl_hash(const void *bytes, size_t n)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *at = bytes, *end = at + n; at < end; at++) hash = (hash ^ *at) * 0x100000001b3u;
    return hash;
}

bool ocl_same_unit(const ocl_unit *unit, const ocl_source *source, const char *options)
{
    return unit->source == source && !strcmp(unit->options, options);
}

shunt_status ocl_units_add(ocl_units *units, const ocl_source *source, const char *options)
{
    for (uint32_t i = 0; i < units->count; i++)
        if (ocl_same_unit(&units->list[i], source, options)) return SHUNT_OK;
    if (units->count == units->room) {
        const uint32_t room = units->room ? 2 * units->room : 16;
        ocl_unit *more = realloc(units->list, room * sizeof *more);
        if (!more) return ocl_fail_memory();
        units->list = more;
        units->room = room;
    }
    ocl_unit *unit = &units->list[units->count++];
    unit->source = source;
    strcpy(unit->options, options);
    return SHUNT_OK;
}

void ocl_bundle_suffix(const ocl_unit *unit, char suffix[OCL_SUFFIX_CHARS])
{
    const uint64_t hash =
        ocl_hash(unit->source->name, strlen(unit->source->name)) ^ ocl_hash(unit->options, strlen(unit->options));
    snprintf(suffix, OCL_SUFFIX_CHARS, "_%08x", (unsigned)(hash ^ hash >> 32));
}

/* The option at *at, its name without -D; *at moves behind it. Returns the length, 0 at the end. */
static size_t next_option(const char **at, const char **option)
{
    *option = *at + strspn(*at, " ");
    const size_t n = strcspn(*option, " ");
    *at = *option + n;
    return n;
}

bool ocl_bundle_takes(const ocl_unit *unit)
{
    const char *at = unit->options, *option;
    while (next_option(&at, &option))
        if (strncmp(option, "-D", 2)) return false;
    return true;
}

/* ---- The text ---- */

typedef struct text {
    char *bytes;
    size_t used, room;
    bool failed;
} text;

static void add(text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(text *to, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const size_t n = (size_t)vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (to->used + n >= to->room && !to->failed) {
        const size_t room = 2 * (to->used + n + 1);
        char *more = realloc(to->bytes, room);
        to->failed = !more;
        if (more) {
            to->bytes = more;
            to->room = room;
        }
    }
    if (!to->failed) to->used += (size_t)vsnprintf(to->bytes + to->used, n + 1, format, again);
    va_end(again);
}

static void add_options(text *to, const char *options, bool defined)
{
    const char *option;
    for (size_t n; (n = next_option(&options, &option)) > 0;) {
        const char *name = option + 2, *value = memchr(name, '=', n - 2);
        const int name_n = (int)(value ? value - name : (long)n - 2),
                  value_n = value ? (int)(option + n - value - 1) : 1;
        if (defined)
            add(to, "#define %.*s %.*s\n", name_n, name, value_n, value ? value + 1 : "1");
        else
            add(to, "#undef %.*s\n", name_n, name);
    }
}

static void add_unit(text *to, const ocl_unit *unit)
{
    const ocl_source *source = unit->source;
    char suffix[OCL_SUFFIX_CHARS];
    ocl_bundle_suffix(unit, suffix);
    add_options(to, unit->options, true);
    for (uint32_t i = 0; source->names[i]; i++)
        add(to, "#define %s %s%s\n", source->names[i], source->names[i], suffix);
    add(to, "%s", source->text);
    for (uint32_t i = 0; source->names[i]; i++) add(to, "#undef %s\n", source->names[i]);
    for (uint32_t i = 0; source->macros[i]; i++) add(to, "#undef %s\n", source->macros[i]);
    add_options(to, unit->options, false);
}

char *ocl_bundle_text(const ocl_unit *units, uint32_t count)
{
    text all = {0};
    for (uint32_t i = 0; i < count; i++) add_unit(&all, &units[i]);
    if (all.failed) {
        free(all.bytes);
        ocl_fail_memory();
        return NULL;
    }
    return all.bytes;
}
