/*
 * credentials.c - systemd credentials.
 */
#include "vm/credentials.h"

#include "host/file.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "opt/io.systemd.credentials/"

/* A file's name, of printable characters. */
static bool is_name(const char *name, size_t len)
{
    if (len == 0 || len > CREDENTIAL_NAME_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/' || name[i] == ':')
            return false;
    return true;
}

int credential_check(const char *text, struct err *err)
{
    size_t len = strcspn(text, "=");

    if (text[len] && is_name(text, len))
        return 0;
    return err_set(err, EINVAL,
                   "--credential %.*s: give NAME=VALUE or NAME=@FILE; a name has 1 to %d "
                   "characters, not / or :, and does not begin with a dot",
                   (int)len, text, CREDENTIAL_NAME_MAX);
}

const char *credential_file(const char *text)
{
    const char *value = strchr(text, '=');

    return value && value[1] == '@' ? value + 2 : NULL;
}

static int take_value(const char *text, struct machine_file *f, struct err *err)
{
    const char *path = credential_file(text), *value = text + strcspn(text, "=") + 1;
    size_t size = strlen(value);
    u8 *data;

    if (path) {
        int rc = host_file_read(path, CREDENTIAL_SIZE_MAX, &data, &size, err);

        if (rc < 0)
            return err_wrap(err, "--credential %s", text);
    } else {
        data = (u8 *)strdup(value);
    }
    f->data = data;
    f->size = (u32)size;
    return data ? 0 : err_set_errno(err, ENOMEM, "--credential");
}

int credential_add(struct machine_config *m, const char *text, struct err *err)
{
    struct machine_file *f = &m->files[m->file_count];
    char *name;
    int rc = take_value(text, f, err);

    if (rc < 0)
        return rc;
    if (asprintf(&name, FOLDER "%.*s", (int)strcspn(text, "="), text) < 0) {
        free((void *)f->data);
        return err_set_errno(err, ENOMEM, "--credential");
    }
    f->name = name;
    m->file_count++;
    return 0;
}

void credentials_fini(struct machine_config *m)
{
    for (unsigned i = 0; i < m->file_count; i++) {
        free((void *)m->files[i].name);
        free((void *)m->files[i].data);
    }
    m->file_count = 0;
}
