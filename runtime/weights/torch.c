/* torch.c - from the pickle of a PyTorch file to tensors: views the tensors of its state dict where they lie in their storages.
 * A tensor that is not laid out row by row, or has another byte order, is copied. The copies have a budget, because strides can
 * make a large tensor out of a small storage. */
#include "runtime/weights/torch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum {
    MOST_TENSORS = 1 << 16,
    MOST_COPIED = 16 << 20, /* bytes that may be copied beyond twice the file's own */
    MOST_NAME = 64,         /* bytes of a network's name */
    MOST_WRAPPERS = 4       /* a parameter in a parameter ... around a tensor */
};

static const torch_type types[] = {
    {"FloatStorage", 4, SHUNT_F32},  {"DoubleStorage", 8, SHUNT_F64},
    {"HalfStorage", 2, SHUNT_F16},   {"BFloat16Storage", 2, SHUNT_BF16},
    {"LongStorage", 8, SHUNT_I64},   {"IntStorage", 4, SHUNT_I32},
    {"ShortStorage", 2, SHUNT_I16},  {"CharStorage", 1, SHUNT_I8},
    {"ByteStorage", 1, SHUNT_U8},    {"BoolStorage", 1, SHUNT_BOOL},
    {"UntypedStorage", 1, 0},        {"ComplexFloatStorage", 8, 0},
    {"ComplexDoubleStorage", 16, 0}, {"QInt8Storage", 1, 0},
    {"QUInt8Storage", 1, 0},         {"QInt32Storage", 4, 0},
};

/* ---- Storages ------------------------------------------------------------------------------------------------- */

/* The class as torch, torch.cuda or torch.storage has it; NULL for any other. */
static const torch_type *find_type(const pickle_tree *pickle, pickle_ref ref)
{
    const pickle_node *node = &pickle->nodes[ref];
    if (node->kind != PICKLE_GLOBAL) return NULL;
    if (!pickle_is_text(pickle, node->pair.first, "torch") && !pickle_is_text(pickle, node->pair.first, "torch.cuda") &&
        !pickle_is_text(pickle, node->pair.first, "torch.storage"))
        return NULL;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (pickle_is_text(pickle, node->pair.second, types[i].name)) return &types[i];
    return NULL;
}

/* A persistent id of a storage: ("storage", class, key, device, count[, view]). */
enum { ID_TAG, ID_TYPE, ID_KEY, ID_DEVICE, ID_COUNT, ID_VIEW, ID_ITEMS };

static shunt_status fail_at(const torch_file *self, const pickle_node *node, const char *what)
{
    return error_fail(SHUNT_E_INVALID, "%s: %s (byte %" PRIu64 ")", self->path, what,
                      pickle_offset(&self->pickle, node));
}

static shunt_status read_id(const torch_file *self, const pickle_node *node, const pickle_ref *id, torch_storage *out)
{
    int64_t count;
    out->type = find_type(&self->pickle, id[ID_TYPE]);
    if (!out->type) return fail_at(self, node, "a storage of an unknown class");
    uint64_t bytes;
    if (!pickle_integer(&self->pickle, id[ID_COUNT], &count) || count < 0 ||
        __builtin_mul_overflow((uint64_t)count, out->type->bytes, &bytes) || bytes > PTRDIFF_MAX)
        return fail_at(self, node, "a storage whose size is not a number of elements");
    out->count = (uint64_t)count;
    out->key = pickle_string(&self->pickle, id[ID_KEY]);
    return out->key ? SHUNT_OK : fail_at(self, node, "a storage whose key is not a text");
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const torch_storage *)a)->key, ((const torch_storage *)b)->key);
}

/* Whether the node is the id of a storage, whose parts go to id. */
static bool is_storage(const pickle_tree *pickle, const pickle_node *node, pickle_ref id[ID_ITEMS])
{
    if (node->kind != PICKLE_PERSISTENT) return false;
    int64_t items = pickle_items(pickle, node->pair.first, id, ID_ITEMS);
    return items >= ID_VIEW && pickle_is_text(pickle, id[ID_TAG], "storage");
}

