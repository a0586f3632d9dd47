/* device_select.c - SHUNT_DEVICE's grammar on fake devices, and devices that do not open. */
#include "tests/support/device_setup.h"
#include "runtime/device/device.h"

static void finish(void)
{
    shunt_shutdown();
    remove_folder();
}

/* Opens and closes; the selector and the name of what came. */
static const char *opened(const char *selector)
{
    static char text[256];
    shunt_device *device = NULL;
    if (shunt_device_open(selector, NULL, &device)) return shunt_last_error();
    const shunt_device_entry *entry = shunt_device_describe(device);
    snprintf(text, sizeof text, "%s %s", entry->selector, entry->info->name);
    shunt_device_close(device);
    return text;
}

Test(select, list_has_best_score_first_within_a_backend)
{
    use_plugins("good newer_minor");
    shunt_device_list *devices;
    cr_assert_eq(shunt_devices_list(&devices), SHUNT_OK);
    const char *expected[] = {"scalar", "good:0", "good:1", "good:2", "newer:0"};
    cr_assert_geq(shunt_devices_count(devices), 5); /* installed plugins come after these */
    for (size_t i = 0; i < 5; i++) cr_assert_str_eq(shunt_devices_at(devices, i)->selector, expected[i]);
    cr_assert_str_eq(shunt_devices_at(devices, 1)->info->name, "Arc A770");
    cr_assert_str_eq(shunt_devices_at(devices, 2)->info->name, "AMD EPYC 7763");
    cr_assert_str_eq(shunt_devices_at(devices, 3)->info->name, "gfx90a");
    cr_assert_null(shunt_devices_at(devices, shunt_devices_count(devices)));
    shunt_devices_free(devices);
    finish();
}

Test(select, grammar)
{
    static const char *const cases[][2] = {
        {"good", "good:0 Arc A770"},           {"GOOD", "good:0 Arc A770"},
        {"good:0", "good:0 Arc A770"},         {"good:1", "good:1 AMD EPYC 7763"},
        {"good:2", "good:2 gfx90a"},           {"good:gpu", "good:0 Arc A770"},
        {"good:GPU", "good:0 Arc A770"},       {"good:cpu", "good:1 AMD EPYC 7763"},
        {"good:amd", "good:2 gfx90a"}, /* the GPU's vendor, though the processor comes first and bears the name */
        {"good:epyc", "good:1 AMD EPYC 7763"}, {"good:Authentic", "good:1 AMD EPYC 7763"},
        {"good:A770", "good:0 Arc A770"},      {"good:fake platform", "good:0 Arc A770"},
        {"newer", "newer:0 Fake CPU"},         {"auto", "good:0 Arc A770"},
        {"Auto", "good:0 Arc A770"},           {"", "good:0 Arc A770"},
    };
    use_plugins("good newer_minor");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(opened(cases[i][0]), cases[i][1], "%s: %s", cases[i][0], opened(cases[i][0]));
    assert_contains(opened("scalar"), "scalar ");
    cr_assert_str_eq(opened("scalar:0"), opened("scalar"));
    finish();
}

Test(select, unknown_ones_list_what_there_is)
{
    static const char *const cases[][2] = {
        {"good:nosuch", "device \"good:nosuch\": no device of the backend good"},
        {"good:3", "no device of the backend good"},
        {"good:99999999999999999999999", "no device of the backend good"},
        {"good:-1", "no device of the backend good"},
        {"good:", "no device of the backend good"},
        {"newer:gpu", "no device of the backend newer"},
        {"nosuch", "there is no backend \"nosuch\""},
        {"auto:0", "there is no backend \"auto\""},
        {":0", "does not begin with a backend's name"},
        {"a-name-that-is-longer-than-any-backend-may-have", "does not begin with a backend's name"},
        {"empty", "the backend empty finds no device"},
    };
    use_plugins("good newer_minor no_devices");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_device *device = NULL;
        cr_assert_eq(shunt_device_open(cases[i][0], NULL, &device), SHUNT_E_NOT_FOUND);
        cr_assert_null(device);
        assert_contains(shunt_last_error(), cases[i][0]);
        assert_contains(shunt_last_error(), cases[i][1]);
        assert_contains(shunt_last_error(), "there are: scalar (");
        assert_contains(shunt_last_error(), "good:0 (Arc A770), good:1 (AMD EPYC 7763), good:2 (gfx90a)");
    }
    finish();
}

