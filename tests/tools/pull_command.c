/* pull_command.c - shunt pull against a server on the loopback interface that cuts off, stalls, lies, redirects and resumes
 * (pull_server.py), with a certificate authority of the test's own: a file is whole and checked, or not there. */
#include "tests/support/command_support.h"

static FILE *server; /* its standard input */
static int port;
static char digest[65], file_name[64]; /* of the weights that it serves: resnet8-DDDDDDDD.safetensors */

static const char certificates[] =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=ca "
    "-days 2 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout s.key -out s.pem "
    "-subj "
    "/CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:false -CA "
    "ca.pem "
    "-CAkey ca.key -days 2";

static void start(void)
{
    enter_folder();
    run("shunt pull nosuch-model --url https://localhost:1/x.st");
    if (strstr(said.err, "without libcurl")) cr_skip_test("built without libcurl");
    run("command -v openssl python3 && %s", certificates);
    if (said.status) cr_skip_test("no openssl or python3 here");
    put_weights("w.st", "resnet8", 0);
    run("sha256sum w.st");
    memcpy(digest, said.out, 64);
    snprintf(file_name, sizeof file_name, "resnet8-%.8s.safetensors", digest);
    cr_assert(!setenv("SHUNT_CACHE_DIR", "cache", 1) && !setenv("no_proxy", "localhost,127.0.0.1", 1));
    server = popen("exec python3 \"$SHUNT_SOURCE\"/tests/tools/pull_server.py w.st s.pem s.key >port.txt", "w");
    cr_assert(server);
    for (int i = 0; i < 600 && !port; i++) {
        char text[16];
        usleep(50000);
        slurp("port.txt", text, sizeof text);
        port = strchr(text, '\n') ? atoi(text) : 0;
    }
    cr_assert(port, "no server");
}

static void stop(void)
{
    if (server) pclose(server);
    leave_folder();
}

TestSuite(pull, .init = start, .fini = stop);

/* From https://localhost/KIND/FILE. */
static void pull(const char *kind, const char *more)
{
    remove("requests.txt");
    run("shunt pull resnet8 --url https://localhost:%d/%s/%s --ca ca.pem %s", port, kind, file_name, more);
}

static bool is_there(void)
{
    run("cmp cache/weights/resnet8/%s w.st", file_name);
    return said.status == 0;
}

/* Bytes of the part that is kept; -1: none. */
static long part_size(void)
{
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "cache/weights/resnet8/%s.part", file_name);
    return stat(path, &info) ? -1 : (long)info.st_size;
}

static void expect_nothing(long part)
{
    run("ls cache/weights/resnet8/%s", file_name);
    cr_assert(said.status != 0, "it got its name");
    cr_assert_eq(part_size(), part, "a part of %ld bytes", part_size());
}

static long weights_size(void)
{
    struct stat info;
    cr_assert(!stat("w.st", &info));
    return (long)info.st_size;
}

Test(pull, whole_and_checked)
{
    pull("ok", "--json");
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "sha256"), digest);
    cr_assert(number_at(report, "digits_checked") == 8 && json_is_false(json_object_get(report, "already_there")));
    json_decref(report);
    cr_assert(is_there() && part_size() == -1);
    pull("missing", "");
    expect_success(); /* nothing is asked of the server */
    cr_assert(strstr(said.out, "already") && strstr(said.out, digest) && strstr(said.out, "first 8 digits"), "%s",
              said.out);
    run("printf x >>cache/weights/resnet8/%s", file_name); /* damaged since */
    pull("hop", "");
    expect_success();
    cr_assert(is_there());
    run("rm -r cache");
    char all[80];
    snprintf(all, sizeof all, "--sha256 %s", digest);
    pull("ok", all);
    expect_success();
    cr_assert(strstr(said.out, "\nChecked.\n"), "%s", said.out);
    pull("ok", "--sha256 0123456789");
    expect_failure(1, digest, "not 0123456789...");
}