static shunt_status add_storage(torch_file *self, const pickle_node *node, const pickle_ref *id)
{
    torch_storage storage = {0};
    if (self->nstorages == self->room) {
        size_t room = self->room ? 2 * self->room : 64;
        torch_storage *grown = reallocarray(self->storages, room, sizeof *grown);
        if (!grown) return error_memory();
        self->storages = grown;
        self->room = room;
    }
    shunt_status status = read_id(self, node, id, &storage);
    if (!status) self->storages[self->nstorages++] = storage;
    return status;
}

/* One of each key. The same key must mean the same storage. */
static shunt_status merge_storages(torch_file *self)
{
    size_t kept = 0;
    shunt_status status = SHUNT_OK;
    if (self->nstorages) qsort(self->storages, self->nstorages, sizeof *self->storages, by_key);
    for (size_t i = 0; i < self->nstorages; i++) {
        torch_storage *now = &self->storages[i], *last = kept ? &self->storages[kept - 1] : NULL;
        if (!last || strcmp(last->key, now->key)) {
            self->storages[kept++] = *now;
            continue;
        }
        if (last->type != now->type || last->count != now->count)
            status =
                error_fail(SHUNT_E_INVALID,
                           "%s: storage '%.100s' is of %" PRIu64 " elements of %s, and elsewhere of %" PRIu64 " of %s",
                           self->path, now->key, last->count, last->type->name, now->count, now->type->name);
        free(now->key);
    }
    self->nstorages = kept;
    return status;
}

shunt_status torch_list_storages(torch_file *self)
{
    const pickle_tree *pickle = &self->pickle;
    for (uint32_t i = 0; i < pickle->nnodes; i++) {
        pickle_ref id[ID_ITEMS];
        if (!is_storage(pickle, &pickle->nodes[i], id)) continue;
        shunt_status status = self->nstorages < MOST_TENSORS
                                  ? add_storage(self, &pickle->nodes[i], id)
                                  : error_fail(SHUNT_E_INVALID, "%s: over %d storages", self->path, MOST_TENSORS);
        if (status) return status;
    }
    return merge_storages(self);
}

torch_storage *torch_find_storage(const torch_file *self, const char *key)
{
    const torch_storage wanted = {.key = (char *)key};
    return self->nstorages ? bsearch(&wanted, self->storages, self->nstorages, sizeof wanted, by_key) : NULL;
}

/* ---- One tensor -------------------------------------------------------------------------------------------------- */

typedef struct torch_tensor {
    const torch_type *type;
    const uint8_t *data; /* of element 0 */
    uint64_t count;      /* elements from there to the storage's end */
    uint32_t rank;
    int64_t dims[SHUNT_MAX_RANK], strides[SHUNT_MAX_RANK];
} torch_tensor;

/* The storage that a node refers to, or the part of it that an old file's view is of. */
static shunt_status resolve(const torch_file *self, pickle_ref ref, torch_tensor *out)
{
    const pickle_tree *pickle = &self->pickle;
    pickle_ref id[ID_ITEMS], view[3];
    if (!is_storage(pickle, &pickle->nodes[ref], id)) return error_fail(SHUNT_E_INVALID, "it is of no storage");
    char *key = pickle_string(pickle, id[ID_KEY]);
    const torch_storage *storage = key ? torch_find_storage(self, key) : NULL;
    free(key);
    if (!storage) return error_memory(); /* all are listed */
    *out = (torch_tensor){.type = storage->type, .data = storage->data, .count = storage->count};
    const bool old = pickle_items(pickle, pickle->nodes[ref].pair.first, NULL, 0) > ID_VIEW;
    if (!old || pickle->nodes[id[ID_VIEW]].kind == PICKLE_NONE) return SHUNT_OK;
    int64_t offset, count;
    if (pickle_items(pickle, id[ID_VIEW], view, 3) != 3 || !pickle_integer(pickle, view[1], &offset) ||
        !pickle_integer(pickle, view[2], &count) || offset < 0 || count < 0 || (uint64_t)offset > storage->count ||
        (uint64_t)count > storage->count - (uint64_t)offset)
        return error_fail(SHUNT_E_INVALID, "it is of a view that reaches past its storage");
    out->data += (size_t)offset * storage->type->bytes;
    out->count = (uint64_t)count;
    return SHUNT_OK;
}

