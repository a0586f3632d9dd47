/* plot_none.c - in place of the files that draw where there is no cairo to draw with. */
#include "args.h"
#include "plot.h"

int plot_write(const plot *self, const char *path)
{
    (void)self;
    (void)path;
    return EXIT_OK;
}

int plot_bars_write(const plot_bars *self, const char *path)
{
    (void)self;
    (void)path;
    return EXIT_OK;
}

int plot_map_write(const plot_map *self, const char *path)
{
    (void)self;
    (void)path;
    return EXIT_OK;
}

bool plot_can_draw(void)
{
    return false;
}
