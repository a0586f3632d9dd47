/* data.h - pictures, how they are prepared for a network, and data sets.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         static float pixels[3 * 224 * 224];
 *         shunt_image image;
 *         shunt_preprocess how;
 *         if (argc < 2 || shunt_preprocess_preset("imagenet", &how)) return 1;
 *         if (shunt_image_read(argv[1], &image)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         if (shunt_preprocess_apply(&how, &image, pixels)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         shunt_image_free(&image);
 *     }
 */
#ifndef SHUNT_DATA_H
#define SHUNT_DATA_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */

typedef struct shunt_image {
    int64_t height, width;
    uint8_t *rgb; /* height x width x 3, row by row from the top */
} shunt_image;
/* Reads JPEG (any colour space), PNG, PPM, PGM, BMP; and GIF (the first picture), WebP and TIFF, if built with their libraries. The format
 * is detected from the file's content. At most 2^28 pixels, and no more than a file of its size can hold. Alpha is dropped, of 16 bits the
 * upper 8 are kept, and EXIF orientation is ignored, as torchvision's loader ignores it. Free the image with shunt_image_free. */
SHUNT_API shunt_status shunt_image_read(const char *path, shunt_image *out);
SHUNT_API shunt_status shunt_image_decode(const void *bytes, size_t nbytes, const char *name_for_errors,
                                          shunt_image *out);
/* The same, and then turned as the EXIF orientation of a JPEG, PNG or WebP file says: as a viewer shows the picture. */
SHUNT_API shunt_status shunt_image_read_upright(const char *path, shunt_image *out);
SHUNT_API shunt_status shunt_image_decode_upright(const void *bytes, size_t nbytes, const char *name_for_errors,
                                                  shunt_image *out);
SHUNT_API void shunt_image_free(shunt_image *image);
/* Antialiased bilinear, as Pillow does it; or with another of Pillow's filters. */
typedef enum shunt_filter { SHUNT_BILINEAR, SHUNT_BICUBIC } shunt_filter;
SHUNT_API shunt_status shunt_image_resize(const shunt_image *src, int64_t height, int64_t width, shunt_image *out);
SHUNT_API shunt_status shunt_image_resize_with(shunt_filter filter, const shunt_image *src, int64_t height,
                                               int64_t width, shunt_image *out);

/* A picture in the application's memory, as decoders, cameras and windows have it. */
typedef enum shunt_pixels {
    SHUNT_PIXELS_RGB, /* 3 bytes a pixel */
    SHUNT_PIXELS_BGR,
    SHUNT_PIXELS_RGBA, /* 4 bytes a pixel; alpha is not looked at */
    SHUNT_PIXELS_BGRA,
    SHUNT_PIXELS_GRAY, /* 1 byte a pixel */
    SHUNT_PIXELS_NV12  /* a plane of Y, and one of U and V by turns, half as wide and high, rounded up */
} shunt_pixels;
typedef enum shunt_yuv { /* how Y, U and V become colours; of Y 16 to 235 are black to white, but with FULL 0 to 255 */
                         SHUNT_YUV_BT601,
                         SHUNT_YUV_BT709,
                         SHUNT_YUV_BT601_FULL,
                         SHUNT_YUV_BT709_FULL
} shunt_yuv;
typedef struct shunt_frame {
    shunt_pixels pixels;
    shunt_yuv yuv; /* SHUNT_PIXELS_NV12 */
    int64_t height, width;
    const uint8_t *planes[2]; /* the first byte of the upper row */
    int64_t strides[2];       /* bytes from a row to the one below it, negative if that lies before it; 0: no gaps */
    uint32_t reserved[8];     /* 0; later fields take their place here */
} shunt_frame;
/* A copy of the frame. Free the image with shunt_image_free. */
SHUNT_API shunt_status shunt_image_from_frame(const shunt_frame *frame, shunt_image *out);

/* ---- Preprocessing ----------------------------------------------------------------------------------------------- */

/* How pictures are prepared for a network. The short side is resized to `resize`, the centre is cropped to `crop` x `crop`, the
 * channels are put into this order, and each value becomes (value - mean) / std. value is from 0 to 1 (a byte / 255), or the byte
 * itself. mean[0] and std[0] belong to the first channel: to blue, if the order is SHUNT_BGR. */
