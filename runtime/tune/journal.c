/* journal.c - what became of every trial: <cache>/tuning-journal.txt, a line before and a line after each, tab-separated:
 *     begin|watched-BOOT|safe|wrong|failed|unfinished|retry  PROCESS  DEVICE  ALGORITHM  PARAMS  OP
 *
 * Lines are only ever appended, each by one write. A begin without its end, whose process is gone, is a candidate that hung
 * or crashed. That is no proof: somebody may have ended the process. So where another process watches, the line is `watched`,
 * which alone blames nobody; the watcher appends `unfinished` once it has seen the candidate hang or crash. BOOT tells one
 * start of the machine from another: a candidate that took the machine with it has no watcher left, and is blamed, too.
 *
 * PROCESS is a random number; the process that made it up holds a lock on the byte of that number in
 * <cache>/tuning-processes, which the kernel releases however the process ends. Damaged lines are ignored. */
#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/base/shutdown.h"
#include "runtime/shared/os.h"
#include "runtime/tune/records.h"
#include "runtime/tune/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_JOURNAL_BYTES = 16 << 20, LINE_BYTES = 4096, FIELDS = 6 };
enum { WORD, PROCESS, DEVICE, ALGORITHM, PARAMS, OP };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;
static off_t read_to; /* where in the file the lines begin that are not in the records yet */

static unsigned own_number; /* of the process own_pid: a forked child must find one of its own */
static pid_t own_pid;
static int own_file = -1;

static const char *const names[] = {
    [VERDICT_UNTRIED] = "untried", [VERDICT_RETRY] = "to be tried again", [VERDICT_SAFE] = "safe",
    [VERDICT_WRONG] = "wrong",     [VERDICT_FAILED] = "failed",           [VERDICT_UNFINISHED] = "unfinished"};

const char *tune_verdict_name(tune_verdict verdict)
{
    return names[verdict];
}

static char *journal_path(const char *name)
{
    const char *folder = shunt_cache_folder();
    char *path = NULL;
    if (!folder) return NULL;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
    error_memory();
    return NULL;
}

/* ---- Processes: all below is under the lock ---- */

static int open_processes(void)
{
    char *path = journal_path("tuning-processes");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    free(path);
    return fd;
}

/* This process' number, locked for as long as it lives; 0, which nobody holds, where locks do not work. The file stays
 * open: closing any descriptor of it would release the lock. */
static unsigned own_process(void)
{
    if (own_pid == getpid()) return own_number;
    own_pid = getpid();
    own_number = 0;
    if (own_file < 0) own_file = open_processes();
    for (int attempt = 0; own_file >= 0 && attempt < 8; attempt++) {
        unsigned number = 0;
        if (!os_random(&number, sizeof number)) break;
        number = number >> 1 | 1;
        if (!os_lock_byte(own_file, number)) continue;
        own_number = number;
        break;
    }
    return own_number;
}

static bool process_alive(unsigned number)
{
    if (number == 0) return false;
    if (own_pid == getpid() && number == own_number) return true;
    if (own_file < 0) own_file = open_processes();
    return own_file >= 0 && os_byte_is_locked(own_file, number);
}

/* ---- Lines ---- */

static pthread_once_t boot_known = PTHREAD_ONCE_INIT;
static char watched[32]; /* "watched-BOOT"; "begin" where the machine does not say which start this is */

static void learn_boot(void)
{
    char boot[9];
    os_boot(boot, sizeof boot);
    snprintf(watched, sizeof watched, *boot ? "watched-%s" : "begin", boot);
}

static const char *watched_word(void)
{
    pthread_once(&boot_known, learn_boot);
    return watched;
}

static void apply(char *const field[FIELDS])
{
    static const tune_verdict ends[] = {VERDICT_SAFE, VERDICT_WRONG, VERDICT_FAILED, VERDICT_UNFINISHED};
    char *end;
    unsigned long process = strtoul(field[PROCESS], &end, 10);
    if (*end || end == field[PROCESS] || process > INT32_MAX) return;
    if (!strcmp(field[WORD], "retry")) {
        records_retry(field[DEVICE]);
        return;
    }
    bool is_watched = !strncmp(field[WORD], "watched-", 8);
    if (is_watched && !strcmp(field[WORD], watched_word())) return; /* its watcher will tell */
    if (is_watched || !strcmp(field[WORD], "begin")) {
        records_begin(field[DEVICE], field[ALGORITHM], field[PARAMS], (unsigned)process);
        return;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(field[WORD], names[ends[i]]))
            records_end(field[DEVICE], field[ALGORITHM], field[PARAMS], (unsigned)process, ends[i]);
}

/* Splits a line at its tabs; a line that has not six fields is damaged. */
static void apply_line(char *line)
{
    char *field[FIELDS], *rest = line;
    for (int f = 0; f < FIELDS; f++)
        if (!(field[f] = strsep(&rest, "\t"))) return;
    if (!rest) apply(field);
}

/* ---- The file ---- */

static void forget(void)
{
    records_free();
    read_to = 0;
    loaded = false;
}

static void warn_once(const char *what)
{
    static bool said;
    if (!said) log_write(SHUNT_LOG_WARN, "tuning journal: %s", what);
    said = true;
}

/* Positioned behind what was read before; NULL, without a word, when there is no journal. Of one that has grown too large
 * only the end is read. */
