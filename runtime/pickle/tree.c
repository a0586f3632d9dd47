/* tree.c - looking at what a pickle was made into. */
#include "runtime/pickle/pickle.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 4096 };

void pickle_free(pickle_tree *self)
{
    free(self->nodes);
    free(self->cells);
    *self = (pickle_tree){0};
}

uint64_t pickle_offset(const pickle_tree *self, const pickle_node *node)
{
    return self->offset + node->offset;
}

bool pickle_is_text(const pickle_tree *self, pickle_ref ref, const char *text)
{
    const pickle_node *node = &self->nodes[ref];
    return node->kind == PICKLE_TEXT && node->text.length == strlen(text) &&
           !memcmp(self->data + node->text.at, text, node->text.length);
}

bool pickle_is_global(const pickle_tree *self, pickle_ref ref, const char *module, const char *name)
{
    const pickle_node *node = &self->nodes[ref];
    return node->kind == PICKLE_GLOBAL && pickle_is_text(self, node->pair.first, module) &&
           pickle_is_text(self, node->pair.second, name);
}

char *pickle_string(const pickle_tree *self, pickle_ref ref)
{
    const pickle_node *node = &self->nodes[ref];
    if (node->kind != PICKLE_TEXT || node->text.length > MOST_TEXT) return NULL;
    if (memchr(self->data + node->text.at, 0, node->text.length)) return NULL;
    return strndup((const char *)self->data + node->text.at, node->text.length);
}

bool pickle_integer(const pickle_tree *self, pickle_ref ref, int64_t *out)
{
    if (self->nodes[ref].kind != PICKLE_INT) return false;
    *out = self->nodes[ref].integer;
    return true;
}

/* Keys are ASCII, whose bytes are the same in all encodings. */
static bool is_key(const pickle_tree *self, pickle_ref ref, const char *key)
{
    const pickle_node *node = pickle_text_of(self, ref);
    return node && node->text.length == strlen(key) && !memcmp(self->data + node->text.at, key, node->text.length);
}

bool pickle_find(const pickle_tree *self, pickle_ref dict, const char *key, pickle_ref *out)
{
    const pickle_node *node = &self->nodes[dict];
    if (node->kind != PICKLE_DICT) return false;
    bool found = false;
    uint32_t cell = node->items.first;
    for (uint32_t i = 0; i + 1 < node->items.count; i += 2) {
        const pickle_cell name = self->cells[cell], value = self->cells[name.next];
        cell = value.next;
        if (!is_key(self, name.value, key)) continue;
        *out = value.value;
        found = true;
    }
    return found;
}

int64_t pickle_items(const pickle_tree *self, pickle_ref ref, pickle_ref *refs, uint32_t most)
{
    const pickle_node *node = &self->nodes[ref];
    if (node->kind != PICKLE_TUPLE && node->kind != PICKLE_LIST) return -1;
    uint32_t cell = node->items.first;
    for (uint32_t i = 0; i < node->items.count && i < most; i++, cell = self->cells[cell].next)
        refs[i] = self->cells[cell].value;
    return node->items.count;
}
