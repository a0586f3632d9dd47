/* random.h - numbers that depend on nothing but a name, an index and a seed (docs/random-weights.md). */
#ifndef SHUNT_RUNTIME_RANDOM_H
#define SHUNT_RUNTIME_RANDOM_H

#include <stdint.h>

/* FNV-1a, 64 bits, over the bytes of name, xored with seed. */
uint64_t random_key(const char *name, uint64_t seed);
/* splitmix64's output function of key + (index + 1) * 0x9e3779b97f4a7c15. As a key it starts a sequence of its own. */
uint64_t random_bits(uint64_t key, uint64_t index);
/* The top 24 of these bits times 2^-24: in [0, 1). */
double random_at(uint64_t key, uint64_t index);

#endif
