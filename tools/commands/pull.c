/* pull.c - shunt pull: published weights from the network, checked, to where --model finds them. */
#include "commands.h"
#include "lib/fetch.h"
#include "lib/published.h"
#include "lib/say.h"
#include "lib/table.h"
#include "runtime/shared/folders.h"
#include "runtime/shared/os.h"
#include <fcntl.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct pull_settings {
    const char *url, *sha256, *ca;
    int64_t patience;
    json_settings output;
} pull_settings;

#define FIELD(name) offsetof(pull_settings, name)

static const option_row rows[] = {
    {"url", OPTION_TEXT, FIELD(url), "URL",
     "Get the file from this address (https only) instead of the listed one; NAME may then be any model.", NULL, 0, 0},
    {"sha256", OPTION_TEXT, FIELD(sha256), "HEX",
     "The file's SHA-256, or its first 8 digits or more. Default: the 8 digits at the end of the file's name, as in "
     "resnet50-0676ba61.pth.",
     NULL, 0, 0},
    {"ca", OPTION_TEXT, FIELD(ca), "FILE", "PEM file of certificates to trust instead of the system's.", NULL, 0, 0},
    {"patience", OPTION_COUNT, FIELD(patience), "S", "Give up after S seconds without data.", "30", 1, 3600},
    {0}};

/* The part of a URL that names its file, without what a '?' or '#' begins. To be freed; NULL after printing why. */
static char *file_name(const char *url)
{
    static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strcspn(url, "?#"), begin = length;
    while (begin && url[begin - 1] != '/') begin--;
    char *name = strndup(url + begin, length - begin);
    if (!name) {
        say_failure("no memory");
    } else if (!*name || *name == '.' || strlen(name) > 200 || name[strspn(name, usual)]) {
        say_usage("--url %s: must end in a file's name of letters, digits, '.', '_' and '-'", url);
        free(name);
        name = NULL;
    }
    return name;
}

static bool is_hex(const char *text, size_t length)
{
    return strspn(text, "0123456789abcdef") == length;
}

/* "resnet50-0676ba61.pth": the digits, to `out`. */
static bool digits_in_name(const char *name, char out[65])
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot - name < 10 || dot[-9] != '-') return false;
    snprintf(out, 65, "%.8s", dot - 8);
    return is_hex(out, 8);
}

static int choose_digits(const pull_settings *settings, const char *name, char out[65])
{
    if (!settings->sha256) {
        if (!digits_in_name(name, out)) out[0] = '\0';
        return EXIT_OK;
    }
    size_t length = strlen(settings->sha256);
    for (size_t i = 0; i <= length && i < 65; i++)
        out[i] = (char)(settings->sha256[i] | (settings->sha256[i] >= 'A' && settings->sha256[i] <= 'F' ? 0x20 : 0));
    if (length >= 8 && length <= 64 && is_hex(out, length)) return EXIT_OK;
    return say_usage("--sha256 %s: must be 8 to 64 hexadecimal digits", settings->sha256);
}

/* The most that a file with the model's weights may have: float64, and room for names. 0 after printing why. */
static uint64_t most_bytes(const char *name)
{
    shunt_model *model;
    if (shunt_model_create(name, NULL, &model)) {
        say_library_failure(NULL);
        return 0;
    }
    uint64_t parameters = shunt_graph_count(shunt_model_graph(model)).parameters;
    shunt_model_destroy(model);
    return 8 * parameters + (16 << 20);
}

/* As the library makes its cache folder: for its owner alone. */
static int make_folder(const char *path)
{
    size_t length;
    int error = make_folders(path, 0700, &length);
    return error ? say_failure("%s: cannot be made: %.*s: %s", path, (int)length, path, strerror(error)) : EXIT_OK;
}

/* What is known by a file's whole digest, or by as much of it as is known. */
static int report(const pull_settings *settings, const char *path, const char *known, const char *digits, bool there)
{
    if (settings->output.json)
        return print_json(json_pack("{s:o, s:s, s:i, s:b}", "path", json_text(path), "sha256", digits, "digits_checked",
                                    (int)strlen(known), "already_there", (int)there),
                          false);
    say_line("%s%s", path, there ? " (was there already)" : "");
    say_line("SHA-256 %s", digits);
    if (!*known)
        puts("There is no published digest to check: compare this one with its publisher's.");
    else if (strlen(known) < 64)
        printf("Checked: the first %zu digits, which are all that is published with it.\n", strlen(known));
    else
        puts("Checked.");
    return EXIT_OK;
}

static bool is_weights(const char *path)
{
    shunt_weights *weights = NULL;
    bool good = !shunt_weights_open(path, &weights);
    shunt_weights_destroy(weights);
    return good;
}

