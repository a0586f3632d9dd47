/* Folders of pictures as data sets: which pictures, in what order, with what labels; and what is refused. Each picture is one
 * grey pixel, whose value tells which it is. */
#include <sys/stat.h>
#include <time.h>

#include "runtime/data/picture_labels.h"
#include "tests/support/temporary.h"

TestSuite(imagefolder, .init = enter_folder, .fini = leave_folder);

static void put_pixel(const char *path, int value)
{
    char folders[256], bytes[16];
    snprintf(folders, sizeof folders, "%s", path);
    for (char *slash = folders; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(folders, 0777);
    }
    put_bytes(path, bytes, (size_t)snprintf(bytes, sizeof bytes, "P5 1 1 255\n%c", value));
}

static void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

typedef struct expected {
    const char *name;
    int64_t label;
    int pixel;
} expected;

static void expect_set(shunt_dataset *set, size_t classes, const expected *pictures, size_t count)
{
    cr_assert_eq(shunt_dataset_count(set), count, "%zu pictures", shunt_dataset_count(set));
    cr_assert_eq(shunt_dataset_classes(set), classes);
    for (size_t i = 0; i < count; i++) {
        shunt_image image;
        int64_t label;
        cr_assert_str_eq(shunt_dataset_picture(set, i), pictures[i].name);
        cr_assert_eq(shunt_dataset_get(set, i, &image, &label), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(label, pictures[i].label, "%s", pictures[i].name);
        cr_assert_eq(image.rgb[0], pictures[i].pixel, "%s", pictures[i].name);
        shunt_image_free(&image);
    }
    cr_assert_null(shunt_dataset_picture(set, count));
    cr_assert_null(shunt_dataset_label(set, classes));
    shunt_dataset_close(set);
}
#define EXPECT_SET(set, classes, ...)                                                                                  \
    expect_set(set, classes, (expected[]){__VA_ARGS__}, sizeof((expected[]){__VA_ARGS__}) / sizeof(expected))

static shunt_dataset *open_set(const char *spec, const char *split, const char *labels)
{
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open_labelled(spec, split, labels, &set), SHUNT_OK, "%s", shunt_last_error());
    return set;
}

/* torchvision 0.14.1's ImageFolder lists this tree so, except that it takes the hidden file. */
Test(imagefolder, classes_are_folders_in_the_order_of_their_names)
{
    put_pixel("d/n02/b.ppm", 1);
    put_pixel("d/n02/a.PNG", 2);       /* what a picture is, its content tells */
    put_pixel("d/n02/deep/0.jpeg", 3); /* after the folder's own */
    put_pixel("d/Zebra/z.jpg", 4);     /* capitals come first: the bytes count */
    put_pixel("d/n01/x.webp", 5);
    put_pixel("d/n01/.hidden.jpg", 6);
    put_text("d/n01/notes.txt", "no picture");
    put_pixel("d/stray.jpg", 7); /* in no class */
    put_pixel("d/.git/x.jpg", 8);
    cr_assert(!symlink("../n02/b.ppm", "d/n01/y.ppm"));
    shunt_dataset *set = open_set("imagefolder:d", NULL, NULL);
    cr_assert_str_eq(shunt_dataset_label(set, 0), "Zebra");
    cr_assert_str_eq(shunt_dataset_label(set, 1), "n01");
    cr_assert_str_eq(shunt_dataset_label(set, 2), "n02");
    EXPECT_SET(set, 3, {"Zebra/z.jpg", 0, 4}, {"n01/x.webp", 1, 5}, {"n01/y.ppm", 1, 1}, {"n02/a.PNG", 2, 2},
               {"n02/b.ppm", 2, 1}, {"n02/deep/0.jpeg", 2, 3});
}

Test(imagefolder, folders_of_splits)
{
    put_pixel("d/train/a/1.ppm", 1);
    put_pixel("d/val/a/2.ppm", 2);
    put_pixel("d/test/a/3.ppm", 3);
    EXPECT_SET(open_set("imagefolder:d", "train", NULL), 1, {"a/1.ppm", 0, 1});
    EXPECT_SET(open_set("imagefolder:d", "test", NULL), 1, {"a/2.ppm", 0, 2}); /* ImageNet's "test" is val */
    /* A class that is called train holds pictures, not folders. */
    put_pixel("e/train/1.ppm", 1);
    put_pixel("e/bus/2.ppm", 2);
    EXPECT_SET(open_set("imagefolder:e", "train", NULL), 2, {"bus/2.ppm", 0, 2}, {"train/1.ppm", 1, 1});
    EXPECT_SET(open_set("imagefolder:e/", NULL, NULL), 2, {"bus/2.ppm", 0, 2}, {"train/1.ppm", 1, 1});
}

