/* journal.c - what became of every trial: <cache>/tuning-journal.txt, a line before and a line after each, tab-separated:
 *     begin|safe|wrong|failed|retry  PROCESS  DEVICE  ALGORITHM  PARAMS  OP
 *
 * Lines are only ever appended, each by one write. A begin without its end, whose process is gone, is a candidate that hung
 * or crashed. PROCESS is a random number; the process that made it up holds a lock on the byte of that number in
 * <cache>/tuning-processes, which the kernel releases however the process ends. Damaged lines are ignored. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/file.h"
#include "runtime/base/shutdown.h"
#include "runtime/tune/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_JOURNAL_BYTES = 16 << 20, LINE_BYTES = 4096, FIELDS = 6 };
enum { WORD, PROCESS, DEVICE, ALGORITHM, PARAMS, OP };

typedef struct candidate_record {
    char *key; /* DEVICE \t ALGORITHM \t PARAMS */
    tune_verdict verdict;
} candidate_record;

typedef struct open_trial { /* a begin without its end so far */
    uint32_t record;
    unsigned process;
} open_trial;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static candidate_record *records;
static uint32_t nrecords, records_room;
static open_trial *open_trials;
static uint32_t nopen, open_room;
static bool loaded;
static off_t read_to; /* where in the file the lines begin that are not in the records yet */

static unsigned own_number; /* of the process own_pid: a forked child must find one of its own */
static pid_t own_pid;
static int own_file = -1;

static const char *const names[] = {[VERDICT_UNTRIED] = "untried",
                                    [VERDICT_SAFE] = "safe",
                                    [VERDICT_WRONG] = "wrong",
                                    [VERDICT_FAILED] = "failed",
                                    [VERDICT_UNFINISHED] = "unfinished"};

const char *shunt_tune_verdict_name(tune_verdict verdict)
{
    return names[verdict];
}

static char *journal_path(const char *name)
{
    const char *folder = shunt_cache_folder();
    char *path = NULL;
    if (!folder) return NULL;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
    shunt_fail_memory();
    return NULL;
}

/* ---- Processes: all below is under the lock ---- */

static struct flock byte_lock(unsigned number)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = 1};
}

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
        if (getrandom(&number, sizeof number, 0) != sizeof number) break;
        number = number >> 1 | 1;
        struct flock wanted = byte_lock(number);
        if (fcntl(own_file, F_SETLK, &wanted)) continue;
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
    struct flock asked = byte_lock(number);
    return own_file >= 0 && fcntl(own_file, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
}

/* ---- Records ---- */

/* The record's index, made when it is not there; -1 without memory. */
static int64_t find_record(const char *key, bool make)
{
    for (uint32_t r = 0; r < nrecords; r++)
        if (!strcmp(records[r].key, key)) return r;
    if (!make || !graph_room(&records, &records_room, nrecords, sizeof *records)) return -1;
    char *copy = strdup(key);
    if (!copy) return -1;
    records[nrecords] = (candidate_record){.key = copy};
    return nrecords++;
}

static void record_key(char *text, size_t size, const char *device, const char *algorithm, const char *params)
{
    snprintf(text, size, "%s\t%s\t%s", device, algorithm, params);
}

static void close_trial(uint32_t record, unsigned process)
{
    for (uint32_t i = 0; i < nopen; i++)
        if (open_trials[i].record == record && open_trials[i].process == process) {
            open_trials[i] = open_trials[--nopen];
            return;
        }
}

/* What is unfinished on the device so far is forgotten, with all that was known of those candidates before. */
static void apply_retry(const char *device)
{
    size_t length = strlen(device);
    for (uint32_t i = 0; i < nopen;) {
        candidate_record *record = &records[open_trials[i].record];
        if (strncmp(record->key, device, length) || record->key[length] != '\t') {
            i++;
            continue;
        }
        record->verdict = VERDICT_UNTRIED;
        open_trials[i] = open_trials[--nopen];
    }
}

