#ifndef DMBOX_EXTERN_SANDBOX_H
#define DMBOX_EXTERN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * seccomp through libseccomp, landlock by raw system calls: what a process gives
 * up for good.  What is refused fails with an error (EPERM, EACCES, ENOSYS) and
 * never kills: a library that learns a new call must not stop the bridge.
 */
struct sandbox_port {
	bool inet;		/* may open IPv4 and IPv6 sockets at all */
	unsigned int port[8];	/* with inet: TCP ports it may connect to (kernel 6.7 or newer) */
	size_t n;		/* 0: any */
};

struct sandbox {
	/* Files and folders; absent ones are left out.  NULL-terminated lists. */
	const char *const *read;	/* may be read, all below too */
	const char *const *write;	/* may be written, made, renamed, removed below, too */
	struct sandbox_port net;
};

enum { SANDBOX_CALLS = 1, SANDBOX_FILES = 2 };

/*
 * sandbox_enter(s):
 * From here on this thread, and every one it starts, may not: run a program,
 * make a process, listen, trace others, use namespaces, keys, mounts, io_uring;
 * open sockets other than Unix ones (s->net apart); reach files outside of the
 * lists.  Core dumps and looks into our memory by others of the same user are
 * off.  Call it before pthread_create.
 *
 * Returns  what is in force, SANDBOX_ bits; what the host does not permit is
 *          said in the log and left out.
 */
unsigned int sandbox_enter(const struct sandbox *s);

#endif
