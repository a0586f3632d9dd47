/* wave_plain.cl - what each family's unit does, number by number, as the vendor's document has it: which register of which lane holds
 * a number. The registers are those that the family's functions fill from local memory, src_word and weights_word.
 *
 * Documents: NVIDIA, PTX ISA, "Matrix Fragments for mma.m16n8k16"; AMD, RDNA3 ISA, "Wave Matrix Multiply Accumulate"; Intel,
 * cl_intel_subgroup_matrix_multiply_accumulate. */
typedef struct fragment {
    __local const real *from;
    int lane;
} src_fragment, weights_fragment;

/* A number's place. */
struct word {
    int lane, index, half_; /* half_: the lower or upper 16 bits */
};

#if defined(WAVE_NVIDIA)

static struct word place_of_src(int m, int k, int lane)
{
    return (struct word){m % 8 * 4 + k % 8 / 2, m / 8 + k / 8 * 2, k % 2};
}

static struct word place_of_weights(int k, int n)
{
    return (struct word){n % 8 * 4 + k % 8 / 2, n / 8 * 2 + k / 8, k % 2};
}

static int row_of_sum(int lane, int i)
{
    return lane / 4 + i / 2 % 2 * 8;
}

static int column_of_sum(int lane, int i)
{
    return i / 4 * 8 + lane % 4 * 2 + i % 2;
}

#elif defined(WAVE_AMD)

/* Each half of the lanes has all of both; the unit reads its own. */
static struct word place_of_src(int m, int k, int lane)
{
    return (struct word){lane / 16 * 16 + m, k / 2, k % 2};
}

static struct word place_of_weights(int k, int n)
{
    return (struct word){n, k / 2, k % 2};
}

static int row_of_sum(int lane, int i)
{
    return 2 * i + lane / 16;
}

static int column_of_sum(int lane, int i)
{
    return lane % 16;
}

#else

static struct word place_of_src(int m, int k, int lane)
{
#if WAVE == 8
    return (struct word){k / 2, m, k % 2};
#else
    return (struct word){k, m, 0};
#endif
}

static struct word place_of_weights(int k, int n)
{
    return (struct word){n % WAVE, n / WAVE * 8 + k / 2, k % 2};
}

static int row_of_sum(int lane, int i)
{
    return i % 16;
}

static int column_of_sum(int lane, int i)
{
    return i / 16 * 8 + lane;
}

#endif

static src_fragment load_src_fragment(__local const real *from, int lane)
{
    return (src_fragment){from, lane};
}

static weights_fragment load_weights_fragment(__local const real *from, int lane)
{
    return (weights_fragment){from, lane};
}

static acc number_of(uint word, int half_)
{
    const ushort stored = half_ ? word >> 16 : word;
#if DATA == F16
    return vload_half(0, (const half *)&stored);
#else
    return as_float((uint)stored << 16);
#endif
}

static void multiply_add(sums_fragment *sums, src_fragment src, weights_fragment weights)
{
    acc *s = (acc *)sums;
    for (int i = 0; i < EDGE * EDGE / WAVE; i++) {
        const int m = row_of_sum(src.lane, i), n = column_of_sum(src.lane, i);
        acc sum = s[i];
        for (int k = 0; k < EDGE; k++) {
            const struct word x = place_of_src(m, k, src.lane), y = place_of_weights(k, n);
            sum += number_of(src_word(src.from, x.lane, x.index), x.half_) *
                   number_of(weights_word(weights.from, y.lane, y.index), y.half_);
        }
        s[i] = sum;
    }
}