typedef enum shunt_channels {
    SHUNT_RGB,
    SHUNT_BGR,
    SHUNT_GRAY /* one channel, (19595 R + 38470 G + 7471 B + 2^15) / 2^16 as in Pillow's mode L; uses mean[0] and std[0] */
} shunt_channels;
typedef enum shunt_range { SHUNT_RANGE_1, SHUNT_RANGE_255 } shunt_range;
typedef struct shunt_preprocess {
    int64_t resize, crop;
    float mean[3], std[3];
    shunt_filter filter;
    shunt_channels channels;
    shunt_range range;
    uint32_t reserved[8]; /* 0; later fields take their place here */
} shunt_preprocess;
/* A preset by its name. "imagenet" (256, 224; torchvision's first weights), "imagenet-v2" (232, 224; its second ones), "timm" (235,
 * 224, bicubic: most of timm's weights, at the size they were trained at), "timm-288" (288, 288, bicubic: at their test size),
 * "segmentation" (520, 520; torchvision's, whole pictures), "detection" (800, 800; the same), "caffe" (256, 224, BGR from 0 to 255);
 * "cifar10", "cifar10-kuangliu", "cifar10-exact", "cifar100" (32, 32); and "half", "unit", "raw", which leave size and filter of *out
 * as they are: -1 to 1, 0 to 1, 0 to 255. The numbers: docs/evaluating.md. */
SHUNT_API shunt_status shunt_preprocess_preset(const char *name, shunt_preprocess *out);
/* The name of the preset that has these numbers; NULL: none has. */
SHUNT_API const char *shunt_preprocess_name(const shunt_preprocess *preprocess);
/* Sets one field by its name: "preset", or a key of the JSON text below. Texts: "224", "0.5" or "0.485,0.456,0.406", "bicubic",
 * "bgr", "255". A failure leaves *out alone. */
SHUNT_API shunt_status shunt_preprocess_set(shunt_preprocess *out, const char *field, const char *text);
/* The JSON text that weight files have as metadata "preprocess" (docs/models.md). `text` needs SHUNT_PREPROCESS_TEXT bytes. */
enum { SHUNT_PREPROCESS_TEXT = 384 };
SHUNT_API void shunt_preprocess_print(const shunt_preprocess *preprocess, char *text, size_t size);
SHUNT_API shunt_status shunt_preprocess_parse(const char *text, shunt_preprocess *out);
/* The number of channels that the network gets: 3, or 1 for gray. */
SHUNT_API int64_t shunt_preprocess_planes(const shunt_preprocess *preprocess);
/* dst: planes x crop x crop floats, one plane after the other. */
SHUNT_API shunt_status shunt_preprocess_apply(const shunt_preprocess *preprocess, const shunt_image *image, float *dst);
/* The same for n frames, one after the other: dst is the batch, n x planes x crop x crop. */
SHUNT_API shunt_status shunt_preprocess_frames(const shunt_preprocess *preprocess, const shunt_frame *frames, size_t n,
                                               float *dst);
/* The parts of a resized picture that a network sees: its centre; its four corners and centre and the same mirrored, in the order
 * of torchvision's TenCrop; or the whole picture, for a network that averages over it. */
typedef enum shunt_crops { SHUNT_CROP_CENTRE, SHUNT_CROP_TEN, SHUNT_CROP_WHOLE } shunt_crops;
typedef struct shunt_views {
    int64_t count, height, width;
    float *data; /* count x planes x height x width, normalised */
} shunt_views;
SHUNT_API shunt_status shunt_preprocess_views(const shunt_preprocess *preprocess, shunt_crops crops,
                                              const shunt_image *image, shunt_views *out);
SHUNT_API void shunt_views_free(shunt_views *views);

/* ---- Data sets --------------------------------------------------------------------------------------------------- */

