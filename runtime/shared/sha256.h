/* sha256.h - FIPS 180-4's SHA-256, for downloaded files and cache entries. */
#ifndef SHUNT_SHARED_SHA256_H
#define SHUNT_SHARED_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} sha256;

void sha256_begin(sha256 *self);
void sha256_add(sha256 *self, const void *data, size_t size);
/* 64 lower-case digits and a zero byte. */
void sha256_end(sha256 *self, char digits[65]);

#endif
