/* state_dict.c - which dictionary of a PyTorch file holds its network. Trainers store much more with it: a loss, weights of classes,
 * an optimizer's momenta, an averaged copy. It is the dictionary with most tensors named as a layer's are; of several, that
 * under the most usual key, and the log names another of the same size. */
#include "runtime/weights/torch.h"

#include "runtime/base/error.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_NESTING = 4, /* dictionaries in each other that are looked at */
    MOST_DICTS = 700, /* they are on the stack */
    NKEYS = 9
};

typedef struct candidate {
    pickle_ref dict, key;
    uint8_t rank; /* of its key; NKEYS: not a usual one */
    uint8_t depth;
    uint32_t tensors, named;
} candidate;

typedef struct candidates {
    const pickle_tree *pickle;
    candidate list[MOST_DICTS]; /* the first is the whole */
    uint32_t count;
} candidates;

/* The place of a key among those that a state dict is usually under. */
static uint32_t rank_of(const pickle_tree *pickle, pickle_ref key)
{
    static const char *const keys[NKEYS] = {"state_dict", "model",  "model_state_dict", "net",      "network",
                                            "weights",    "params", "state_dict_ema",   "model_ema"};
    uint32_t rank = 0;
    while (rank < NKEYS && !pickle_is_text(pickle, key, keys[rank])) rank++;
    return rank;
}

/* "conv1.weight", as torch.nn's layers name their tensors. */
static bool is_layers(const pickle_tree *pickle, pickle_ref key)
{
    static const char *const ends[] = {"weight", "bias", "running_mean", "running_var"};
    const pickle_node *node = &pickle->nodes[key];
    if (node->kind != PICKLE_TEXT) return false;
    const uint8_t *text = pickle->data + node->text.at;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t length = strlen(ends[i]), before = node->text.length - length;
        if (node->text.length < length || memcmp(text + before, ends[i], length)) continue;
        return !before || text[before - 1] == '.';
    }
    return false;
}

/* A dictionary counts once, under the most usual of its keys. */
static void add(candidates *all, pickle_ref dict, pickle_ref key, uint32_t depth)
{
    const uint32_t rank = depth ? rank_of(all->pickle, key) : 0;
    uint32_t i = 0;
    while (i < all->count && all->list[i].dict != dict) i++;
    if (i == MOST_DICTS) return;
    if (i == all->count)
        all->list[all->count++] = (candidate){.dict = dict, .key = key, .rank = rank, .depth = depth};
    else if (i && rank < all->list[i].rank)
        all->list[i].rank = rank, all->list[i].key = key;
}

/* Counts the tensors of candidate `index` and adds the dictionaries in it. */
static void look_into(candidates *all, uint32_t index)
{
    const pickle_tree *pickle = all->pickle;
    candidate *self = &all->list[index];
    const pickle_node *node = &pickle->nodes[self->dict];
    uint32_t cell = node->items.first;
    for (uint32_t i = 0; i + 1 < node->items.count; i += 2) {
        const pickle_cell key = pickle->cells[cell], value = pickle->cells[key.next];
        cell = value.next;
        if (torch_is_tensor(pickle, value.value)) {
            self->tensors++;
            self->named += is_layers(pickle, key.value);
        } else if (pickle->nodes[value.value].kind == PICKLE_DICT && self->depth + 1 < MOST_NESTING) {
            add(all, value.value, key.value, self->depth + 1);
        }
    }
}

/* Where no tensor is named as a layer's, each dictionary that has tensors is as good as another. */
static uint32_t score(const candidate *self, bool named)
{
    return named ? self->named : self->tensors > 0;
}

/* Under usual keys, then under others: the best, and whether another is just as good. */
static const candidate *find_best(const candidates *all, bool named, bool usual, bool *tie)
{
    const candidate *best = NULL;
    *tie = false;
    for (uint32_t i = 1; i < all->count; i++) {
        const candidate *one = &all->list[i];
        const uint32_t is = score(one, named), was = best ? score(best, named) : 0;
        if (!is || is < was || (one->rank < NKEYS) != usual) continue;
        const bool equal = is == was && one->rank == best->rank && one->depth == best->depth;
        const bool better = is > was || one->rank < best->rank || (one->rank == best->rank && one->depth < best->depth);
        if (better) best = one;
        *tie = better ? false : *tie || equal;
    }
    return best;
}

/* A network and its average, or a teacher and its student: the user must know which one it is. */
static void say_other(const candidates *all, const candidate *found, const char *path)
{
    const candidate *other = NULL;
    for (uint32_t i = 1; i < all->count && !other; i++)
        if (&all->list[i] != found && all->list[i].named == found->named) other = &all->list[i];
    if (!found->named || found == all->list || !other) return;
    char *name = pickle_string(all->pickle, found->key), *left = pickle_string(all->pickle, other->key);
    if (name && left)
        log_write(SHUNT_LOG_WARN, "%s: it has two networks of the same size; the one under \"%s\" is read, not \"%s\"",
                  path, name, left);
    free(name);
    free(left);
}

bool torch_find_state_dict(const pickle_tree *pickle, const char *path, pickle_ref *dict)
{
    candidates all = {.pickle = pickle};
    bool named = false, tie = false;
    add(&all, pickle->root, pickle->root, 0);
    for (uint32_t i = 0; i < all.count; i++) {
        look_into(&all, i);
        named |= all.list[i].named > 0;
    }
    const candidate *whole = &all.list[0], *found = find_best(&all, named, true, &tie);
    tie = false; /* of two under usual keys, such as a network and its copy, the first will do */
    if (score(whole, named) && (!found || score(whole, named) >= score(found, named))) found = whole;
    if (!found) found = find_best(&all, named, false, &tie);
    if (!found || tie) return false;
    say_other(&all, found, path);
    *dict = found->dict;
    return true;
}