/* The usual names, in any case; as Kaggle's "Training" and "Testing". */
Test(imagefolder, names_of_splits)
{
    static const char *const pairs[][2] = {{"Training", "Testing"},      {"Train", "Test"},
                                           {"TRAIN", "Valid"},           {"train", "VALIDATION"},
                                           {"training_set", "test_set"}, {"trainset", "Test-Set"}};
    char path[64], spec[64];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "d%zu/%s/a/1.ppm", i, pairs[i][k]);
            put_pixel(path, k + 1);
        }
        snprintf(spec, sizeof spec, "imagefolder:d%zu", i);
        EXPECT_SET(open_set(spec, "train", NULL), 1, {"a/1.ppm", 0, 1});
        EXPECT_SET(open_set(spec, "test", NULL), 1, {"a/1.ppm", 0, 2});
        EXPECT_SET(open_set(spec, NULL, NULL), 1, {"a/1.ppm", 0, 2});
    }
    put_pixel("e/trains/a/1.ppm", 1); /* no split's name, nor is "testate" */
    put_pixel("e/testate/a/1.ppm", 2);
    shunt_dataset *set = open_set("imagefolder:e", "train", NULL);
    cr_assert_str_eq(shunt_dataset_label(set, 1), "trains");
    shunt_dataset_close(set);
}

static void expect_doubt(const char *spec, const char *message)
{
    shunt_dataset *set;
    cr_expect_eq(shunt_dataset_open(spec, "train", &set), SHUNT_E_INVALID, "%s", spec);
    expect_message(spec + strlen("imagefolder:"), message);
}

/* Two folders that could both be meant, and splits under names that are none of the usual ones, as in Kaggle's pictures of
 * landscapes. */
Test(imagefolder, names_in_doubt)
{
    static const char *const two[][2] = {{"train", "Training"},
                                         {"val", "validation"},
                                         {"Valid", "val_set"},
                                         {"test", "Testing"}},
                             *const unusual[][2] = {{"seg_train", "seg_test"},
                                                    {"Train_1", "Test_1"},
                                                    {"train images", "val images"},
                                                    {"my-training-data", "validation2"}};
    char path[64], spec[64];
    for (int i = 0; i < 8; i++) {
        const char *const *names = i < 4 ? two[i] : unusual[i - 4];
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "d%d/%s/a/1.ppm", i, names[k]);
            put_pixel(path, k + 1);
        }
        snprintf(path, sizeof path, "d%d/train/a/1.ppm", i);
        if (i < 4) put_pixel(path, 3);
        snprintf(spec, sizeof spec, "imagefolder:d%d", i);
        expect_doubt(spec, i < 4 ? "could be meant" : "classes or splits?");
    }
    put_pixel("e/train_station/1.ppm", 1); /* classes: their pictures lie in them */
    put_pixel("e/test_tube/1.ppm", 2);
    EXPECT_SET(open_set("imagefolder:e", "train", NULL), 2, {"test_tube/1.ppm", 0, 2}, {"train_station/1.ppm", 1, 1});
    put_pixel("f/steam_train/side/1.ppm", 1); /* a word of one kind only */
    put_pixel("f/contest/side/1.ppm", 2);
    EXPECT_SET(open_set("imagefolder:f", "train", NULL), 2, {"contest/side/1.ppm", 0, 2},
               {"steam_train/side/1.ppm", 1, 1});
}

/* A folder that holds itself by a link is gone through once. */
Test(imagefolder, links_in_a_circle)
{
    put_pixel("d/a/1.ppm", 1);
    cr_assert(!symlink("..", "d/a/up"));
    cr_assert(!symlink(".", "d/a/self"));
    shunt_dataset *set = open_set("imagefolder:d", NULL, NULL);
    cr_assert_eq(shunt_dataset_count(set), 1);
    shunt_dataset_close(set);
}

/* ---- Files of labels -------------------------------------------------------------------------------------------- */

