/* device_plugin.c - plugins that do not fit are refused by name and reason, and the others are listed all the same. */
#include "tests/support/device_setup.h"

#include <pthread.h>
#include <shunt/backend.h>

static shunt_plugin_list *plugins;

static void list_plugins(void)
{
    cr_assert_eq(shunt_plugins_list(&plugins), SHUNT_OK, "%s", shunt_last_error());
}

static const shunt_plugin_entry *entry_of(const char *file)
{
    const shunt_plugin_entry *entry = NULL;
    for (size_t i = 0; (entry = shunt_plugins_at(plugins, i)) && strcmp(entry->path, in_folder(file)) != 0; i++)
        continue;
    cr_assert_not_null(entry, "%s is not listed", file);
    return entry;
}

static void finish(void)
{
    shunt_plugins_free(plugins);
    shunt_shutdown();
    remove_folder();
}

/* The plugin is refused with this status and a reason that contains `reason`; the good one beside it stands. */
static void assert_refused(const char *plugin, shunt_status status, const char *reason)
{
    char names[128], file[64];
    snprintf(names, sizeof names, "good %s", plugin);
    snprintf(file, sizeof file, "%s.so", plugin);
    use_plugins(names);
    list_plugins();
    const shunt_plugin_entry *entry = entry_of(file);
    cr_assert_eq(entry->status, status, "status %d, %s", entry->status, entry->message);
    assert_contains(entry->message, reason);
    cr_assert_null(strchr(entry->message, '\n'), "one line");
    cr_assert_eq(entry->devices, 0);
    cr_assert_eq(entry_of("good.so")->status, SHUNT_OK);
    cr_assert_eq(entry_of("good.so")->devices, 3);
    finish();
}

Test(plugin, built_in_ones_come_first)
{
    use_plugins("");
    list_plugins();
    cr_assert_geq(shunt_plugins_count(plugins), 1);
    cr_assert_str_eq(shunt_plugins_at(plugins, 0)->path, "built in");
    cr_assert_str_eq(shunt_plugins_at(plugins, 0)->name, "scalar");
    cr_assert_eq(shunt_plugins_at(plugins, 0)->status, SHUNT_OK);
    cr_assert_eq(shunt_plugins_at(plugins, 0)->devices, 1);
    finish();
}

Test(plugin, good_one)
{
    use_plugins("good");
    list_plugins();
    const shunt_plugin_entry *good = entry_of("good.so");
    cr_assert_eq(good->status, SHUNT_OK);
    cr_assert_str_eq(good->name, "good");
    cr_assert_str_eq(good->version, "2.5-good");
    cr_assert_str_eq(good->message, "");
    cr_assert_eq(good->devices, 3);
    finish();
}

Test(plugin, other_major)
{
    char versions[64];
    snprintf(versions, sizeof versions, "ABI %d.0, and this runtime %d.%d", SHUNT_ABI_MAJOR + 1, SHUNT_ABI_MAJOR,
             SHUNT_ABI_MINOR);
    assert_refused("other_major", SHUNT_E_ABI, versions);
}

Test(plugin, short_table)
{
    char sizes[64];
    snprintf(sizes, sizeof sizes, "%zu bytes and needs at least %zu", offsetof(shunt_backend, device_open),
             offsetof(shunt_backend, extension));
    assert_refused("short_backend", SHUNT_E_ABI, sizes);
}

Test(plugin, null_required_pointer)
{
    assert_refused("null_pointer", SHUNT_E_ABI, "lacks the required pointer device_info");
}

Test(plugin, no_entry_symbol)
{
    assert_refused("no_entry", SHUNT_E_ABI, "no symbol shunt_backend_entry");
}

Test(plugin, entry_returns_null)
{
    assert_refused("null_entry", SHUNT_E_ABI, "entry returned NULL");
}

Test(plugin, bad_name)
{
    assert_refused("bad_name", SHUNT_E_ABI, "\"Bad:Name\"");
}

Test(plugin, missing_library)
{
    assert_refused("missing_symbol", SHUNT_E_ABI, LOADER_SAYS("undefined symbol: fake_of_no_library"));
}

Test(plugin, probe_fails)
{
    assert_refused("probe_fails", SHUNT_E_DEVICE,
                   "looking for devices: fakeGetPlatforms: driver asleep (code -1)"); /* made one line */
}