/* The command then finds what was pulled, says which file it is, and takes no other in silence. */
Test(pull, model_finds_it)
{
    put_picture("a.ppm", 40, 40);
    run("shunt classify --model resnet8 --device scalar a.ppm");
    expect_failure(2, "no weights", "--random-weights");
    run("shunt classify --model resnet50 --device scalar a.ppm");
    expect_failure(2, "shunt pull resnet50", "--random-weights");
    pull("truncate", "");
    run("shunt classify --model resnet8 --device scalar a.ppm");
    expect_failure(2, "no weights", NULL); /* a part is no file */
    pull("ok", "");
    expect_success();
    run("shunt classify --model resnet8 --device scalar --weights w.st a.ppm >named.txt; "
        "SHUNT_LOG=info shunt classify --model resnet8 --device scalar a.ppm | cmp - named.txt");
    cr_assert(said.status == 0 && strstr(said.err, "info: weights: ") && strstr(said.err, file_name), "%s", said.err);
    run("shunt classify --model resnet14 --device scalar a.ppm");
    expect_failure(2, "no weights", NULL);
}

Test(pull, goes_on_where_it_broke_off)
{
    char range[64];
    long half = weights_size() / 2;
    pull("truncate", "");
    expect_failure(1, "ended early", "the same command continues");
    expect_nothing(half);
    pull("truncate", "");
    expect_success();
    cr_assert(is_there());
    run("cat requests.txt");
    snprintf(range, sizeof range, "bytes=%ld-\n", half);
    cr_assert(strstr(said.out, range), "%s", said.out);

    run("rm -r cache");
    pull("truncate", "");
    pull("whole", ""); /* a server that sends all of it again */
    expect_success();
    cr_assert(is_there());
    run("rm -r cache");
    pull("truncate", "");
    pull("shifted", ""); /* or another part than was asked for */
    expect_failure(1, "another position", NULL);
    expect_nothing(half);
    run("rm -r cache");
    pull("truncate", "");
    run("printf wrong | dd of=cache/weights/resnet8/%s.part conv=notrunc", file_name);
    pull("ok", ""); /* what was kept is of another file: all anew */
    expect_success();
    cr_assert(is_there());
    run("rm cache/weights/resnet8/%s; cat w.st w.st >cache/weights/resnet8/%s.part", file_name, file_name);
    pull("ok", "");
    expect_success();
    cr_assert(is_there());
}

Test(pull, stalls)
{
    pull("stall", "--patience 1");
    expect_failure(1, "no data came for 1 s", "1000 bytes");
    expect_nothing(1000);
}

Test(pull, lies)
{
    static const struct {
        const char *kind, *reason;
    } rows[] = {{"short", "it is not kept"},
                {"wrong", "it is not kept"},
                {"html", "web page"},
                {"huge", "larger than"},
                {"nothing", "answers 404"},
                {"dumb", "no web server answers there"},
                {"mute", "ended early (Empty reply from server); try again"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pull(rows[i].kind, "");
        expect_failure(1, rows[i].kind, rows[i].reason);
        expect_nothing(-1);
    }
    pull("endless", "");
    expect_failure(1, "endless", "more than these weights");
    expect_nothing(-1);
}

/* What no digest is known of is kept only where it is a weight file. */
Test(pull, no_digest)
{
    static const struct {
        const char *kind, *reason;
    } rows[] = {{"empty", "sends no file"}, {"none", "answers 204 and sends no file"},
                {"gzip", "compressed"},     {"packed", "not kept"},
                {"wrong", "not kept"},      {"short", "not kept"},
                {"html", "web page"}};
    strcpy(file_name, "resnet8.safetensors"); /* no digits in it */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int part = 0; part < 2; part++) {
            if (part && !strcmp(rows[i].kind, "short")) continue; /* it would fit what is there: only a digest tells */
            run("rm -rf cache");
            if (part) pull("truncate", "");
            pull(rows[i].kind, "");
            expect_failure(1, rows[i].kind, rows[i].reason);
            run("ls cache/weights/resnet8/%s", file_name);
            cr_assert(said.status != 0, "%s got its name", rows[i].kind);
        }
    pull("ok", "");
    expect_success();
    cr_assert(is_there());
    run("rm -rf cache");
    pull("truncate", "");
    run("printf wrong | dd of=cache/weights/resnet8/%s.part conv=notrunc", file_name);
    pull("ok", ""); /* what was kept is of another file: all anew */
    expect_success();
    cr_assert(is_there());
}

/* Only a regular file is replaced. */
Test(pull, no_file_of_that_name)
{
    static const char *const makers[] = {"mkdir", "mkfifo", "ln -s /none"};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        struct stat made;
        char path[128];
        snprintf(path, sizeof path, "cache/weights/resnet8/%s", file_name);
        run("rm -rf cache; mkdir -p cache/weights/resnet8; %s %s", makers[i], path);
        pull("ok", "");
        expect_failure(1, file_name, "not a regular file");
        cr_assert(!lstat(path, &made) && !S_ISREG(made.st_mode), "%s: replaced", makers[i]);
    }
}

