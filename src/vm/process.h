/*
 * process.h - the process that runs a named machine, and the one that watches it.
 *
 *   a command ── starts ──> watcher ── starts ──> the machine's process
 *
 * Both hold run.lock. The machine's process writes down what happens to it; when it dies
 * without a word, the watcher writes down why; when both die, the next command that looks at
 * the machine does.
 */
#ifndef VM_PROCESS_H
#define VM_PROCESS_H

#include "vm/machines_private.h"

/* Runs the machine in this process, from the event "started" to the one that ends it. Writes
 * one byte to `report` (and closes it) when the guest executes. */
int process_run(struct vm_machine *m, const char *cause, int report, enum vm_stop *ret_why,
                struct err *err) MUST_CHECK;

/* Of a child that has ended with `status` of waitpid(): if the machine still seems to run, the
 * reason goes into its history. */
void process_note_end(struct vm_machine *m, int status);

#endif
