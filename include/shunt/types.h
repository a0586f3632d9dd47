/* types.h - what programs and plugins share: status, types of data, tensors, devices. Nothing here is a function of the library.
 *
 *     #include <inttypes.h>
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_tensor_desc images = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {8, 3, 224, 224}};
 *         printf("%" PRIu64 " numbers, %" PRIu64 " bytes\n", shunt_tensor_count(&images), shunt_tensor_bytes(&images));
 *         return shunt_tensor_bytes(&images) == 8 * 3 * 224 * 224 * 4 ? SHUNT_OK : SHUNT_E_INVALID;
 *     }
 */
#ifndef SHUNT_TYPES_H
#define SHUNT_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define SHUNT_API __attribute__((dllexport))
#elif defined(__GNUC__)
#define SHUNT_API __attribute__((visibility("default")))
#else
#define SHUNT_API
#endif

typedef enum shunt_status {
    SHUNT_OK = 0,
    SHUNT_E_INVALID,     /* the caller's argument, or what a file holds, is wrong */
    SHUNT_E_UNSUPPORTED, /* well formed, but not something this build or device does */
    SHUNT_E_NOT_FOUND,   /* no such file, device, model, tensor or cache entry */
    SHUNT_E_MEMORY,      /* host or device memory refused */
    SHUNT_E_IO,          /* reading or writing failed */
    SHUNT_E_DEVICE,      /* a driver or library call failed */
    SHUNT_E_ABI          /* a plugin does not fit this runtime */
} shunt_status;

/* How urgent a message is, the most urgent first. */
enum { SHUNT_LOG_ERROR, SHUNT_LOG_WARN, SHUNT_LOG_INFO, SHUNT_LOG_DEBUG };

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

/* Ops compute in float32 and float64, and may store data as F16 and BF16 (op.h). CAST also takes I32 and U8; the other types occur
 * only in weight files. A backend refuses an operand whose type it does not know. */
typedef enum shunt_dtype {
    SHUNT_F32 = 1,
    SHUNT_F64 = 2,
    SHUNT_I32 = 3,
    SHUNT_F16 = 4,  /* IEEE binary16 */
    SHUNT_BF16 = 5, /* the upper half of a float32 */
    SHUNT_I64 = 6,
    SHUNT_I16 = 7,
    SHUNT_I8 = 8,
    SHUNT_U8 = 9,
    SHUNT_BOOL = 10 /* a byte, 0 or 1 */
} shunt_dtype;

enum { SHUNT_MAX_RANK = 6 };

/* Layout of a rank-4 activation is one number, the channel block b: element (n, c, h, w) of N C H W lies at
 *     ((n * ceil(C / b) + c / b) * H * W + h * W + w) * b + c % b
 * b = 1 is NCHW. b = C, one block of all channels, is NHWC and is written SHUNT_CHANNELS_LAST. If b > 1, the last block may
 * have lanes past C; they hold zero, and every op that writes a blocked tensor writes zeros there. All other tensors (weights,
 * vectors, matrices) are plain row-major: b = 1. */
enum { SHUNT_PLAIN = 1, SHUNT_CHANNELS_LAST = 0 };

typedef struct shunt_tensor_desc {
    uint8_t dtype;  /* enum shunt_dtype */
    uint8_t rank;   /* 0 .. SHUNT_MAX_RANK; 0: a scalar */
    uint16_t block; /* channel block, see above */
    uint32_t reserved;
    int64_t dims[SHUNT_MAX_RANK]; /* outermost first; dims past rank are 0 */
} shunt_tensor_desc;

/* A plain tensor of this type and shape. */
static inline shunt_tensor_desc shunt_tensor_make(uint8_t dtype, uint32_t rank, const int64_t *dims)
{
    shunt_tensor_desc made;
    made.dtype = dtype;
    made.rank = (uint8_t)rank;
    made.block = SHUNT_PLAIN;
    made.reserved = 0;
    for (uint32_t i = 0; i < SHUNT_MAX_RANK; i++) made.dims[i] = i < rank ? dims[i] : 0;
    return made;
}

