/* option.c - the user's options: set by the application, or SHUNT_<KEY> in the environment. The one place of the
 * library that reads the environment. Values are interned, so a pointer that was given out stays good until
 * shunt_shutdown, whatever is set or exported meanwhile. */
#include "runtime/base/option.h"

#include "runtime/base/error.h"
#include "runtime/base/place.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_CHARS = 48 };

typedef struct interned {
    struct interned *next;
    char text[];
} interned;

typedef struct option {
    struct option *next;
    const char *value;
    char key[KEY_CHARS];
} option;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static interned *strings;
static option *options;

/* Under the lock. */
static const char *intern(const char *text)
{
    for (const interned *s = strings; s; s = s->next)
        if (!strcmp(s->text, text)) return s->text;
    size_t size = strlen(text) + 1;
    interned *fresh = malloc(sizeof *fresh + size);
    if (!fresh) return NULL;
    memcpy(fresh->text, text, size);
    fresh->next = strings;
    strings = fresh;
    return fresh->text;
}

const char *option_intern(const char *text)
{
    pthread_mutex_lock(&lock);
    const char *kept = intern(text);
    pthread_mutex_unlock(&lock);
    return kept;
}

const char *option_environment(const char *name)
{
    const char *value = secure_getenv(name); /* whoever starts a program with raised rights chooses its environment */
    if (!value || !*value) return NULL;
    const char *kept = option_intern(value);
    return kept ? kept : value;
}

/* Upper case, as in the environment's name. False for what cannot be a key. */
static bool normalize(const char *key, char normal[KEY_CHARS])
{
    size_t n = key ? strlen(key) : 0;
    if (n == 0 || n >= KEY_CHARS) return false;
    for (size_t i = 0; i <= n; i++) {
        unsigned char c = (unsigned char)key[i];
        if (c && !isalnum(c) && c != '_') return false;
        normal[i] = (char)toupper(c);
    }
    return true;
}

/* Under the lock. */
static option *find(const char *normal)
{
    for (option *o = options; o; o = o->next)
        if (!strcmp(o->key, normal)) return o;
    return NULL;
}

shunt_status shunt_set_option(const char *key, const char *value)
{
    char normal[KEY_CHARS];
    if (!normalize(key, normal))
        return error_fail(SHUNT_E_INVALID, "option \"%s\": a key is 1 to %d letters, digits and underscores",
                          key ? key : "(null)", KEY_CHARS - 1);
    shunt_status status = SHUNT_OK;
    pthread_mutex_lock(&lock);
    const char *kept = value ? intern(value) : NULL;
    option *o = find(normal);
    if (value && kept && !o && (o = calloc(1, sizeof *o))) {
        memcpy(o->key, normal, sizeof normal);
        o->next = options;
        options = o;
    }
    if (value && (!kept || !o))
        status = SHUNT_E_MEMORY;
    else if (o)
        o->value = kept;
    pthread_mutex_unlock(&lock);
    return status ? error_memory() : SHUNT_OK;
}

const char *shunt_option(const char *key)
{
    char normal[KEY_CHARS], name[KEY_CHARS + 8];
    if (!normalize(key, normal)) return NULL;
    pthread_mutex_lock(&lock);
    const option *o = find(normal);
    const char *value = o ? o->value : NULL;
    pthread_mutex_unlock(&lock);
    if (value) return value;
    snprintf(name, sizeof name, "SHUNT_%s", normal);
    return option_environment(name);
}

/* Options come first: getenv finds the first of two lines of one name. */
char **options_environment(void)
{
    size_t count = 0, n = 0;
    pthread_mutex_lock(&lock);
    for (const option *o = options; o; o = o->next) count++;
    for (char **at = environ; at && *at; at++) count++;
    char **list = malloc((count + 1) * sizeof *list);
    for (const option *o = options; list && o; o = o->next) {
        char *line = NULL;
        if (!o->value || asprintf(&line, "SHUNT_%s=%s", o->key, o->value) < 0) continue;
        const char *kept = intern(line);
        if (kept) list[n++] = (char *)kept;
        free(line);
    }
    for (char **at = environ; list && at && *at; at++) list[n++] = *at;
    if (list) list[n] = NULL;
    pthread_mutex_unlock(&lock);
    return list;
}

static bool has_prefix(const char *text, const char *prefixes)
{
    for (const char *at = prefixes; *at;) {
        size_t n = strcspn(at, ":");
        if (n > 0 && !strncmp(text, at, n)) return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *option_environment_lines(const char *prefixes, const char *but)
{
    size_t chars = 1, n = 0;
    char **lines = options_environment();
    for (char **at = lines; at && *at; at++)
        if (has_prefix(*at, prefixes) && !has_prefix(*at, but)) lines[n++] = *at;
    if (lines) qsort(lines, n, sizeof *lines, by_text);
    for (size_t i = 0; i < n; i++) chars += strlen(lines[i]) + 1;
    char *text = lines ? malloc(chars) : NULL, *end = text;
    for (size_t i = 0; text && i < n; i++) {
        end = stpcpy(end, lines[i]);
        *end++ = '\n';
    }
    if (text) *end = 0;
    free(lines);
    return text;
}

void options_after_fork(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void options_free(void)
{
    pthread_mutex_lock(&lock);
    for (option *next; options; options = next) {
        next = options->next;
        free(options);
    }
    for (interned *next; strings; strings = next) {
        next = strings->next;
        free(strings);
    }
    pthread_mutex_unlock(&lock);
}

const char *shunt_data_folder(void)
{
    const char *folder = shunt_option("data_dir");
    return folder ? folder : place_data();
}
