/*
 * class.c - the table of all device classes, from classes.def.
 */
#include "dev/core/device.h"
#include <string.h>

#define DEV_CLASS(name) extern const struct dev_class name##_class;
#include "dev/classes.def"
#undef DEV_CLASS

const struct dev_class *const dev_classes[] = {
#define DEV_CLASS(name) &name##_class,
#include "dev/classes.def"
#undef DEV_CLASS
};

const unsigned dev_class_count = ARRAY_SIZE(dev_classes);

const struct dev_class *dev_class_find(const char *name)
{
    for (unsigned i = 0; i < dev_class_count; i++)
        if (strcmp(dev_classes[i]->name, name) == 0)
            return dev_classes[i];
    return NULL;
}