static void apply(char *const field[FIELDS])
{
    char key[LINE_BYTES], *end;
    unsigned long process = strtoul(field[PROCESS], &end, 10);
    if (*end || end == field[PROCESS] || process > INT32_MAX) return;
    if (!strcmp(field[WORD], "retry")) {
        apply_retry(field[DEVICE]);
        return;
    }
    bool begins = !strcmp(field[WORD], "begin");
    tune_verdict verdict = VERDICT_SAFE;
    while (!begins && verdict <= VERDICT_FAILED && strcmp(field[WORD], names[verdict])) verdict++;
    if (verdict > VERDICT_FAILED) return;
    record_key(key, sizeof key, field[DEVICE], field[ALGORITHM], field[PARAMS]);
    int64_t record = find_record(key, true);
    if (record < 0) return;
    if (begins) {
        if (graph_room(&open_trials, &open_room, nopen, sizeof *open_trials))
            open_trials[nopen++] = (open_trial){(uint32_t)record, (unsigned)process};
        return;
    }
    close_trial((uint32_t)record, (unsigned)process);
    if (records[record].verdict != VERDICT_SAFE) records[record].verdict = verdict;
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
    for (uint32_t r = 0; r < nrecords; r++) free(records[r].key);
    free(records);
    free(open_trials);
    records = NULL;
    open_trials = NULL;
    nrecords = records_room = nopen = open_room = 0;
    read_to = 0;
    loaded = false;
}

static void warn_once(const char *what)
{
    static bool said;
    if (!said) shunt_log(SHUNT_LOG_WARN, "tuning journal: %s", what);
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
        shunt_fail(SHUNT_E_IO, "%s is ignored: %s", path, reason ? strerror(reason) : "it is not a regular file");
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
    shutdown_add(shunt_tune_free);
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
    return pread(fd, &last, 1, about.st_size - 1) == 1 && last != '\n';
}

static shunt_status append_line(const char *line, bool sync)
{
    char *path = journal_path("tuning-journal.txt"), *text = NULL;
    if (!path) return SHUNT_E_NOT_FOUND;
    shunt_status status = SHUNT_OK;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    int length = fd < 0 ? -1 : asprintf(&text, "%s%s\n", ends_amid_line(fd) ? "\n" : "", line);
    if (length < 0) text = NULL;
    if (!text || write(fd, text, (size_t)length) != length || (sync && fdatasync(fd)))
        status = shunt_fail(SHUNT_E_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    free(text);
    free(path);
    return status;
}

static shunt_status note(const char *word, const shunt_device *device, const shunt_candidate *candidate,
                         const shunt_op_desc *desc, bool sync)
{
    char device_key[TUNE_KEY_CHARS], op_key[TUNE_KEY_CHARS] = "", line[LINE_BYTES];
    const char *folder = shunt_cache_folder();
    shunt_status status = folder ? file_make_folders(folder, CACHE_FOLDER_MODE) : SHUNT_E_NOT_FOUND;
    if (status != SHUNT_OK) return status;
    shunt_tune_device_key(device, device_key);
    if (desc) shunt_tune_op_key(desc, op_key);
    pthread_mutex_lock(&lock);
    snprintf(line, sizeof line, "%s\t%u\t%s\t%s\t%s\t%s", word, own_process(), device_key,
             candidate ? candidate->algorithm : "", candidate ? candidate->params : "", op_key);
    status = append_line(line, sync);
    if (status == SHUNT_OK) read_on();
    pthread_mutex_unlock(&lock);
    return status;
}

shunt_status shunt_tune_journal_begin(const shunt_device *device, const shunt_candidate *candidate,
                                      const shunt_op_desc *desc)
{
    return note("begin", device, candidate, desc, true);
}

shunt_status shunt_tune_journal_end(const shunt_device *device, const shunt_candidate *candidate,
                                    const shunt_op_desc *desc, tune_verdict verdict)
{
    return note(names[verdict], device, candidate, desc, false);
}

shunt_status shunt_tune_journal_retry(const shunt_device *device)
{
    return note("retry", device, NULL, NULL, false);
}

static tune_verdict verdict_of(const char *key)
{
    int64_t record = find_record(key, false);
    if (record < 0) return VERDICT_UNTRIED;
    for (uint32_t i = 0; i < nopen; i++)
        if (open_trials[i].record == record && !process_alive(open_trials[i].process)) return VERDICT_UNFINISHED;
    return records[record].verdict;
}

tune_verdict shunt_tune_verdict(const shunt_device *device, const shunt_candidate *candidate)
{
    char device_key[TUNE_KEY_CHARS], key[LINE_BYTES];
    shunt_tune_device_key(device, device_key);
    record_key(key, sizeof key, device_key, candidate->algorithm, candidate->params);
    pthread_mutex_lock(&lock);
    if (!loaded) read_on();
    tune_verdict verdict = verdict_of(key);
    if (verdict == VERDICT_UNFINISHED) { /* or its process has ended well, and the trial before that */
        read_on();
        verdict = verdict_of(key);
    }
    pthread_mutex_unlock(&lock);
    return verdict;
}

void shunt_tune_journal_free(void)
{
    pthread_mutex_lock(&lock);
    forget();
    pthread_mutex_unlock(&lock);
}
