/*
 * err.h - why a call failed. Public API of libvm.
 */
#ifndef VM_ERR_H
#define VM_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

#define VM_API __attribute__((visibility("default")))

/* Caller's storage; only looked at after a failure. */
struct vm_err {
    int code;        /* positive errno value */
    char text[1024]; /* one sentence in UTF-8: the offending value and what to do */
};

#ifdef __cplusplus
}
#endif

#endif
