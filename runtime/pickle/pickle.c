/* pickle.c - runs a pickle's opcodes, one after the other. Pickles come from strangers: every length is checked against the
 * bytes that there are, and a limit on opcodes bounds time. */
#include "runtime/pickle/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

static shunt_status fail_cut(const pickle_reader *self, const pickle_opcode *op)
{
    return error_fail(SHUNT_E_INVALID,
                      "%s: damaged pickle at byte %" PRIu64 ": %s reaches past the end: the file is cut off or damaged",
                      self->path, self->out->offset + self->opcode, op->name);
}

static bool take_number(pickle_reader *self, uint32_t bytes, uint64_t *out)
{
    *out = 0;
    if (self->size - self->at < bytes) return false;
    for (uint32_t i = 0; i < bytes; i++) *out |= (uint64_t)self->out->data[self->at + i] << 8 * i;
    self->at += bytes;
    return true;
}

static bool take_text(pickle_reader *self, uint32_t length_bytes, pickle_operands *out)
{
    uint64_t length;
    if (!take_number(self, length_bytes, &length) || length > self->size - self->at) return false;
    out->at = (uint32_t)self->at;
    out->length = (uint32_t)length;
    self->at += length;
    return true;
}

static bool take_line(pickle_reader *self, uint32_t *at, uint32_t *length)
{
    const uint8_t *start = self->out->data + self->at;
    const uint8_t *end = memchr(start, '\n', self->size - self->at);
    if (!end) return false;
    *at = (uint32_t)self->at;
    *length = (uint32_t)(end - start);
    self->at += *length + 1;
    return true;
}

static bool take_operand(pickle_reader *self, pickle_argument kind, pickle_operands *out)
{
    uint64_t number;
    switch (kind) {
    case NOTHING:
        return true;
    case TEXT_1:
        return take_text(self, 1, out);
    case TEXT_4:
        return take_text(self, 4, out);
    case TEXT_8:
        return take_text(self, 8, out);
    case LINE:
        return take_line(self, &out->at, &out->length);
    case LINES_2:
        return take_line(self, &out->at, &out->length) && take_line(self, &out->second_at, &out->second_length);
    case SIGNED_4:
        if (!take_number(self, 4, &number)) return false;
        out->number = (int32_t)(uint32_t)number;
        return true;
    case BYTES_8:
        return take_number(self, 8, &number); /* a float or a frame's length: not used */
    case BYTES_1:
    case BYTES_2:
    case BYTES_4:
        break;
    }
    if (!take_number(self, kind == BYTES_1 ? 1 : kind == BYTES_2 ? 2 : 4, &number)) return false;
    out->number = (int64_t)number;
    return true;
}

static shunt_status step(pickle_reader *self)
{
    self->opcode = (uint32_t)self->at;
    if (self->at >= self->size) return pickle_fail(self, "it ends without STOP: the file is cut off");
    const uint8_t code = self->out->data[self->at++];
    const pickle_opcode *op = &pickle_opcodes[code];
    if (!op->name)
        return error_fail(SHUNT_E_INVALID,
                          "%s: damaged pickle at byte %" PRIu64 ": opcode 0x%02x does not occur in such files",
                          self->path, self->out->offset + self->opcode, code);
    pickle_operands operand = {.number = op->number};
    if (!take_operand(self, op->argument, &operand)) return fail_cut(self, op);
    return op->run(self, &operand);
}

shunt_status pickle_read(const char *path, uint64_t offset, const uint8_t *data, size_t size, pickle_tree *out)
{
    *out = (pickle_tree){.data = data, .offset = offset};
    pickle_reader self = {.out = out, .path = path, .size = size < INT32_MAX ? size : INT32_MAX};
    shunt_status status = SHUNT_OK;
    for (uint32_t steps = 0; !status && !self.stopped; steps++)
        status = steps < PICKLE_MOST_STEPS ? step(&self) : pickle_fail_limit(&self, "opcodes", PICKLE_MOST_STEPS);
    out->size = (uint32_t)self.at;
    free(self.stack);
    free(self.memo);
    if (status) pickle_free(out);
    return status;
}
