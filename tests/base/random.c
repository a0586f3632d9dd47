/* The numbers of random.h against values computed in Python:
 *
 *     M = 2**64 - 1
 *     def key(name, seed):
 *         h = 0xcbf29ce484222325
 *         for b in name.encode(): h = (h ^ b) * 0x100000001b3 & M
 *         return h ^ seed
 *     def at(key, i):
 *         z = key + (i + 1) * 0x9e3779b97f4a7c15 & M
 *         z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & M
 *         z = (z ^ z >> 27) * 0x94d049bb133111eb & M
 *         return (z ^ z >> 31) >> 40          # times 2**-24 */
#include "runtime/base/random.h"

#include <criterion/criterion.h>

Test(random, keys)
{
    cr_assert_eq(random_key("", 0u), 0xcbf29ce484222325u);
    cr_assert_eq(random_key("conv1.weight", 0u), 0x69a29a2cee47d254u);
    cr_assert_eq(random_key("conv1.weight", 1u), 0x69a29a2cee47d255u);
    cr_assert_eq(random_key("layer4.2.bn3.running_var", 16045690984503111693u), 0x8fedb79ad67fecd7u);
    cr_assert_eq(random_key("\303\251t\303\251", 3u), 0x009a8f0e88b51854u);
    /* The published FNV-1a 64 of "foobar". */
    cr_assert_eq(random_key("foobar", 0), 0x85944171f73967e8u);
}

Test(random, values)
{
    cr_assert_eq(random_at(random_key("conv1.weight", 0), 0u) * 0x1p24, 9144840);
    cr_assert_eq(random_at(random_key("conv1.weight", 0), 1u) * 0x1p24, 12501739);
    cr_assert_eq(random_at(random_key("conv1.weight", 0), 9407u) * 0x1p24, 3351013);
    cr_assert_eq(random_at(random_key("fc.bias", 42), 999u) * 0x1p24, 13167769);
    cr_assert_eq(random_at(random_key("fc.bias", 42), 1099511627776u) * 0x1p24, 16383574);
    /* splitmix64 seeded with 0: its published first output is 0xe220a8397b1dcdaf. */
    cr_assert_eq(random_at(0, 0) * 0x1p24, 0xe220a8);
}

Test(random, uniform)
{
    uint64_t key = random_key("layer1.0.conv1.weight", 7);
    double sum = 0, squares = 0;
    enum { N = 100000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = random_at(key, i);
        cr_assert(x >= 0 && x < 1);
        sum += x;
        squares += x * x;
    }
    /* Mean 1/2 and second moment 1/3, each within 5 standard errors. */
    cr_assert_float_eq(sum / N, 0.5, 5 * 0.2887 / 316);
    cr_assert_float_eq(squares / N, 1.0 / 3, 5 * 0.2981 / 316);
}