/* A tuple of whole numbers >= 0, or a torch.Size of one. *rank: how many there are, of which 6 are kept. */
static shunt_status read_numbers(const pickle_tree *pickle, pickle_ref ref, const char *what, uint32_t *rank,
                                 int64_t out[SHUNT_MAX_RANK])
{
    const pickle_node *node = &pickle->nodes[ref];
    pickle_ref items[SHUNT_MAX_RANK];
    if (node->kind == PICKLE_CALL && pickle_is_global(pickle, node->call.callee, "torch", "Size") &&
        pickle_items(pickle, node->call.args, items, 1) == 1)
        ref = items[0];
    int64_t count = pickle_items(pickle, ref, items, SHUNT_MAX_RANK);
    if (count < 0) return error_fail(SHUNT_E_INVALID, "its %s is not a tuple", what);
    *rank = (uint32_t)count;
    for (uint32_t i = 0; i < *rank && i < SHUNT_MAX_RANK; i++)
        if (!pickle_integer(pickle, items[i], &out[i]) || out[i] < 0)
            return error_fail(SHUNT_E_INVALID, "its %s[%u] is not a whole number >= 0", what, i);
    return SHUNT_OK;
}

/* The farthest element must lie in the storage. */
static shunt_status check_extent(const torch_tensor *tensor)
{
    uint64_t last = 0, elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        uint64_t dim = (uint64_t)tensor->dims[i], reach;
        if (!dim) return SHUNT_OK;
        if (__builtin_mul_overflow(elements, dim, &elements) || elements > PTRDIFF_MAX / 16 ||
            __builtin_mul_overflow(dim - 1, (uint64_t)tensor->strides[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return error_fail(SHUNT_E_INVALID, "its size overflows at dimension %u", i);
    }
    if (last < tensor->count) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "it reaches element %" PRIu64 " of its storage from its offset on, of which there are %" PRIu64,
                      last, tensor->count);
}

/* Arguments of _rebuild_tensor and its successors; more than these follow in some. */
enum { ARG_STORAGE, ARG_OFFSET, ARG_SIZE, ARG_STRIDE, NARGS };

static shunt_status read_tensor(const torch_file *self, pickle_ref arguments, torch_tensor *out)
{
    const pickle_tree *pickle = &self->pickle;
    pickle_ref args[NARGS];
    int64_t offset;
    uint32_t strides = 0;
    if (pickle_items(pickle, arguments, args, NARGS) < NARGS)
        return error_fail(SHUNT_E_INVALID, "it lacks a storage, an offset, a size or a stride");
    shunt_status status = resolve(self, args[ARG_STORAGE], out);
    if (!status) status = read_numbers(pickle, args[ARG_SIZE], "size", &out->rank, out->dims);
    if (!status) status = read_numbers(pickle, args[ARG_STRIDE], "stride", &strides, out->strides);
    if (status) return status;
    if (out->rank != strides)
        return error_fail(SHUNT_E_INVALID, "it has %u dimensions and %u strides", out->rank, strides);
    if (!pickle_integer(pickle, args[ARG_OFFSET], &offset) || offset < 0 || (uint64_t)offset > out->count)
        return error_fail(SHUNT_E_INVALID, "its offset is not in its storage of %" PRIu64 " elements", out->count);
    if (out->rank > SHUNT_MAX_RANK) return SHUNT_OK; /* not used */
    out->data += (size_t)offset * out->type->bytes;
    out->count -= (uint64_t)offset;
    return check_extent(out);
}

/* Whether its elements, of which there are some, follow each other row by row. */
static bool is_contiguous(const torch_tensor *tensor)
{
    int64_t expected = 1;
    for (uint32_t i = tensor->rank; i-- > 0;) {
        if (tensor->dims[i] != 1 && tensor->strides[i] != expected) return false;
        expected *= tensor->dims[i];
    }
    return true;
}

/* Row by row; `swapped` turns each element's bytes around. */
static void gather(const torch_tensor *tensor, bool swapped, uint8_t *dst)
{
    const size_t bytes = tensor->type->bytes;
    int64_t index[SHUNT_MAX_RANK] = {0};
    uint32_t axis = 0;
    size_t at = 0; /* element; the stride of an axis of length 1 may be anything, and wrap around */
    do {
        const uint8_t *src = tensor->data + at * bytes;
        for (size_t i = 0; i < bytes; i++) *dst++ = src[swapped ? bytes - 1 - i : i];
        for (axis = tensor->rank; axis-- > 0;) {
            at += (size_t)tensor->strides[axis];
            if (++index[axis] < tensor->dims[axis]) break;
            at -= (size_t)tensor->strides[axis] * (size_t)tensor->dims[axis];
            index[axis] = 0;
        }
    } while (axis < tensor->rank);
}

/* Puts the tensor as a view, or as a copy that the budget allows. */
static shunt_status put(torch_file *self, const char *name, const torch_tensor *tensor)
{
    shunt_tensor_desc desc = {.dtype = tensor->type->dtype, .rank = (uint8_t)tensor->rank, .block = SHUNT_PLAIN};
    memcpy(desc.dims, tensor->dims, sizeof desc.dims);
    const uint64_t bytes = shunt_tensor_bytes(&desc);
    const bool as_is = !bytes || (is_contiguous(tensor) && (!self->swapped || tensor->type->bytes == 1));
    if (as_is) return weights_put(self->weights, name, &desc, tensor->data, 0);
    const uint64_t budget = 2 * (uint64_t)self->weights->file.size + MOST_COPIED;
    if (bytes > budget - self->copied)
        return error_fail(SHUNT_E_INVALID,
                          "its strides make %" PRIu64
                          " bytes of it, too much for a file of %zu: it is expanded; save a "
                          "contiguous copy",
                          bytes, self->weights->file.size);
    self->copied += bytes;
    void *room = NULL;
    shunt_status status = weights_add(self->weights, name, &desc, &room);
    if (!status) gather(tensor, self->swapped, room);
    return status;
}

/* ---- The state dict ------------------------------------------------------------------------------------------------ */

/* What a node is a tensor by: its innermost call of torch._utils, through wrappers. NULL: it is no tensor at all. */
static const pickle_node *tensor_call(const pickle_tree *pickle, pickle_ref ref)
{
    for (int wrappers = 0; wrappers < MOST_WRAPPERS; wrappers++) {
        const pickle_node *node = &pickle->nodes[ref];
        if (node->kind != PICKLE_CALL) return NULL;
        pickle_ref callee = node->call.callee;
        bool parameter = pickle_is_global(pickle, callee, "torch._utils", "_rebuild_parameter") ||
                         pickle_is_global(pickle, callee, "torch._utils", "_rebuild_parameter_with_state") ||
                         pickle_is_global(pickle, callee, "torch.nn.parameter", "Parameter");
        if (parameter && pickle_items(pickle, node->call.args, &ref, 1) >= 1) continue;
        const pickle_node *name = &pickle->nodes[callee];
        return name->kind == PICKLE_GLOBAL && pickle_is_text(pickle, name->pair.first, "torch._utils") ? node : NULL;
    }
    return NULL;
}

/* A tensor of a kind that is not read is no failure, but said to who asks for it. */
static shunt_status put_unusable(const torch_file *self, const char *name, json_t *reason)
{
    if (reason && !json_object_set_new(self->weights->unusable, name, reason)) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "its name is not UTF-8, or there is no memory left");
}