Test(plugin, newer_minor_and_older_table_are_taken)
{
    use_plugins("newer_minor older_backend");
    list_plugins();
    cr_assert_eq(entry_of("newer_minor.so")->status, SHUNT_OK, "%s", entry_of("newer_minor.so")->message);
    cr_assert_str_eq(entry_of("newer_minor.so")->name, "newer");
    cr_assert_eq(entry_of("older_backend.so")->status, SHUNT_OK, "%s", entry_of("older_backend.so")->message);
    shunt_device *device;
    cr_assert_eq(shunt_device_open("newer", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    shunt_device_close(device);
    finish(); /* the older one's shutdown, behind its table's end, would abort */
}

Test(plugin, files_that_are_no_libraries)
{
    use_plugins("good");
    write_file("text.so", "not a library\n", 14);
    write_file("empty.so", "", 0);
    write_file("ignored.txt", "x", 1);
    cr_assert_eq(mkdir(in_folder("folder.so"), 0777), 0);
    cr_assert_eq(mkfifo(in_folder("pipe.so"), 0666), 0);
    cr_assert_eq(symlink("nowhere", in_folder("dangling.so")), 0);
    list_plugins();
    assert_contains(entry_of("text.so")->message, LOADER_SAYS("file too short"));
    assert_contains(entry_of("empty.so")->message, LOADER_SAYS("file too short"));
    assert_contains(entry_of("folder.so")->message, "not a regular file");
    assert_contains(entry_of("pipe.so")->message, "not a regular file");
    assert_contains(entry_of("dangling.so")->message, "No such file");
    assert_lacks(entry_of("text.so")->message, setup_folder); /* shown beside its path */
    cr_assert_eq(entry_of("good.so")->status, SHUNT_OK);
    for (size_t i = 0; i < shunt_plugins_count(plugins); i++)
        assert_lacks(shunt_plugins_at(plugins, i)->path, "ignored");
    finish();
}

Test(plugin, long_text_file)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    use_plugins("");
    write_file("text.so", text, sizeof text);
    list_plugins();
    cr_assert_eq(entry_of("text.so")->status, SHUNT_E_ABI);
    assert_contains(entry_of("text.so")->message, LOADER_SAYS("invalid ELF header"));
    finish();
}

static void copy_plugin(const char *name, const char *as)
{
    char command[2048];
    snprintf(command, sizeof command, "cp '%s/%s.so' '%s'", TEST_PLUGINS, name, in_folder(as));
    cr_assert_eq(system(command), 0);
}

Test(plugin, first_of_a_name_wins)
{
    use_plugins("");
    copy_plugin("good", "b_second.so");
    copy_plugin("good", "a_first.so");
    cr_assert_eq(symlink("a_first.so", in_folder("c_link.so")), 0);
    list_plugins();
    cr_assert_eq(entry_of("a_first.so")->status, SHUNT_OK);
    cr_assert_eq(entry_of("b_second.so")->status, SHUNT_E_ABI);
    assert_contains(entry_of("b_second.so")->message, "the name good is taken");
    assert_contains(entry_of("b_second.so")->message, "a_first.so");
    assert_contains(entry_of("c_link.so")->message, "the same library");
    finish();
}

Test(plugin, a_built_in_name_is_taken)
{
    use_plugins("host_services");
    shunt_set_option("test_name", "scalar");
    list_plugins();
    assert_contains(entry_of("host_services.so")->message, "the name scalar is taken: built in");
    finish();
}

Test(plugin, folders_are_searched_in_order)
{
    char path[SETUP_PATH_CHARS * 3];
    use_plugins("good");
    snprintf(path, sizeof path, ":/nonexistent/plugins::%s", setup_folder);
    shunt_set_option("plugin_path", path);
    list_plugins();
    cr_assert_eq(entry_of("good.so")->status, SHUNT_OK);
    cr_assert_str_eq(shunt_plugins_at(plugins, 1)->path, "/nonexistent/plugins");
    cr_assert_eq(shunt_plugins_at(plugins, 1)->status, SHUNT_E_IO);
    assert_contains(shunt_plugins_at(plugins, 1)->message, "the folder cannot be read: No such file");
    const char *folders = shunt_plugin_folders();
    cr_assert_eq(strncmp(folders, path, strlen(path)), 0, "%s", folders);
    cr_assert_str_eq(folders + strlen(path), ":" SHUNT_PLUGIN_FOLDER);
    finish();
}

Test(plugin, host_services_reach_the_plugin)
{
    use_plugins("host_services");
    char cache[SETUP_PATH_CHARS * 2];
    snprintf(cache, sizeof cache, "%s", in_folder("cache"));
    shunt_set_option("cache_dir", cache);
    shunt_set_option("test_name", "by-option");
    shunt_set_log_handler(note_log, NULL);
    list_plugins();
    cr_assert_str_eq(entry_of("host_services.so")->name, "by-option");
    cr_assert_str_eq(log_text, "0: put 0 got 0 6 bytes?: value\n");
    finish();
}

Test(plugin, absurd_devices_are_sanitised_or_refused)
{
    use_plugins("absurd good");
    shunt_device_list *devices;
    cr_assert_eq(shunt_devices_list(&devices), SHUNT_OK);
    cr_assert_geq(shunt_devices_count(devices), 1 + 2 + 3); /* scalar, two of absurd, three of good */
    const shunt_device_info *wild = shunt_devices_at(devices, 1)->info, *plain = shunt_devices_at(devices, 2)->info;
    cr_assert_str_eq(shunt_devices_at(devices, 1)->selector, "absurd:0");
    cr_assert_str_eq(wild->name, "a?[31mb c??\xc3\xa9");
    cr_assert_eq(strlen(wild->vendor), sizeof wild->vendor - 1);
    cr_assert_eq(wild->score, 100000);
    cr_assert_eq(wild->type, SHUNT_DEVICE_OTHER);
    cr_assert_eq(wild->max_alloc, wild->memory);
    cr_assert_eq(plain->score, 0);
    cr_assert_str_eq(plain->name, "unnamed device");
    shunt_devices_free(devices);

    list_plugins();
    const shunt_plugin_entry *absurd = entry_of("absurd.so");
    cr_assert_eq(absurd->status, SHUNT_OK);
    cr_assert_eq(absurd->devices, 2);
    const char *reasons[] = {"device 1 (plain) refused: it reports no memory",
                             "device 2 (plain) refused: it reports that",
                             "alignment of 24 bytes",
                             "alignment of 0 bytes",
                             "blocks of 2147483648 channels",
                             "device 6 refused: device lost"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) assert_contains(absurd->message, reasons[i]);
    finish();
}

static void *list_devices(void *unused)
{
    (void)unused;
    shunt_device_list *devices = NULL;
    shunt_devices_list(&devices);
    size_t ndevices = shunt_devices_count(devices);
    shunt_devices_free(devices);
    return (void *)(uintptr_t)ndevices;
}

Test(plugin, registry_fills_once_whoever_asks_first)
{
    pthread_t threads[8];
    use_plugins("good no_devices probe_fails");
    for (int i = 0; i < 8; i++) cr_assert_eq(pthread_create(&threads[i], NULL, list_devices, NULL), 0);
    for (int i = 0; i < 8; i++) {
        void *ndevices;
        pthread_join(threads[i], &ndevices);
        cr_assert_geq((uintptr_t)ndevices, 4);
    }
    list_plugins();
    int found = 0;
    for (size_t i = 0; i < shunt_plugins_count(plugins); i++)
        found += !strncmp(shunt_plugins_at(plugins, i)->path, setup_folder, strlen(setup_folder));
    cr_assert_eq(found, 3);
    finish();
}

/* ---- Who could have put it there ---- */

Test(plugin, folder_of_others_is_not_searched)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        use_plugins("");
        copy_plugin("good", "good.so");
        if (foreign ? chown(setup_folder, 12345, 12345) : chmod(setup_folder, 0777)) cr_skip("not root");
        log_lines = 0;
        log_text[0] = '\0';
        shunt_set_log_handler(note_log, NULL);
        list_plugins();
        cr_assert_eq(shunt_plugins_count(plugins), 2, "scalar and the folder");
        const shunt_plugin_entry *entry = shunt_plugins_at(plugins, 1);
        cr_assert_str_eq(entry->path, setup_folder);
        cr_assert_eq(entry->status, SHUNT_E_IO);
        assert_contains(entry->message, foreign ? "it belongs to user 12345" : "others may write to it (mode 777)");
        cr_assert_eq(log_lines, 1, "said once: %s", log_text);
        assert_contains(log_text, setup_folder);
        finish();
    }
}

Test(plugin, file_of_others_is_not_loaded)
{
    for (int foreign = 0; foreign < 2; foreign++) {
        use_plugins("good");
        copy_plugin("probe_fails", "probe_fails.so");
        if (foreign ? chown(in_folder("probe_fails.so"), 12345, 12345) : chmod(in_folder("probe_fails.so"), 0775))
            cr_skip("not root");
        list_plugins();
        cr_assert_eq(entry_of("probe_fails.so")->status, SHUNT_E_IO);
        assert_contains(entry_of("probe_fails.so")->message,
                        foreign ? "it belongs to user 12345" : "others may write to it (mode 775)");
        cr_assert_eq(entry_of("good.so")->status, SHUNT_OK);
        finish();
    }
}