/* Bytes of one element; 0 if dtype is not in the enum. */
static inline uint64_t shunt_dtype_bytes(uint8_t dtype)
{
    static const uint8_t bytes[] = {0, 4, 8, 4, 2, 2, 8, 2, 1, 1, 1};
    return dtype < sizeof bytes ? bytes[dtype] : 0;
}

/* The number of elements: the product of the dims, without the lanes that a layout adds. */
static inline uint64_t shunt_tensor_count(const shunt_tensor_desc *t)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++) count *= (uint64_t)t->dims[i];
    return count;
}

/* Channels per block: SHUNT_CHANNELS_LAST stands for all of them. Rank 4 only. */
static inline int64_t shunt_tensor_block(const shunt_tensor_desc *t)
{
    return t->block == SHUNT_CHANNELS_LAST ? t->dims[1] : t->block;
}

/* The number of elements in memory, with the zero lanes of the last block. */
static inline uint64_t shunt_tensor_storage(const shunt_tensor_desc *t)
{
    if (t->rank != 4 || t->block <= 1) return shunt_tensor_count(t);
    uint64_t blocks = ((uint64_t)t->dims[1] + t->block - 1) / t->block;
    return (uint64_t)t->dims[0] * blocks * t->block * (uint64_t)t->dims[2] * (uint64_t)t->dims[3];
}

/* Bytes in memory. */
static inline uint64_t shunt_tensor_bytes(const shunt_tensor_desc *t)
{
    return shunt_tensor_storage(t) * shunt_dtype_bytes(t->dtype);
}

/* Index of element (n, c, h, w) of a rank-4 tensor. */
static inline uint64_t shunt_tensor_at(const shunt_tensor_desc *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t b = shunt_tensor_block(t), blocks = (t->dims[1] + b - 1) / b;
    return (uint64_t)(((n * blocks + c / b) * t->dims[2] * t->dims[3] + h * t->dims[3] + w) * b + c % b);
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

typedef enum shunt_device_type { SHUNT_DEVICE_CPU = 1, SHUNT_DEVICE_GPU, SHUNT_DEVICE_OTHER } shunt_device_type;

enum {                                  /* shunt_device_info.caps */
       SHUNT_CAP_HOST_MEMORY = 1u << 0, /* buffer_map returns the memory itself, at no cost */
       SHUNT_CAP_ONE_QUEUE = 1u << 1    /* all commands are done one after another, also those of different queues */
};

/* A backend's description of a device. Texts end with 0. It may grow at its end, so do not put it into arrays or other structs. */
typedef struct shunt_device_info {
    uint32_t size; /* bytes of the struct, set by its owner */
    uint32_t type; /* enum shunt_device_type */
    char name[128], vendor[64], platform[128];
    char driver[128]; /* version of driver and compiler; with name and platform it is the key of cached results */
    int32_t score;    /* for SHUNT_DEVICE=auto, the highest wins: scalar has 10; a CPU driver 100, a GPU 1000 */
    uint32_t caps;
    uint64_t memory;    /* total bytes */
    uint64_t max_alloc; /* bytes of the largest buffer */
    uint32_t alignment; /* of offsets in op arguments, in bytes, a power of two */
    uint32_t block;     /* the channel block that this device prefers for activations */
    uint32_t dtypes;    /* bit t (1u << SHUNT_F16 ...): ops take data of type t; float32 needs no bit */
    uint32_t block16;   /* the channel block for activations in 16-bit types; 0: `block` */
} shunt_device_info;

/* Whether ops of the device take data of this type. */
static inline int shunt_device_takes(const shunt_device_info *info, uint8_t dtype)
{
    return dtype == SHUNT_F32 || (dtype < 32 && (info->dtypes >> dtype & 1));
}

/* The channel block that activations of this type with C channels have on the device. That of a 16-bit type is halved while half
 * still holds all channels, but not below `block`, which kernels know best. */
static inline uint32_t shunt_device_block(const shunt_device_info *info, uint8_t dtype, int64_t C)
{
    if (shunt_dtype_bytes(dtype) != 2 || !info->block16) return info->block;
    uint32_t block = info->block16;
    while (block > info->block && block / 2 >= C) block /= 2;
    return block;
}

#ifdef __cplusplus
}
#endif
#endif