static FILE *open_journal(void)
{
    char *path = journal_path("tuning-journal.txt");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1, reason = fd < 0 ? errno : 0;
    struct stat about;
    FILE *file = NULL;
    if (fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        if (about.st_size < read_to) forget(); /* it was removed or cut off */
        if (about.st_size - read_to > MAX_JOURNAL_BYTES) read_to = about.st_size - MAX_JOURNAL_BYTES;
        if (lseek(fd, read_to, SEEK_SET) == read_to) file = fdopen(fd, "r");
    } else if (path && reason != ENOENT && reason != ENOTDIR) {
        error_fail(SHUNT_E_IO, "%s is ignored: %s", path, reason ? strerror(reason) : "it is not a regular file");
        warn_once(shunt_last_error());
    }
    if (fd >= 0 && !file) close(fd);
    free(path);
    return file;
}

/* Takes note of the whole lines that were appended since the last time, by whichever process. */
static void read_on(void)
{
    FILE *file = open_journal();
    loaded = true;
    shutdown_add(tune_free);
    if (!file) return;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n') {
        read_to += length;
        line[length - 1] = '\0';
        if (length < LINE_BYTES) apply_line(line);
    }
    free(line);
    fclose(file);
}

/* A last line without its end, of a disk that was full, would swallow ours. */
static bool ends_amid_line(int fd)
{
    struct stat about;
    char last = '\n';
    if (fstat(fd, &about) || about.st_size == 0) return false;
    return lseek(fd, about.st_size - 1, SEEK_SET) >= 0 && read(fd, &last, 1) == 1 && last != '\n';
}

static shunt_status append_line(const char *line, bool sync)
{
    char *path = journal_path("tuning-journal.txt"), *text = NULL;
    if (!path) return SHUNT_E_NOT_FOUND;
    shunt_status status = SHUNT_OK;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    int length = fd < 0 ? -1 : asprintf(&text, "%s%s\n", ends_amid_line(fd) ? "\n" : "", line);
    if (length < 0) text = NULL;
    if (!text || write(fd, text, (size_t)length) != length || (sync && !os_sync(fd)))
        status = error_fail(SHUNT_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    free(text);
    free(path);
    return status;
}

/* rest: DEVICE \t ALGORITHM \t PARAMS \t OP. */
static shunt_status note(const char *word, const char *rest, bool sync)
{
    char line[LINE_BYTES];
    const char *folder = shunt_cache_folder();
    shunt_status status = folder ? file_make_folders(folder, CACHE_FOLDER_MODE) : SHUNT_E_NOT_FOUND;
    if (status != SHUNT_OK) return status;
    pthread_mutex_lock(&lock);
    snprintf(line, sizeof line, "%s\t%u\t%s", word, own_process(), rest);
    status = append_line(line, sync);
    if (status == SHUNT_OK) read_on();
    pthread_mutex_unlock(&lock);
    return status;
}

const char *tune_trial_text(const shunt_device *device, const shunt_candidate *candidate, const shunt_op_desc *desc,
                            char text[TUNE_TRIAL_CHARS])
{
    char device_key[TUNE_KEY_CHARS], op_key[TUNE_KEY_CHARS];
    snprintf(text, TUNE_TRIAL_CHARS, "%s\t%s\t%s\t%s", tune_device_key(device, device_key), candidate->algorithm,
             candidate->params, tune_op_key(desc, op_key));
    return text;
}

shunt_status tune_journal_begin(const char *trial, bool is_watched)
{
    return note(is_watched ? watched_word() : "begin", trial, true);
}

shunt_status tune_journal_end(const char *trial, tune_verdict verdict)
{
    return note(names[verdict], trial, false);
}

shunt_status shunt_tune_blame(const char *trial)
{
    size_t tabs = 0, length = trial ? strlen(trial) : 0;
    for (size_t i = 0; i < length; i++) {
        if (trial[i] != '\t' && (unsigned char)trial[i] < ' ') tabs = FIELDS; /* a line break, which is not ours */
        tabs += trial[i] == '\t';
    }
    if (tabs != FIELDS - 1 - DEVICE || length >= TUNE_TRIAL_CHARS)
        return error_fail(SHUNT_E_INVALID,
                          "shunt_tune_blame: the text is not that of a trial (shunt_tune_event.trial)");
    return note(names[VERDICT_UNFINISHED], trial, true);
}

shunt_status tune_journal_retry(const shunt_device *device)
{
    char device_key[TUNE_KEY_CHARS], rest[TUNE_TRIAL_CHARS];
    snprintf(rest, sizeof rest, "%s\t\t\t", tune_device_key(device, device_key));
    return note("retry", rest, false);
}

tune_verdict tune_verdict_of(const shunt_device *device, const shunt_candidate *candidate)
{
    char key[TUNE_KEY_CHARS];
    bool gone;
    tune_device_key(device, key);
    pthread_mutex_lock(&lock);
    if (!loaded) read_on();
    tune_verdict verdict = records_verdict(key, candidate->algorithm, candidate->params, process_alive, &gone);
    if (gone) { /* or its process has ended well, and the trial before that */
        read_on();
        verdict = records_verdict(key, candidate->algorithm, candidate->params, process_alive, NULL);
    }
    pthread_mutex_unlock(&lock);
    return verdict;
}

void tune_journal_free(void)
{
    pthread_mutex_lock(&lock);
    forget();
    pthread_mutex_unlock(&lock);
}