static shunt_status put_tensor(torch_file *self, const char *name, const pickle_node *call)
{
    const pickle_tree *pickle = &self->pickle;
    torch_tensor tensor;
    shunt_status status = weights_check_name(name);
    if (status) return status;
    if (shunt_weights_find(self->weights, name) || shunt_weights_unusable(self->weights, name))
        return error_fail(SHUNT_E_INVALID, "it occurs twice");
    if (!pickle_is_global(pickle, call->call.callee, "torch._utils", "_rebuild_tensor") &&
        !pickle_is_global(pickle, call->call.callee, "torch._utils", "_rebuild_tensor_v2"))
        return put_unusable(self, name, json_string("it is a quantized, sparse or otherwise unusual tensor"));
    status = read_tensor(self, call->call.args, &tensor);
    if (status) return status;
    if (!tensor.type->dtype)
        return put_unusable(self, name, json_sprintf("elements of %s are not supported", tensor.type->name));
    if (tensor.rank > SHUNT_MAX_RANK)
        return put_unusable(self, name,
                            json_sprintf("rank %u is not supported, at most %d", tensor.rank, SHUNT_MAX_RANK));
    return put(self, name, &tensor);
}

bool torch_is_tensor(const pickle_tree *pickle, pickle_ref ref)
{
    return tensor_call(pickle, ref) != NULL;
}