Test(pull, redirects)
{
    pull("hop", ""); /* to another host, by HTTPS */
    expect_success();
    cr_assert(is_there());
    run("rm -r cache");
    static const char *const kinds[] = {"downgrade", "local"};
    for (size_t i = 0; i < 2; i++) {
        pull(kinds[i], "");
        expect_failure(1, kinds[i], "not HTTPS");
        expect_nothing(-1);
    }
    pull("loop", "");
    expect_failure(1, "loop", "again and again");
}

Test(pull, headers_without_end)
{
    static const char *const kinds[] = {"headers", "header"};
    for (size_t i = 0; i < 2; i++) {
        pull(kinds[i], "");
        expect_failure(1, kinds[i], "no end");
        expect_nothing(-1);
    }
}

Test(pull, trust_and_network)
{
    run("shunt pull resnet8 --url https://localhost:%d/ok/%s", port, file_name);
    expect_failure(1, "certificate is not trusted", NULL);
    expect_nothing(-1);
    run("shunt pull resnet8 --url https://localhost:%d/ok/%s --ca nosuch.pem", port, file_name);
    expect_failure(1, "certificate", NULL);
    run("shunt pull resnet8 --url https://nosuch.invalid/x-01234567.pth --patience 5");
    expect_failure(1, "nosuch.invalid", "no network");
    run("shunt pull resnet8 --url https://localhost:1/x-01234567.pth");
    expect_failure(1, "cannot connect", "network");
    run("mkdir -p cache/weights/resnet8; flock cache/weights/resnet8/%s.part shunt pull resnet8 --ca ca.pem --url "
        "https://localhost:%d/ok/%s",
        file_name, port, file_name);
    expect_failure(1, "another shunt pull", NULL);
    run("SHUNT_CACHE_DIR=w.st shunt pull resnet8 --url https://localhost:%d/ok/%s", port, file_name);
    cr_assert(said.status == 1 && strstr(said.err, "w.st"), "%s", said.err);
}

Test(pull, usage)
{
    static const char *const urls[] = {"http://localhost/x.pth", "file:///etc/passwd", "ftp://localhost/x.pth",
                                       "x.pth"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        run("shunt pull resnet8 --url %s", urls[i]);
        expect_failure(2, "https://", NULL);
    }
    run("shunt pull resnet8 --url https://localhost/");
    expect_failure(2, "must end in a file's name", NULL);
    run("shunt pull resnet8 --url https://localhost/a%%2f..%%2fb");
    expect_failure(2, "must end in a file's name", NULL);
    run("shunt pull resnet8 --url https://localhost/x --sha256 12345");
    expect_failure(2, "--sha256 12345", "8 to 64");
    run("shunt pull resnet19 --url https://localhost/x");
    expect_failure(1, "resnet19", NULL);
    run("shunt pull ../x");
    expect_failure(2, "no such weights", NULL);
    run("shunt pull a b");
    expect_failure(2, "b: one at a time", NULL);
    run("shunt pull --json");
    expect_success();
    json_t *list = json_said(), *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        const char *url = text_at(row, "url"), *preset = text_at(row, "preset");
        shunt_preprocess values;
        shunt_model *model;
        cr_assert(!strncmp(url, "https://", 8) && strspn(strrchr(url, '-') + 1, "0123456789abcdef") == 8, "%s", url);
        cr_assert(!shunt_preprocess_preset(preset, &values) &&
                  !shunt_model_create(text_at(row, "model"), NULL, &model));
        shunt_model_destroy(model);
    }
    cr_assert_eq(i, 17);
    json_decref(list);
}

/* FIPS 180-4's padding at every length around a block, against sha256sum: of files that are there already. */
Test(pull, digests)
{
    char expected[65];
    run("mkdir -p cache/weights/resnet8");
    static const int sizes[] = {0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        run("head -c %d w.st >cache/weights/resnet8/x; sha256sum cache/weights/resnet8/x", sizes[i]);
        memcpy(expected, said.out, 64);
        expected[64] = '\0';
        run("shunt pull resnet8 --url https://localhost:1/x");
        expect_success();
        cr_assert(strstr(said.out, expected) && strstr(said.out, "no published digest"), "%d bytes: %s", sizes[i],
                  said.out);
    }
}