Test(select, a_refused_plugin_is_named_with_its_reason)
{
    use_plugins("probe_fails missing_symbol");
    assert_contains(opened("asleep"),
                    "probe_fails.so was refused: looking for devices: fakeGetPlatforms: driver asleep");
    assert_contains(opened("missing"), "missing_symbol.so was refused: "); /* by its file's name, it told no other */
    assert_contains(opened("missing"), LOADER_SAYS("undefined symbol"));
    assert_lacks(opened("other"), "refused");
    finish();
}

Test(select, option_names_the_device)
{
    use_plugins("good");
    shunt_set_option("device", "good:cpu");
    cr_assert_str_eq(opened(NULL), "good:1 AMD EPYC 7763");
    cr_assert_str_eq(opened("good:2"), "good:2 gfx90a");
    shunt_set_option("device", "auto");
    cr_assert_str_eq(opened(NULL), "good:0 Arc A770");
    finish();
}

Test(select, scalar_loads_no_plugin)
{
    use_plugins("host_services"); /* it logs when it is loaded */
    shunt_set_log_handler(note_log, NULL);
    assert_contains(opened("scalar"), "scalar");
    cr_assert_eq(log_lines, 0, "%s", log_text);
    shunt_device *device;
    cr_assert_eq(device_open_fallback(&device), SHUNT_OK);
    cr_assert_str_eq(shunt_device_describe(device)->selector, "scalar");
    shunt_device_close(device);
    cr_assert_eq(log_lines, 0, "%s", log_text);
    assert_contains(opened("unnamed"), "unnamed:0");
    cr_assert_gt(log_lines, 0);
    finish();
}

Test(select, params_reach_the_backend)
{
    use_plugins("good");
    shunt_device *device = NULL;
    cr_assert_eq(shunt_device_open("good:1", "threads=2,x=y", &device), SHUNT_E_INVALID);
    cr_assert_null(device);
    cr_assert_str_eq(shunt_last_error(), "good:1: opening: threads=2,x=y"); /* the fake one refuses by repeating them */
    finish();
}

Test(select, named_device_that_does_not_open_is_an_error)
{
    use_plugins("good open_fails");
    shunt_device *device = NULL;
    cr_assert_eq(shunt_device_open("closed", NULL, &device), SHUNT_E_DEVICE, "an unknown status is a device error");
    cr_assert_str_eq(shunt_last_error(), "closed:0: opening: fakeCreateContext: in use");
    cr_assert_eq(shunt_device_open("closed:1", NULL, &device), SHUNT_E_ABI);
    cr_assert_str_eq(shunt_last_error(), "closed:1: opening: the plugin gave no device");
    cr_assert_eq(shunt_device_open("closed:2", NULL, &device), SHUNT_E_ABI);
    cr_assert_str_eq(shunt_last_error(), "closed:2: opening: its table lacks the required pointer op_launch");
    cr_assert_eq(shunt_device_open("closed:3", NULL, &device), SHUNT_E_ABI);
    assert_contains(shunt_last_error(), "closed:3: opening: its table has ");
    cr_assert_null(device);
    finish();
}

Test(select, auto_goes_on_to_the_next_best)
{
    use_plugins("good open_fails");
    shunt_set_log_handler(note_log, NULL);
    cr_assert_str_eq(opened("auto"), "good:0 Arc A770");
    assert_contains(log_text, "1: closed:0: opening: fakeCreateContext: in use; trying the next best device\n");
    assert_contains(log_text, "1: closed:3: opening: ");
    finish();
}

Test(select, device_tables_are_copied)
{
    use_plugins("good");
    shunt_device *device;
    cr_assert_eq(shunt_device_open("good", NULL, &device), SHUNT_OK);
    cr_assert_eq(device->ops, &device->table);
    cr_assert_neq(device->ops, device->handle->ops);
    cr_assert_null(device->ops->buffer_map);
    cr_assert_eq(device->ops->op_launch, device->handle->ops->op_launch);
    shunt_bbuffer *buffer;
    shunt_status status = device->ops->buffer_alloc(device->handle, 64, SHUNT_USE_WEIGHTS, &buffer);
    cr_assert_eq(device_fail(device, status, "allocating 64 bytes"), SHUNT_E_UNSUPPORTED);
    cr_assert_str_eq(shunt_last_error(), "good:0: allocating 64 bytes: a fake device does nothing");
    shunt_device_close(device);
    shunt_device_close(NULL);
    finish();
}
