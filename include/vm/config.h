/*
 * config.h - what a virtual machine is made of. Public API of libvm.
 *
 * A configuration is a list of keys and values, as `vm-cli run` takes them: the key
 * "memory" with the value "1G" is its option --memory 1G.
 */
#ifndef VM_CONFIG_H
#define VM_CONFIG_H

#include <vm/err.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm_config;

/* One key. All strings are static. */
struct vm_config_key {
    const char *name;    /* "memory" */
    const char *arg;     /* form of the value: "SIZE"; NULL: on, or off */
    const char *doc;     /* one sentence */
    const char *values;  /* what may be chosen, space-separated; "@file": a path; NULL: free */
    const char *initial; /* value when not set; NULL: none */
    int repeats;         /* nonzero: each setting adds one, others replace the last */
};

/* All keys, *ret_count of them. [any thread] */
VM_API const struct vm_config_key *vm_config_keys(unsigned *ret_count);

/* An empty configuration with every key at its initial value; NULL when there is no
 * memory. Freed with vm_config_free(), which allows NULL and returns it. */
VM_API struct vm_config *vm_config_new(void);
VM_API struct vm_config *vm_config_free(struct vm_config *cfg);

/* Sets a key; the value is copied. value NULL means "on" for keys without `arg`. Returns
 * 0, or -EINVAL and fills *err: unknown key, or a value that the key does not take, or
 * -ENOTSUP for what this build cannot do. Files are not opened yet. */
VM_API int vm_config_set(struct vm_config *cfg, const char *key, const char *value,
                         struct vm_err *err);

/* One key and its value; a key that repeats has one row for each. */
struct vm_setting {
    const char *key, *value;
};

/* Sets `count` keys in their order; those after one that fails are not set. */
VM_API int vm_config_set_all(struct vm_config *cfg, const struct vm_setting *settings,
                             unsigned count, struct vm_err *err);

#ifdef __cplusplus
}
#endif

#endif