static void put_flat(void)
{
    put_pixel("d/v_3.JPEG", 3);
    put_pixel("d/v_1.JPEG", 1);
    put_pixel("d/v_1-b.JPEG", 2); /* '-' sorts before '.' */
    put_pixel("d/below/x.jpg", 9);
}

Test(imagefolder, labels_by_name)
{
    put_flat();
    put_text("l", "v_3.JPEG 7\nv_1.JPEG 0\r\n\n  v_1-b.JPEG\t12  \nother.JPEG 99\n");
    EXPECT_SET(open_set("imagefolder:d", NULL, "l"), 13, {"v_1-b.JPEG", 12, 2}, {"v_1.JPEG", 0, 1}, {"v_3.JPEG", 7, 3});
    /* As Kaggle has ImageNet's: a heading, no endings, boxes behind the label. */
    put_text("l", "ImageId,PredictionString\nv_1,n02 1 2 3 4\nv_1-b,n01 5 6 7 8 n01 1 1 1 1\nv_3,n02 9 9 9 9");
    shunt_dataset *set = open_set("imagefolder:d", "test", "l");
    cr_assert_str_eq(shunt_dataset_label(set, 0), "n01");
    cr_assert_str_eq(shunt_dataset_label(set, 1), "n02");
    EXPECT_SET(set, 2, {"v_1-b.JPEG", 0, 2}, {"v_1.JPEG", 1, 1}, {"v_3.JPEG", 1, 3});
}

/* A slash behind the folder changes nothing. */
Test(imagefolder, labels_of_a_folder_with_a_slash)
{
    put_flat();
    put_text("l", "v_3.JPEG 7\nv_1.JPEG 0\nv_1-b.JPEG\t12\n");
    EXPECT_SET(open_set("imagefolder:d/", NULL, "l"), 13, {"v_1-b.JPEG", 12, 2}, {"v_1.JPEG", 0, 1},
               {"v_3.JPEG", 7, 3});
    EXPECT_SET(open_set("imagefolder:d//", NULL, "l"), 13, {"v_1-b.JPEG", 12, 2}, {"v_1.JPEG", 0, 1},
               {"v_3.JPEG", 7, 3});
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("pictures:d/", NULL, &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_str_eq(shunt_dataset_picture(set, 0), "v_1-b.JPEG");
    cr_assert_str_eq(shunt_dataset_picture(set, 3), "below/x.jpg");
    shunt_dataset_close(set);
}

Test(imagefolder, labels_in_order)
{
    put_flat();
    put_text("l", "5\n\n3\n4\n");
    EXPECT_SET(open_set("imagefolder:d", NULL, "l"), 6, {"v_1-b.JPEG", 5, 2}, {"v_1.JPEG", 3, 1}, {"v_3.JPEG", 4, 3});
    put_text("l", "great white shark\ntench\ngreat white shark");
    shunt_dataset *set = open_set("imagefolder:d", NULL, "l");
    cr_assert_str_eq(shunt_dataset_label(set, 0), "great white shark");
    EXPECT_SET(set, 2, {"v_1-b.JPEG", 0, 2}, {"v_1.JPEG", 1, 1}, {"v_3.JPEG", 0, 3});
}

/* The same three labels as people's programs write them: Excel, pandas, R, a shell. What is right is plain from the text. */
Test(imagefolder, labels_as_programs_write_them)
{
    static const char *const files[] = {
        "\xef\xbb\xbf"
        "a.png,cat\nb (1).png,dog\nc.png,sea lion\n", /* a byte order mark; blanks in names */
        "./a.png,cat\n./b (1).png,dog\n./c.png,sea lion\n",
        "d/a.png,cat\nd/b (1).png,dog\nd/c.png,sea lion\n",                /* the folder's own name */
        "images/a.png,cat\nimages/b (1).png,dog\nimages/c.png,sea lion\n", /* as it was called once */
        "x\\d\\a.png,cat\nx\\d\\b (1).png,dog\nx\\d\\c.png,sea lion\n",
        "e/a.png,wrong\nd/a.png,cat\nd/b (1).png,dog\ne/c.png,bad\nd/c.png,sea lion\n", /* and lines of another folder */
        "\"a.png\",\"cat\"\r\n\"b (1).png\",\"dog\"\r\n\"c.png\",\"sea lion\"\r\n",
        "a.png;cat\nb (1).png;dog\nc.png;sea lion\n",
        "a.png\tcat\nb (1).png\tdog\nc.png\tsea lion\n",
        "a.png cat\nb (1).png dog\nc.png   sea lion\n",
        "0,a.png,cat\n1,b (1).png,dog\n2,c.png,sea lion\n",
        ",file,label\n0,a.png,cat\n1,b (1).png,dog\n2,c.png,sea lion\n",
        "filename,width,height,class,xmin\na.png,4,5,cat,1\nb (1).png,4,5,dog,1\nc.png,4,5,sea lion,1\n",
        "\"\";\"file\";\"label\"\n\"1\";\"a.png\";\"cat\"\n\"2\";\"b (1).png\";\"dog\"\n\"3\";\"c.png\";\"sea lion\"\n",
        "a,cat,0.9,x\nb (1),dog,0.8,y\nc,sea lion,0.7,z\n", /* no endings; what follows is ignored */
        "other.png,ape\nanother.png,bee\nc.png,sea lion\na.png,cat\nb (1).png,dog\n",
        "cat\ndog\nsea lion\n", /* in the order of the names */
        "0,cat\n1,dog\n2,sea lion\n",
        "\"cat\"\n\"dog\"\n\"sea lion\"",
    };
    put_pixel("d/a.png", 1);
    put_pixel("d/b (1).png", 2);
    put_pixel("d/c.png", 3);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        shunt_dataset *set;
        put_text("l", files[i]);
        if (shunt_dataset_open_labelled("imagefolder:d", NULL, "l", &set))
            cr_assert_fail("%s: %s", files[i], shunt_last_error());
        cr_assert_eq(shunt_dataset_classes(set), 3, "%s", files[i]);
        cr_assert_str_eq(shunt_dataset_label(set, 0), "cat", "%s", files[i]);
        cr_assert_str_eq(shunt_dataset_label(set, 2), "sea lion", "%s", files[i]);
        EXPECT_SET(set, 3, {"a.png", 0, 1}, {"b (1).png", 1, 2}, {"c.png", 2, 3});
    }
}

