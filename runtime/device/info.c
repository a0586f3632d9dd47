/* info.c - what a driver says of its device may be anything: made safe to print (terminals, JSON) and to compute with,
 * or refused with a reason. */
#include "runtime/device/registry.h"

#include <stdio.h>
#include <string.h>

#include "runtime/shared/text.h"

enum { SCORE_LIMIT = 100000, ALIGNMENT_LIMIT = 1 << 20, BLOCK_LIMIT = 1 << 12 };

static void check_text(char *text, size_t size, const char *when_empty)
{
    text[size - 1] = 0;
    text_make_printable(text);
    if (!*text) snprintf(text, size, "%s", when_empty);
}

shunt_status device_info_check(shunt_device_info *info, char *reason, size_t size)
{
    check_text(info->name, sizeof info->name, "unnamed device");
    check_text(info->vendor, sizeof info->vendor, "");
    check_text(info->platform, sizeof info->platform, "");
    check_text(info->driver, sizeof info->driver, "");
    if (info->type < SHUNT_DEVICE_CPU || info->type > SHUNT_DEVICE_OTHER) info->type = SHUNT_DEVICE_OTHER;
    if (info->score < 0) info->score = 0;
    if (info->score > SCORE_LIMIT) info->score = SCORE_LIMIT;

    reason[0] = 0;
    if (info->memory == 0)
        text_append(reason, size, "it reports no memory");
    else if (info->max_alloc == 0)
        text_append(reason, size, "it reports that the largest buffer has 0 bytes");
    else if (!info->alignment || info->alignment & (info->alignment - 1) || info->alignment > ALIGNMENT_LIMIT)
        text_append(reason, size, "it reports an alignment of %u bytes, which is not a power of two up to %d",
                    info->alignment, ALIGNMENT_LIMIT);
    else if (info->block > BLOCK_LIMIT || info->block16 > BLOCK_LIMIT)
        text_append(reason, size, "it asks for blocks of %u channels; the limit is %d",
                    info->block > BLOCK_LIMIT ? info->block : info->block16, BLOCK_LIMIT);
    if (info->max_alloc > info->memory) info->max_alloc = info->memory;
    return reason[0] ? SHUNT_E_ABI : SHUNT_OK;
}
