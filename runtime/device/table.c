/* table.c - reading a plugin's method tables, which may be older (shorter) or newer (longer) than ours: what both know
 * is copied, the rest is NULL, and what the runtime cannot do without must be there. */
#include "runtime/device/registry.h"

#include "runtime/base/error.h"

#include <string.h>

typedef struct required {
    const char *name;
    size_t offset;
} required;

#define REQUIRED(table, field)                                                                                         \
    {                                                                                                                  \
#field, offsetof(table, field)                                                                                 \
    }

static const required of_backend[] = {
    REQUIRED(shunt_backend, name),        REQUIRED(shunt_backend, probe),      REQUIRED(shunt_backend, device_info),
    REQUIRED(shunt_backend, device_open), REQUIRED(shunt_backend, last_error),
};

static const required of_device[] = {
    REQUIRED(shunt_device_ops, close),         REQUIRED(shunt_device_ops, buffer_alloc),
    REQUIRED(shunt_device_ops, buffer_free),   REQUIRED(shunt_device_ops, queue_create),
    REQUIRED(shunt_device_ops, queue_destroy), REQUIRED(shunt_device_ops, queue_flush),
    REQUIRED(shunt_device_ops, queue_finish),  REQUIRED(shunt_device_ops, write),
    REQUIRED(shunt_device_ops, read),          REQUIRED(shunt_device_ops, copy),
    REQUIRED(shunt_device_ops, fill),          REQUIRED(shunt_device_ops, queue_wait),
    REQUIRED(shunt_device_ops, event_wait),    REQUIRED(shunt_device_ops, event_release),
    REQUIRED(shunt_device_ops, op_query),      REQUIRED(shunt_device_ops, op_prepare),
    REQUIRED(shunt_device_ops, op_info),       REQUIRED(shunt_device_ops, op_launch),
    REQUIRED(shunt_device_ops, op_destroy),
};

/* Every table begins with its size. The list is in the order of the fields, so its last entry gives the least size. */
static shunt_status copy_table(const void *table, void *out, size_t out_size, const required *list, size_t nlist,
                               char *reason, size_t reason_size)
{
    uint32_t size, room = (uint32_t)out_size;
    memcpy(&size, table, sizeof size);
    memcpy(out, &room, sizeof room);
    shunt_struct_copy(out, table);
    size_t least = list[nlist - 1].offset + sizeof(void *);
    reason[0] = 0;
    if (size < least) {
        text_append(reason, reason_size, "its table has %u bytes and needs at least %zu", size, least);
        return SHUNT_E_ABI;
    }
    for (size_t i = 0; i < nlist; i++) {
        void *pointer;
        memcpy(&pointer, (const char *)out + list[i].offset, sizeof pointer);
        if (pointer) continue;
        text_append(reason, reason_size, "its table lacks the required pointer %s", list[i].name);
        return SHUNT_E_ABI;
    }
    return SHUNT_OK;
}

shunt_status table_copy_backend(const shunt_backend *table, shunt_backend *out, char *reason, size_t size)
{
    return copy_table(table, out, sizeof *out, of_backend, sizeof of_backend / sizeof *of_backend, reason, size);
}

shunt_status table_copy_device(const shunt_device_ops *table, shunt_device_ops *out, char *reason, size_t size)
{
    shunt_status status =
        copy_table(table, out, sizeof *out, of_device, sizeof of_device / sizeof *of_device, reason, size);
    if (!out->buffer_map || !out->buffer_unmap) out->buffer_map = NULL, out->buffer_unmap = NULL; /* both or none */
    return status;
}
