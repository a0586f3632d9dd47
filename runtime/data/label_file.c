/* label_file.c - see label_file.h. The file is text from anywhere; nothing in it is trusted. */
#include "runtime/data/label_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/error.h"
#include "runtime/shared/os.h"
#include "runtime/base/file.h"

enum { MOST_BYTES = 1 << 28, MOST_COLUMNS = 8, MOST_FIELD = 3072, BOX_NUMBERS = 4, MOST_WORDS = 64 };

static const char blanks[] = " \t\r\v\f";

typedef struct line {
    char *text; /* without blanks at its ends */
    size_t number;
} line;

/* How lines are to be read. */
typedef struct form {
    char separator;     /* ' ' for any blanks */
    size_t name, label; /* columns */
} form;

typedef struct table {
    const char *path, *folder;
    char *text;
    line *lines;
    size_t count;
    form form;
    bool any_folder;             /* of names: not decided yet */
    char own_folder[MOST_FIELD]; /* the one that counts, "" if names have none */
} table;

/* ---- Lines -------------------------------------------------------------------------------------------------------- */

static shunt_status read_text(table *self)
{
    static const char mark[] = "\xef\xbb\xbf";
    file_mapping map;
    shunt_status status = file_map(self->path, MOST_BYTES, &map);
    if (status) return status;
    size_t skip = map.size >= 3 && !memcmp(map.data, mark, 3) ? 3 : 0;
    self->text = strndup((const char *)map.data + skip, map.size - skip);
    if (!self->text)
        status = error_memory();
    else if (strlen(self->text) != map.size - skip)
        status = error_fail(SHUNT_E_INVALID, "%s: not a text file: it holds a zero byte", self->path);
    file_unmap(&map);
    return status;
}

/* Cuts the blanks at the text's end off; returns where the rest begins. */
static char *trim(char *text)
{
    text += strspn(text, blanks);
    for (char *end = text + strlen(text); end > text && strchr(blanks, end[-1]);) *--end = '\0';
    return text;
}

static shunt_status split_lines(table *self)
{
    size_t room = 1, number = 0;
    for (const char *c = self->text; *c; c++) room += *c == '\n';
    self->lines = calloc(room, sizeof *self->lines);
    if (!self->lines) return error_memory();
    for (char *rest = self->text, *text; (text = strsep(&rest, "\n"));) {
        text = trim(text);
        number++;
        if (*text) self->lines[self->count++] = (line){text, number};
    }
    return SHUNT_OK;
}

/* ---- Fields ------------------------------------------------------------------------------------------------------- */

/* Copies the field that begins at *at, without blanks at its ends or quotes around it, and moves behind the separator; *at is
 * NULL at the line's end. False when it is too long. */
static bool take_field(const char **at, char separator, char field[MOST_FIELD])
{
    const char *from = *at + strspn(*at, separator == '\t' ? " " : blanks);
    size_t length = 0;
    bool quoted = *from == '"';
    if (quoted) from++;
    for (; *from && (quoted || *from != separator); from++) {
        if (quoted && *from == '"') {
            quoted = from[1] == '"';
            if (!quoted) continue;
            from++;
        }
        if (length + 1 == MOST_FIELD) return false;
        field[length++] = *from;
    }
    while (length && strchr(blanks, field[length - 1])) length--;
    field[length] = '\0';
    *at = *from ? from + 1 : NULL;
    return true;
}

static bool take_column(const char *text, char separator, size_t column, char field[MOST_FIELD])
{
    for (size_t i = 0; text; i++) {
        if (!take_field(&text, separator, field)) return false;
        if (i == column) return true;
    }
    return false;
}

static bool is_number(const char *text, size_t length)
{
    size_t digits = 0;
    for (size_t i = 0; i < length; i++) {
        if (!strchr("0123456789.-+", text[i])) return false;
        digits += text[i] >= '0' && text[i] <= '9';
    }
    return digits > 0;
}

/* "n02 1 2 3 4": ImageNet's boxes behind a class are no part of its name. */
static void cut_boxes(char *label)
{
    size_t first = strcspn(label, blanks), numbers = 0;
    for (const char *at = label + first; *(at += strspn(at, blanks)) && numbers < BOX_NUMBERS; numbers++) {
        size_t length = strcspn(at, blanks);
        if (!is_number(at, length)) return;
        at += length;
    }
    if (numbers == BOX_NUMBERS) label[first] = '\0';
}

/* ---- Names -------------------------------------------------------------------------------------------------------- */

