/* device_cache.c - the disk cache: what was put comes back whole or not at all, whatever happens to the files. */
#include "tests/support/device_setup.h"
#include "runtime/device/device.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>

static void begin(void)
{
    shunt_set_option("cache_dir", make_folder());
    shunt_set_log_handler(note_log, NULL);
}

static shunt_status put(const char *key, const char *value)
{
    return cache_put("ns", key, strlen(key), value, strlen(value) + 1);
}

/* The value, or NULL; good until the next call. */
static const char *get(const char *key)
{
    static char value[256];
    void *blob;
    size_t n;
    if (cache_get("ns", key, strlen(key), &blob, &n)) return NULL;
    cr_assert_leq(n, sizeof value);
    memcpy(value, blob, n);
    device_host_services.cache_free(blob);
    return value;
}

/* The only file below ns. */
static const char *only_file(void)
{
    static char name[SETUP_PATH_CHARS];
    DIR *folder = opendir(in_folder("ns"));
    cr_assert_not_null(folder);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "ns/%.200s", entry->d_name);
            n++;
        }
    closedir(folder);
    cr_assert_eq(n, 1);
    return name;
}

static size_t read_file(const char *name, char *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "rb");
    cr_assert_not_null(file);
    size_t n = fread(bytes, 1, size, file);
    fclose(file);
    return n;
}