static shunt_status fail_no_dict(const torch_file *self)
{
    const pickle_tree *pickle = &self->pickle;
    const pickle_node *root = &pickle->nodes[pickle->root];
    if (root->kind == PICKLE_CALL)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s: holds a Python object, not its weights alone; in Python, save model.state_dict()",
                          self->path);
    return error_fail(
        SHUNT_E_INVALID,
        "%s: not a state dict: expected a dictionary of tensors at the top, under a key such as state_dict "
        "or model, or the only one under any key; in Python, save it by itself",
        self->path);
}

/* The name of the network, which training scripts put beside it: timm's, and PyTorch's own for ImageNet. */
static shunt_status take_architecture(const torch_file *self)
{
    const pickle_tree *pickle = &self->pickle;
    const pickle_node *root = &pickle->nodes[pickle->root];
    uint32_t cell = root->items.first;
    for (uint32_t i = 0; i + 1 < root->items.count; i += 2) {
        const pickle_cell key = pickle->cells[cell], value = pickle->cells[key.next];
        const pickle_node *node = &pickle->nodes[value.value];
        char name[MOST_NAME] = {0};
        cell = value.next;
        if (!pickle_is_text(pickle, key.value, "arch")) continue;
        if (node->kind != PICKLE_TEXT || node->text.length >= sizeof name) return SHUNT_OK;
        memcpy(name, pickle->data + node->text.at, node->text.length);
        for (size_t k = 0; k < node->text.length; k++)
            if (name[k] < '!' || name[k] > '~') return SHUNT_OK; /* no name of a network */
        return shunt_weights_set_metadata(self->weights, "architecture", name);
    }
    return SHUNT_OK;
}

shunt_status torch_read_tensors(torch_file *self)
{
    const pickle_tree *pickle = &self->pickle;
    pickle_ref dict = pickle->root;
    if (pickle->nodes[dict].kind != PICKLE_DICT || !torch_find_state_dict(pickle, self->path, &dict))
        return fail_no_dict(self);
    const pickle_node *node = &pickle->nodes[dict];
    shunt_status status = take_architecture(self);
    uint32_t cell = node->items.first, tensors = 0;
    for (uint32_t i = 0; i + 1 < node->items.count && !status; i += 2) {
        const pickle_cell key = pickle->cells[cell], value = pickle->cells[key.next];
        const pickle_node *call = tensor_call(pickle, value.value);
        cell = value.next;
        if (!call) continue; /* a number, a hook ...: not a weight */
        if (tensors++ == MOST_TENSORS)
            return error_fail(SHUNT_E_INVALID, "%s: over %d tensors", self->path, MOST_TENSORS);
        char *name = pickle_string(pickle, key.value);
        if (!name) return fail_at(self, &pickle->nodes[key.value], "a tensor's name is not a text, or is too long");
        status = put_tensor(self, name, call);
        if (status)
            error_context(status, "%s: tensor '%.100s' (byte %" PRIu64 ")", self->path, name,
                          pickle_offset(pickle, call));
        free(name);
    }
    return status;
}

void torch_free(torch_file *self)
{
    for (size_t i = 0; i < self->nstorages; i++) free(self->storages[i].key);
    free(self->storages);
    pickle_free(&self->pickle);
}