/* The picture that a field names; its folder, "" if it has none, goes to `folder`. */
static size_t find_name(const table *self, const picture_list *list, const char *field, char folder[MOST_FIELD])
{
    char *slash, *name = folder;
    strcpy(folder, field);
    for (char *c = folder; *c; c++)
        if (*c == '\\') *c = '/';
    while (!strncmp(name, "./", 2)) name += 2;
    memmove(folder, name, strlen(name) + 1);
    slash = strrchr(folder, '/');
    size_t at = picture_list_find(list, slash ? slash + 1 : folder);
    *(slash ? slash : folder) = '\0';
    return *folder && !self->any_folder && strcmp(folder, self->own_folder) ? list->count : at;
}

/* "NAME LABEL" with blanks between and perhaps in both: the longest beginning that names a picture is the name. */
static size_t split_at_blank(const table *self, const picture_list *list, const form *as, const char *text,
                             char label[MOST_FIELD], char folder[MOST_FIELD])
{
    char name[MOST_FIELD], of[MOST_FIELD];
    for (size_t i = 0; i < as->name && *text; i++) {
        text += strcspn(text, blanks);
        text += strspn(text, blanks);
    }
    size_t found = list->count, end = 0;
    if (strlen(text) >= MOST_FIELD) return found;
    for (int words = 0; text[end] && words < MOST_WORDS; words++) {
        end += strspn(text + end, blanks);
        end += strcspn(text + end, blanks);
        memcpy(name, text, end);
        name[end] = '\0';
        size_t at = find_name(self, list, name, of);
        if (at == list->count) continue;
        found = at;
        strcpy(folder, of);
        strcpy(label, text + end + strspn(text + end, blanks));
    }
    size_t first = strcspn(label, blanks);
    if (is_number(label, first)) label[first] = '\0';
    return found;
}

/* The picture of a line (list->count: none), and its label ("": none). */
static size_t read_line(const table *self, const picture_list *list, const form *as, const char *text,
                        char label[MOST_FIELD], char folder[MOST_FIELD])
{
    char name[MOST_FIELD];
    size_t at = list->count;
    *label = '\0';
    if (as->separator == ' ') {
        at = split_at_blank(self, list, as, text, label, folder);
    } else if (take_column(text, as->separator, as->name, name) && *name) {
        at = find_name(self, list, name, folder);
        if (at < list->count && !take_column(text, as->separator, as->label, label)) *label = '\0';
    }
    cut_boxes(label);
    return at;
}

/* ---- How the lines are to be read ---------------------------------------------------------------------------------- */

/* Lines of this form with a picture's name and something behind it; *early: one of the first two. */
static size_t count_named(const table *self, const picture_list *list, const form *as, bool *early)
{
    char label[MOST_FIELD], folder[MOST_FIELD];
    size_t found = 0;
    *early = false;
    for (size_t i = 0; i < self->count; i++) {
        if (read_line(self, list, as, self->lines[i].text, label, folder) == list->count || !*label) continue;
        found++;
        *early |= i < 2;
    }
    return found;
}

/* The column that the first line, if it is a heading, calls the label's. */
static void use_heading(table *self, const picture_list *list)
{
    static const char *const names[] = {"label", "class", "labels", "class_name", "classname", "category", "target"};
    char field[MOST_FIELD], folder[MOST_FIELD];
    form *as = &self->form;
    if (as->separator == ' ' || !self->count) return;
    const char *text = self->lines[0].text;
    if (!take_column(text, as->separator, as->name, field) || find_name(self, list, field, folder) < list->count)
        return;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (size_t column = 0; take_column(text, as->separator, column, field); column++)
            if (column != as->name && !strcasecmp(field, names[k])) {
                as->label = column;
                return;
            }
}

/* False: the lines have no names. */
static bool choose_form(table *self, const picture_list *list)
{
    static const char separators[] = ",;\t ";
    size_t best = 0, most = self->count < list->count ? self->count : list->count;
    bool named = false;
    for (const char *separator = separators; *separator; separator++)
        for (size_t column = 0; column < (*separator == ' ' ? 2 : MOST_COLUMNS); column++) {
            const form as = {*separator, column, column + 1};
            bool early;
            size_t found = count_named(self, list, &as, &early);
            if (found <= best) continue;
            best = found;
            self->form = as;
            named = early || 2 * found >= most;
        }
    if (named) use_heading(self, list);
    return named;
}

/* Is `folder` the end of the path of the pictures' own? */
static bool is_own(const char *folder, const char *real)
{
    size_t length = strlen(folder), whole = strlen(real);
    return length <= whole && !strcmp(real + whole - length, folder) &&
           (length == whole || real[whole - length - 1] == '/');
}