Test(cache, round_trip)
{
    begin();
    cr_assert_null(get("key"));
    cr_assert_eq(put("key", "value"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_str_eq(get("key"), "value");
    cr_assert_null(get("ke"));
    cr_assert_null(get("key2"));
    cr_assert_eq(put("key", "another, longer value"), SHUNT_OK);
    cr_assert_str_eq(get("key"), "another, longer value");
    cr_assert_eq(put("", "of no key"), SHUNT_OK);
    cr_assert_str_eq(get(""), "of no key");
    void *blob = NULL;
    size_t n = 99;
    cr_assert_eq(cache_put("other", "key", 3, "", 0), SHUNT_OK);
    cr_assert_eq(cache_get("other", "key", 3, &blob, &n), SHUNT_OK);
    cr_assert_eq(n, 0);
    cr_assert_not_null(blob);
    free(blob);
    cr_assert_str_eq(get("key"), "another, longer value", "name spaces are apart");
    cr_assert_eq(log_lines, 0, "%s", log_text);
    remove_folder();
}

Test(cache, large_blob)
{
    begin();
    size_t size = (size_t)5 << 20, n = 0;
    unsigned char *bytes = malloc(size);
    void *blob = NULL;
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    cr_assert_eq(cache_put("ns", bytes, 70000, bytes, size), SHUNT_OK);
    cr_assert_eq(cache_get("ns", bytes, 70000, &blob, &n), SHUNT_OK);
    cr_assert_eq(n, size);
    cr_assert_eq(memcmp(blob, bytes, size), 0);
    free(blob);
    free(bytes);
    remove_folder();
}

Test(cache, name_space_is_no_path)
{
    static const char *const bad[] = {"", "..", "a/b", "/tmp", "A", "a b", NULL};
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *blob;
        size_t n;
        cr_assert_eq(cache_put(bad[i], "k", 1, "v", 1), SHUNT_E_INVALID);
        cr_assert_eq(cache_get(bad[i], "k", 1, &blob, &n), SHUNT_E_INVALID);
    }
    remove_folder();
}

Test(cache, any_damage_reads_as_absent)
{
    char whole[512], bad[512];
    begin();
    put("key", "value");
    char name[SETUP_PATH_CHARS];
    snprintf(name, sizeof name, "%s", only_file());
    size_t size = read_file(name, whole, sizeof whole);
    cr_assert_eq(size, 88 + 3 + 6); /* header, key, blob */
    for (size_t bit = 0; bit < size * 8; bit++) {
        memcpy(bad, whole, size);
        bad[bit / 8] ^= (char)(1 << bit % 8);
        write_file(name, bad, size);
        cr_assert_null(get("key"), "bit %zu", bit);
    }
    for (size_t cut = 0; cut < size; cut++) {
        write_file(name, whole, cut);
        cr_assert_null(get("key"), "cut to %zu", cut);
    }
    memcpy(bad, whole, size);
    bad[size] = 0;
    write_file(name, bad, size + 1);
    cr_assert_null(get("key"), "one byte too long");
    cr_assert_eq(log_lines, 1, "warned once: %s", log_text);
    assert_contains(log_text, name);
    assert_contains(log_text, "it is not a cache entry of this version"); /* the first bit was the magic's */

    cr_assert_eq(put("key", "value"), SHUNT_OK); /* heals it */
    cr_assert_str_eq(get("key"), "value");
    remove_folder();
}

Test(cache, lengths_that_lie)
{
    uint64_t header[4];
    char whole[512];
    begin();
    put("key", "value");
    char name[SETUP_PATH_CHARS];
    snprintf(name, sizeof name, "%s", only_file());
    size_t size = read_file(name, whole, sizeof whole);
    static const uint64_t lies[][2] = {{UINT64_MAX, 10}, {10, UINT64_MAX}, {2, 7}, {9, 0}, {0, 9}, {3, 5}, {3, 7}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        memcpy(header, whole, sizeof header);
        header[1] = lies[i][0], header[2] = lies[i][1];
        memcpy(whole, header, sizeof header);
        write_file(name, whole, size);
        cr_assert_null(get("key"));
    }
    remove_folder();
}

Test(cache, other_key_of_the_same_hash)
{
    char ours[SETUP_PATH_CHARS], theirs[SETUP_PATH_CHARS], bytes[512];
    begin();
    put("ours", "of ours");
    snprintf(ours, sizeof ours, "%s", only_file());
    unlink(in_folder(ours));
    put("theirs", "of theirs");
    snprintf(theirs, sizeof theirs, "%s", only_file());
    size_t size = read_file(theirs, bytes, sizeof bytes);
    write_file(ours, bytes, size);
    cr_assert_null(get("ours"));
    cr_assert_str_eq(get("theirs"), "of theirs");
    cr_assert_eq(log_lines, 0, "nothing is wrong: %s", log_text);
    put("ours", "of ours");
    cr_assert_str_eq(get("ours"), "of ours");
    remove_folder();
}

Test(cache, entry_that_is_no_file)
{
    begin();
    put("key", "value");
    char name[SETUP_PATH_CHARS];
    snprintf(name, sizeof name, "%s", only_file());
    unlink(in_folder(name));
    cr_assert_eq(mkfifo(in_folder(name), 0666), 0);
    cr_assert_null(get("key"));
    cr_assert_neq(put("key", "value"), SHUNT_OK);
    unlink(in_folder(name));
    cr_assert_eq(mkdir(in_folder(name), 0777), 0);
    cr_assert_null(get("key"));
    cr_assert_neq(put("key", "value"), SHUNT_OK);
    remove_folder();
}

Test(cache, folder_that_cannot_be_written)
{
    make_folder();
    write_file("file", "x", 1);
    shunt_set_option("cache_dir", in_folder("file")); /* not by permissions: the tests may run as root */
    shunt_set_log_handler(note_log, NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(put("key", "value"), SHUNT_E_IO);
        cr_assert_null(get("key"));
    }
    assert_contains(log_text, in_folder("file"));
    assert_contains(log_text, "results are not kept for the next start");
    cr_assert_eq(log_lines, 2, "one for reading, one for writing: %s", log_text);
    remove_folder();
}

Test(cache, folder_by_option_then_xdg_then_home)
{
    make_folder();
    shunt_set_option("cache_dir", "/of/option");
    setenv("XDG_CACHE_HOME", "/of/xdg", 1);
    setenv("HOME", "/of/home", 1);
    cr_assert_str_eq(shunt_cache_folder(), "/of/option");
    shunt_set_option("cache_dir", NULL);
    setenv("SHUNT_CACHE_DIR", "/of/environment", 1);
    cr_assert_str_eq(shunt_cache_folder(), "/of/environment");
    unsetenv("SHUNT_CACHE_DIR");
    cr_assert_str_eq(shunt_cache_folder(), "/of/xdg/shunt");
    setenv("XDG_CACHE_HOME", "relative", 1); /* to be ignored, says the XDG specification */
    cr_assert_str_eq(shunt_cache_folder(), "/of/home/.cache/shunt");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    cr_assert_null(shunt_cache_folder());
    assert_contains(shunt_last_error(), "SHUNT_CACHE_DIR");
    cr_assert_eq(put("key", "value"), SHUNT_E_NOT_FOUND);
    cr_assert_null(get("key"));
    remove_folder();
}

/* ---- Who could have put it there ---- */

/* Whatever was put there, while the folder is like this. */
static void expect_not_used(const char *reason)
{
    for (int i = 0; i < 3; i++) {
        cr_assert_null(shunt_cache_folder());
        assert_contains(shunt_last_error(), reason);
        cr_assert_null(get("key"));
        cr_assert_neq(put("key", "other"), SHUNT_OK);
    }
    cr_assert_eq(log_lines, 1, "said once: %s", log_text);
    assert_contains(log_text, setup_folder);
}

Test(cache, folder_that_others_may_write_to_is_not_used)
{
    begin();
    cr_assert_eq(put("key", "value"), SHUNT_OK);
    cr_assert(!chmod(setup_folder, 0770));
    expect_not_used("others may write to it (mode 770)");
    cr_assert(!chmod(setup_folder, 0755));
    cr_assert_str_eq(get("key"), "value");
    remove_folder();
}

Test(cache, folder_of_others_is_not_used)
{
    begin();
    cr_assert_eq(put("key", "value"), SHUNT_OK);
    if (chown(setup_folder, 12345, 12345)) cr_skip("not root");
    expect_not_used("it belongs to user 12345");
    remove_folder();
}

Test(cache, file_of_others_is_not_read)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        begin();
        cr_assert_eq(put("key", "value"), SHUNT_OK);
        if (foreign ? chown(in_folder(only_file()), 12345, 12345) : chmod(in_folder(only_file()), 0666))
            cr_skip("not root");
        cr_assert_null(get("key"));
        assert_contains(shunt_last_error(), foreign ? "it belongs to user 12345" : "others may write to it (mode 666)");
        cr_assert_eq(put("key", "ours"), SHUNT_OK);
        remove_folder();
    }
}

