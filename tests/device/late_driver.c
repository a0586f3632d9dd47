/* late_driver.c - a part of a device is closed while the driver's threads still put the last command away: layers/late.c makes them
 * late, and MALLOC_PERTURB_ spoils what was freed under them. A plain main: a fault of a driver's thread ends the process.
 * Argument: the plugin's folder. SHUNT_TEST_DEVICE: selector. Exit status 77: the device has no parts. */
#include <shunt/shunt.h>

#include <stdio.h>
#include <stdlib.h>

enum { SKIPPED = 77, ROUNDS = 20, WORDS = 64 };

static shunt_status write_and_read(shunt_device *device)
{
    static const uint32_t words[WORDS];
    uint32_t back[WORDS];
    shunt_buffer *buffer;
    shunt_status status = shunt_buffer_create(device, sizeof words, &buffer);
    if (status) return status;
    status = shunt_buffer_write(buffer, 0, words, sizeof words);
    if (!status) status = shunt_buffer_read(buffer, 0, back, sizeof back);
    shunt_buffer_destroy(buffer);
    return status;
}

static shunt_status use_part(void)
{
    shunt_device *device;
    shunt_status status = shunt_device_open(getenv("SHUNT_TEST_DEVICE"), "threads=1", &device);
    if (status) return status;
    status = write_and_read(device);
    shunt_device_close(device);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2 || shunt_set_option("plugin_path", argv[1])) return 1;
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < ROUNDS && !status; i++) status = use_part();
    if (status) fprintf(stderr, "%s\n", shunt_last_error());
    shunt_shutdown();
    return status == SHUNT_E_UNSUPPORTED ? SKIPPED : status != SHUNT_OK;
}