/* Names with folders count if these are the pictures' own, or all the same. */
static shunt_status choose_folder(table *self, const picture_list *list)
{
    char label[MOST_FIELD], folder[MOST_FIELD], *real = os_real_path(self->folder);
    const char *other = NULL;
    char second[MOST_FIELD];
    bool own = false;
    for (size_t i = 0; real && !own && i < self->count; i++) {
        if (read_line(self, list, &self->form, self->lines[i].text, label, folder) == list->count || !*folder) continue;
        own = is_own(folder, real);
        if (own || !*self->own_folder)
            strcpy(self->own_folder, folder);
        else if (strcmp(self->own_folder, folder) && !other)
            other = strcpy(second, folder);
    }
    free(real);
    self->any_folder = false;
    if (own || !other) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "%s: it names pictures in %.200s and in %.200s, and neither is %s; keep the lines of one folder",
                      self->path, self->own_folder, other, self->folder);
}

/* ---- The labels ---------------------------------------------------------------------------------------------------- */

static shunt_status put_label(label_file *out, const table *self, const picture_list *list, size_t at, const line *from,
                              const char *label)
{
    given_label *to = &out->labels[at];
    if (!*label)
        return error_fail(SHUNT_E_INVALID, "%s: line %zu: no label behind '%s'", self->path, from->number,
                          picture_name(list, at));
    if (to->line && strcmp(to->text, label))
        return error_fail(SHUNT_E_INVALID, "%s: lines %zu and %zu give %s different labels", self->path, to->line,
                          from->number, picture_name(list, at));
    if (to->line) return SHUNT_OK;
    *to = (given_label){strdup(label), from->number};
    return to->text ? SHUNT_OK : error_memory();
}

static shunt_status take_named(label_file *out, table *self, const picture_list *list)
{
    char label[MOST_FIELD], folder[MOST_FIELD];
    shunt_status status = choose_folder(self, list);
    for (size_t i = 0; !status && i < self->count; i++) {
        size_t at = read_line(self, list, &self->form, self->lines[i].text, label, folder);
        /* None: a heading; and a label for a picture that is not there does no harm. */
        if (at < list->count) status = put_label(out, self, list, at, &self->lines[i], label);
    }
    return status;
}

/* The separator after the running number at the beginning of each line, as pandas writes it; '\0': there is none. */
static char index_separator(const table *self)
{
    char separator = '\0', *end;
    unsigned long first = 0;
    for (size_t i = 0; i < self->count; i++) {
        const char *text = self->lines[i].text;
        unsigned long number = strtoul(text, &end, 10);
        if (end == text || !strchr(",;\t", *end) || !*end || (i && *end != separator)) return '\0';
        separator = *end;
        if (!i) first = number;
        if (number != first + i || first > 1) return '\0';
    }
    return separator;
}

/* One label for each picture. */
static shunt_status take_in_order(label_file *out, const table *self, const picture_list *list)
{
    char label[MOST_FIELD], separator = index_separator(self);
    shunt_status status = SHUNT_OK;
    if (self->count != list->count)
        return error_fail(SHUNT_E_INVALID, "%s: %zu labels for %zu pictures, and no names of pictures", self->path,
                          self->count, list->count);
    for (size_t i = 0; !status && i < self->count; i++) {
        const line *from = &self->lines[i];
        /* Without an index the whole line is one field: no line holds a newline. */
        if (!take_column(from->text, separator ? separator : '\n', separator ? 1 : 0, label))
            return error_fail(SHUNT_E_INVALID, "%s: line %zu is too long for a label", self->path, from->number);
        status = put_label(out, self, list, i, from, label);
    }
    return status;
}

shunt_status label_file_read(const char *path, const char *folder, const picture_list *list, label_file *out)
{
    table self = {.path = path, .folder = folder, .any_folder = true};
    *out = (label_file){.path = path, .labels = calloc(list->count + 1, sizeof *out->labels)};
    shunt_status status = out->labels ? read_text(&self) : error_memory();
    if (!status) status = split_lines(&self);
    if (!status) status = choose_form(&self, list) ? take_named(out, &self, list) : take_in_order(out, &self, list);
    for (size_t i = 0; !status && i < list->count; i++)
        if (!out->labels[i].line)
            status =
                error_fail(SHUNT_E_INVALID, "%s: no label for %s; each picture needs one", path, picture_name(list, i));
    free(self.text);
    free(self.lines);
    if (status) label_file_free(out, list);
    return status;
}

void label_file_free(label_file *file, const picture_list *list)
{
    for (size_t i = 0; file->labels && i < list->count; i++) free(file->labels[i].text);
    free(file->labels);
    file->labels = NULL;
}