/* Nobody else may write to what is made, whatever the umask. */
Test(cache, what_is_made_is_ones_own)
{
    struct stat about;
    begin();
    shunt_set_option("cache_dir", in_folder("deep/er"));
    umask(0);
    cr_assert_eq(put("key", "value"), SHUNT_OK);
    cr_assert_str_eq(get("key"), "value");
    static const char *const folders[] = {"deep", "deep/er", "deep/er/ns"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(!stat(in_folder(folders[i]), &about));
        cr_assert_eq(about.st_mode & 0777, 0700);
    }
    cr_assert_eq(log_lines, 0, "%s", log_text);
    remove_folder();
}

enum { ROUNDS = 60, WRITERS = 3 };

/* Writes one key again and again, and reads what anybody wrote: `length` times one letter, or nothing is right. */
static int write_and_read(int seed)
{
    static const size_t lengths[] = {1, 5000, 70000};
    char *value = malloc(70000);
    int failures = !value;
    for (int i = 0; value && i < ROUNDS; i++) {
        size_t n = lengths[(seed + i) % 3];
        memset(value, 'a' + (seed + i) % 26, n);
        if (cache_put("ns", "shared", 6, value, n)) failures++;
        char *blob;
        if (cache_get("ns", "shared", 6, (void **)&blob, &n)) {
            failures++;
            continue;
        }
        if (n != 1 && n != 5000 && n != 70000) failures++;
        for (size_t at = 1; at < n; at++) failures += blob[at] != blob[0];
        free(blob);
    }
    free(value);
    return failures;
}

static void *write_in_thread(void *seed)
{
    return (void *)(intptr_t)write_and_read((int)(intptr_t)seed);
}

Test(cache, processes_and_threads_at_once)
{
    pthread_t threads[WRITERS];
    pid_t children[WRITERS];
    begin();
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) _exit(write_and_read(i) != 0);
        cr_assert_gt(children[i], 0);
    }
    for (intptr_t i = 0; i < WRITERS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_in_thread, (void *)(i + 7)), 0);
    for (int i = 0; i < WRITERS; i++) {
        void *failures;
        int exited;
        pthread_join(threads[i], &failures);
        cr_assert_null(failures);
        cr_assert_eq(waitpid(children[i], &exited, 0), children[i]);
        cr_assert(WIFEXITED(exited) && WEXITSTATUS(exited) == 0);
    }
    only_file(); /* and no temporary one is left */
    cr_assert_eq(log_lines, 0, "%s", log_text);
    remove_folder();
}