/* Processor seconds to read a label for each of so many pictures of two classes, named as in Kaggle's cats and dogs: the labels
 * are what all names of a class begin with. */
static double seconds_to_label(size_t each)
{
    picture_list list = {0};
    char name[32], **classes = NULL;
    size_t nclasses = 0;
    FILE *file = fopen("l", "w");
    for (size_t i = 0; i < 2 * each; i++) {
        snprintf(name, sizeof name, "%s.%06zu.jpg", i < each ? "cat" : "dog", i % each);
        cr_assert_eq(picture_list_add(&list, name, 0), SHUNT_OK);
        fprintf(file, "%s,%.3s\n", name, name);
    }
    cr_assert_eq(fclose(file), 0);
    clock_t start = clock();
    cr_assert_eq(picture_labels_read("l", ".", &list, &classes, &nclasses), SHUNT_OK, "%s", shunt_last_error());
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    cr_assert(nclasses == 2 && list.items[0].label == 0 && list.items[2 * each - 1].label == 1);
    for (size_t i = 0; i < nclasses; i++) free(classes[i]);
    free(classes);
    picture_list_free(&list);
    return seconds;
}

Test(imagefolder, many_labels_take_time_that_grows_with_them)
{
    const double few = seconds_to_label(2000), many = seconds_to_label(20000);
    cr_assert_lt(many, 40 * few, "%g s for 4,000, %g s for 40,000", few, many);
}

/* An ending may be left out, in any of its usual forms. */
Test(imagefolder, names_without_endings)
{
    picture_list list = {0};
    static const char *const names[] = {"a.JPG", "b.x.png", "b.y.png", "c.Jpeg", "d.tar.png", "e.webp"};
    for (size_t i = 0; i < 6; i++) cr_assert_eq(picture_list_add(&list, names[i], 0), SHUNT_OK);
    cr_expect_eq(picture_list_find(&list, "a"), 0);
    cr_expect_eq(picture_list_find(&list, "a.JPG"), 0);
    cr_expect_eq(picture_list_find(&list, "b"), 6);
    cr_expect_eq(picture_list_find(&list, "b.y"), 2);
    cr_expect_eq(picture_list_find(&list, "c"), 3);
    cr_expect_eq(picture_list_find(&list, "d"), 6);
    cr_expect_eq(picture_list_find(&list, "e"), 5);
    cr_expect_eq(picture_list_find(&list, ""), 6);
    picture_list_free(&list);
}

/* ---- What is refused ------------------------------------------------------------------------------------------ */

