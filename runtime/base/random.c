/* random.c - reproducible numbers from a name, an index and a seed: no state, the same in any language. */
#include "runtime/base/random.h"

uint64_t random_key(const char *name, uint64_t seed)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *byte = (const unsigned char *)name; *byte; byte++) hash = (hash ^ *byte) * 0x100000001b3u;
    return hash ^ seed;
}

uint64_t random_bits(uint64_t key, uint64_t index)
{
    uint64_t z = key + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_at(uint64_t key, uint64_t index)
{
    return (double)(random_bits(key, index) >> 40) * 0x1p-24;
}