static int pull_to(const pull_settings *settings, const char *url, const char *path, const char *known, uint64_t most)
{
    char digits[65] = "";
    struct stat found;
    bool there = !lstat(path, &found);
    if (there && !S_ISREG(found.st_mode)) return say_failure("%s: it is not a regular file; remove it", path);
    int status = EXIT_OK;
    if (there) status = fetch_sha256(path, digits);
    if (status == EXIT_OK && there && strncmp(digits, known, strlen(known)) != 0) there = false; /* damaged since */
    if (status) return status;
    if (there)
        os_touch(path); /* the last one pulled is the one that is used */
    else
        status = fetch(&(fetch_request){.url = url,
                                        .path = path,
                                        .sha256 = *known ? known : NULL,
                                        .check = is_weights,
                                        .ca = settings->ca,
                                        .most = most,
                                        .patience = settings->patience},
                       digits);
    return status ? status : report(settings, path, known, digits, there);
}

static int pull(const pull_settings *settings, const char *name)
{
    const published *listed = published_find(name);
    const char *url = settings->url ? settings->url : listed ? listed->url : NULL;
    if (!url)
        return say_usage("%s: no such weights are listed; shunt pull shows which are, or name a place with --url",
                         name);
    if (strncmp(url, "https://", 8) != 0) return say_usage("--url %s: must begin with https://", url);
    const char *model = listed ? listed->model : name;
    char known[65] = "", *file = file_name(url), *folder = NULL, *path = NULL;
    int status = file ? choose_digits(settings, file, known) : EXIT_USAGE;
    uint64_t most = status == EXIT_OK ? most_bytes(model) : 0;
    if (status == EXIT_OK && !most) status = EXIT_FAILED;
    if (status == EXIT_OK && !(folder = pulled_folder(model))) status = EXIT_FAILED;
    if (status == EXIT_OK) status = make_folder(folder);
    if (status == EXIT_OK && asprintf(&path, "%s/%s", folder, file) < 0) status = say_failure("no memory");
    if (status == EXIT_OK) status = pull_to(settings, url, path, known, most);
    free(path);
    free(folder);
    free(file);
    return status;
}

static bool is_pulled(const published *of)
{
    char *folder = pulled_folder(of->model), *path = NULL;
    if (!folder || asprintf(&path, "%s/%s", folder, strrchr(of->url, '/') + 1) < 0) path = NULL;
    bool there = path && access(path, F_OK) == 0;
    free(folder);
    free(path);
    return there;
}

static int list_json(void)
{
    json_t *all = json_array();
    for (const published *p = published_weights; p->name; p++)
        json_add(all, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", p->name, "model", p->model, "url", p->url,
                                "preset", p->preset, "errors", p->errors, "pulled", (int)is_pulled(p)));
    return print_json(all, false);
}

static int list_text(void)
{
    static const char *const headings[] = {"name", "preset", "top-1/top-5 error %", "pulled", "from"};
    table out;
    table_begin(&out, headings, 5);
    for (const published *p = published_weights; p->name; p++) {
        table_cell(&out, "%s", p->name);
        table_cell(&out, "%s", p->preset);
        table_cell(&out, "%s", p->errors);
        table_cell(&out, "%s", is_pulled(p) ? "yes" : "no");
        table_cell(&out, "%s", p->url);
    }
    return table_end(&out);
}

static int run(const void *settings, int noperands, char **operands)
{
    const pull_settings *self = settings;
    if (noperands > 1) return say_usage("%s: one at a time", operands[1]);
    if (noperands == 1) return pull(self, operands[0]);
    if (self->url) return say_usage("no name; say which model --url has the weights of");
    return self->output.json ? list_json() : list_text();
}

const command pull_command = {
    .name = "pull",
    .summary = "Download published weights; without a name, list them.",
    .operands = "[NAME]",
    .text =
        "A file gets its name only when it is complete and its SHA-256 is right. The part of an interrupted download "
        "is kept, and the same command continues it. torchvision publishes the first 8 digits of the SHA-256, so "
        "these are checked. The files lie in the cache folder. A command with --model but without --weights uses the "
        "weights that were pulled last for that model.",
    .groups = {{rows, 0}, {json_rows, FIELD(output)}},
    .examples = {{"shunt pull", "List the weights."},
                 {"shunt pull resnet50", "Then, say: shunt classify --model resnet50 cat.jpg"},
                 {"shunt pull resnet50 --url https://mirror.example/resnet50-0676ba61.pth", "From somewhere else."}},
    .settings_size = sizeof(pull_settings),
    .run = run,
};