static void expect_refused(const char *spec, const char *split, const char *labels, shunt_status status,
                           const char *path, const char *reason)
{
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open_labelled(spec, split, labels, &set), status, "%s", reason);
    cr_assert_null(set);
    expect_message(path, reason);
}

Test(imagefolder, refuses_folders)
{
    expect_refused("imagefolder:none", NULL, NULL, SHUNT_E_NOT_FOUND, "none: ", "No such file");
    put_text("file", "x");
    expect_refused("imagefolder:file", NULL, NULL, SHUNT_E_IO, "file: ", "Not a directory");
    put_pixel("flat/1.jpg", 1);
    expect_refused("imagefolder:flat", NULL, NULL, SHUNT_E_INVALID, "flat: ", "into one folder per class");
    put_pixel("d/a/1.jpg", 1);
    cr_assert(!mkdir("d/b", 0777));
    put_text("d/b/x.txt", "no picture");
    expect_refused("imagefolder:d", NULL, NULL, SHUNT_E_INVALID, "d/b: ", "this folder contains no picture");
    expect_refused("imagefolder:d", "test", NULL, SHUNT_E_NOT_FOUND, "d: ", "no pictures to test on");
    put_pixel("f/train/a/1.jpg", 1);
    expect_refused("imagefolder:f", NULL, NULL, SHUNT_E_NOT_FOUND, "f: ", "no folder val or test");
    put_pixel("g/Train/a/1.jpg", 1);
    put_pixel("g/train/a/1.jpg", 1);
    expect_refused("imagefolder:g", "train", NULL, SHUNT_E_INVALID, "g: ", "both Train and train");
    /* Pictures of a class called train that lie deeper, beside other classes. */
    put_pixel("h/train/red/1.jpg", 1);
    put_pixel("h/bus/1.jpg", 1);
    expect_refused("imagefolder:h", "train", NULL, SHUNT_E_INVALID, "h: is train a class or a split?", "bus");
    put_pixel("e/val/a/1.jpg", 1);
    expect_refused("imagefolder:e", "train", NULL, SHUNT_E_NOT_FOUND, "e: ", "no folder train");
}

Test(imagefolder, refuses_labels)
{
    put_flat();
    put_text("l", "1\n2\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: ", "2 labels for 3 pictures");
    put_text("l", "v_1 1\nv_3 2\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: ", "no label for v_1-b.JPEG");
    put_text("l", "v_1 1\nv_3 2\nv_1-b\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: line 3: ", "no label behind 'v_1-b.JPEG'");
    put_text("l", "a/v_1,x\nb/v_1,y\na/v_3,x\na/v_1-b,x\n"); /* which v_1 is meant? */
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: ", "in a and in b, and neither is d");
    put_text("l", "v_1,\nv_3,2\nv_1-b,3\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: line 1: ", "no label behind");
    put_text("l", "v_1 1\nv_3 2\nv_1-b 3\nv_1.JPEG 4\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "lines 1 and 4", "v_1.JPEG different labels");
    put_text("l", "v_1 1\nv_3 99999999999999999999\nv_1-b 3\n");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: line 2: ", "too large");
    put_bytes("l", "1\n2\0\n3", 6);
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: ", "zero byte");
    put_text("l", "");
    expect_refused("imagefolder:d", NULL, "l", SHUNT_E_INVALID, "l: ", "empty");
    expect_refused("imagefolder:d", NULL, "none", SHUNT_E_NOT_FOUND, "none: ", "No such file");
    put_text("l", "1\n");
    expect_refused("imagefolder:d/below/..//nothing", NULL, "l", SHUNT_E_NOT_FOUND, "nothing", "No such file");
    expect_refused("cifar10:d", NULL, "l", SHUNT_E_INVALID, "d: ", "labels of its own");
}

/* A picture that cannot be read is named when it is its turn. */
Test(imagefolder, names_a_damaged_picture)
{
    put_pixel("d/a/1.ppm", 1);
    put_text("d/a/2.jpg", "no picture at all");
    shunt_dataset *set = open_set("imagefolder:d", NULL, NULL);
    shunt_image image;
    int64_t label;
    cr_assert_eq(shunt_dataset_get(set, 1, &image, &label), SHUNT_E_INVALID);
    cr_assert_null(image.rgb);
    expect_message("d/a/2.jpg: ", "not a picture");
    shunt_dataset_close(set);
}
