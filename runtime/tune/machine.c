/* machine.c - which processor this is, by what Linux says of it. A device's name is not enough: drivers name processors by family, and
 * two of one family may multiply 16-bit numbers at very different rates. On other systems only the number of processors is known. */
#include "runtime/shared/os.h"
#include "runtime/shared/sha256.h"
#include "runtime/shared/text.h"
#include "runtime/tune/tune.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_CHARS = 80, READ_CHARS = 8192 };

/* What does not change while the machine runs, on x86, Arm, POWER and RISC-V; the first has the name, where there is one. */
static const char *const keys[] = {"model name",  "flags",    "Features", "CPU implementer",
                                   "CPU variant", "CPU part", "cpu",      "isa"};

static bool has_key(const char *line, const char *key)
{
    const size_t length = strlen(key);
    return !strncmp(line, key, length) && (line[length] == '\t' || line[length] == ' ' || line[length] == ':');
}

static void take_name(const char *line, char name[NAME_CHARS])
{
    const char *colon = strchr(line, ':');
    if (!colon) return;
    snprintf(name, NAME_CHARS, "%s", colon + 1 + strspn(colon + 1, " \t"));
    text_make_printable(name);
}

/* The first processor's lines; they end with an empty one. text is cut into lines. */
static void take_lines(char *text, sha256 *hash, char name[NAME_CHARS])
{
    for (char *line = text, *next; *line && *line != '\n'; line = next) {
        next = line + strcspn(line, "\n");
        if (*next) *next++ = '\0';
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            if (!has_key(line, keys[k])) continue;
            sha256_add(hash, line, strlen(line));
            if (k == 0) take_name(line, name);
        }
    }
}

const char *tune_machine(char text[TUNE_MACHINE_CHARS])
{
    char name[NAME_CHARS] = "processor", digits[65], lines[READ_CHARS];
    sha256 hash;
    sha256_begin(&hash);
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file) {
        lines[fread(lines, 1, sizeof lines - 1, file)] = '\0';
        take_lines(lines, &hash, name);
        fclose(file);
    }
    sha256_end(&hash, digits);
    snprintf(text, TUNE_MACHINE_CHARS, "%s, %ld of them, features %.8s", name, os_processors(), digits);
    return text;
}