/* "cifar10:DIR", "cifar100:DIR" (folders of the binary or the Python version), "imagefolder:DIR" (DIR/class/picture.jpg, or the same in
 * folders of splits, by their usual names in any case: DIR/train or DIR/Training, and DIR/val, DIR/test ...; a class with no picture is
 * an error), "pictures:DIR" (all pictures below DIR, of no class: to embed, not to evaluate). split: "train", "test", or NULL for the
 * test pictures; of a folder without splits all pictures. */
SHUNT_API shunt_status shunt_dataset_open(const char *spec, const char *split, shunt_dataset **out);
/* The same for an imagefolder with all pictures in one folder and their labels in a text file. Its lines are "NAME,LABEL", or
 * only "LABEL" in the sorted order of the names. NAME may lack its ending. Semicolons, tabs or blanks may separate the fields;
 * quotes and an index in front are allowed. Labels are class numbers or names. labels NULL: as above. */
SHUNT_API shunt_status shunt_dataset_open_labelled(const char *spec, const char *split, const char *labels,
                                                   shunt_dataset **out);
SHUNT_API void shunt_dataset_close(shunt_dataset *dataset);
SHUNT_API size_t shunt_dataset_count(const shunt_dataset *dataset);
SHUNT_API size_t shunt_dataset_classes(const shunt_dataset *dataset);
/* The name of a class; NULL if it is not known. */
SHUNT_API const char *shunt_dataset_label(const shunt_dataset *dataset, size_t index);
/* The picture's file, relative to DIR; NULL if it is not a file of its own. */
SHUNT_API const char *shunt_dataset_picture(const shunt_dataset *dataset, size_t index);
/* Image and label number `index`; free the image. May be called by several threads at once. */
SHUNT_API shunt_status shunt_dataset_get(const shunt_dataset *dataset, size_t index, shunt_image *image,
                                         int64_t *label);
/* A number that tells this set from others, most likely: it depends on the names of classes and pictures, on how many there are, and
 * on the pixels and labels of 16 pictures, spread evenly over the set. The same on every machine. */
SHUNT_API shunt_status shunt_dataset_fingerprint(const shunt_dataset *dataset, uint64_t *out);

/* ---- Pictures whose pixels have classes ------------------------------------------------------------------------- */

typedef struct shunt_labelled_image {
    shunt_image image;
    uint8_t *classes; /* height x width, row by row from the top; 255: of no class, and counts for nothing */
} shunt_labelled_image;
SHUNT_API void shunt_labelled_image_free(shunt_labelled_image *image);

typedef struct shunt_pixelset shunt_pixelset;
/* "voc:DIR", as Pascal VOC has it: DIR/ImageSets/Segmentation/val.txt (split "train": train.txt; "test" or NULL: val.txt) names the
 * pictures, one a line; JPEGImages/NAME.jpg (or another ending) are they, SegmentationClass/NAME.png the classes of their pixels, of
 * the same size, as numbers of a palette or as grays. "coco:DIR": a folder as shunt_coco_open_set has it. Pixels of an object are of
 * its category's id (1 to 254), pixels of several objects, and of crowds, of no class, all others of class 0. */
SHUNT_API shunt_status shunt_pixelset_open(const char *spec, const char *split, shunt_pixelset **out);
SHUNT_API void shunt_pixelset_close(shunt_pixelset *set);
SHUNT_API size_t shunt_pixelset_count(const shunt_pixelset *set);
/* NULL past the last one. */
SHUNT_API const char *shunt_pixelset_name(const shunt_pixelset *set, size_t index);
/* How many classes there are, the background included (of "voc:" always 21), and their names, NULL if not known. */
SHUNT_API size_t shunt_pixelset_classes(const shunt_pixelset *set);
SHUNT_API const char *shunt_pixelset_label(const shunt_pixelset *set, size_t index);
/* To train on: its classes are those of the pixels. Takes the set over, also where there is no memory. */
SHUNT_API shunt_status shunt_dataset_of_pixels(shunt_pixelset *set, shunt_dataset **out);
/* Free the result with shunt_labelled_image_free. May be called by several threads at once. */
SHUNT_API shunt_status shunt_pixelset_get(const shunt_pixelset *set, size_t index, shunt_labelled_image *out);

#ifdef __cplusplus
}
#endif
#endif
