/*
 * Two mechanisms.  seccomp refuses calls: a list of what is refused, not of what is
 * allowed, because libc, libpq and OpenSSL change which calls they make, and a
 * webhook that dies of an update is "messages do not appear".  landlock refuses
 * files, which seccomp cannot tell apart.
 *
 * seccomp sees no pointers, so not whom a socket connects to: IP sockets are
 * refused as a whole where the database is a Unix socket; else landlock keeps
 * TCP to the database's port where the kernel can (6.7).
 *
 * clone3 hides its flags behind a pointer: it "does not exist" (ENOSYS), and
 * libc then makes its threads with clone, whose flags can be seen.
 */
#include "extern/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <seccomp.h>

#include "base/log.h"

/* --- seccomp -------------------------------------------------------------- */

/* Refused by name: a libseccomp that does not know one has no such call. */
/* clang-format off */
static const char *const refused[] = {
	"execve", "execveat", "fork", "vfork",
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
	"perf_event_open", "bpf", "userfaultfd", "seccomp", "personality",
	"io_uring_setup", "io_uring_enter", "io_uring_register",
	"mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
	"fsmount", "fspick", "mount_setattr", "unshare", "setns",
	"keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	"swapon", "swapoff", "acct", "quotactl", "syslog", "settimeofday", "clock_settime",
	"adjtimex", "clock_adjtime", "sethostname", "setdomainname", "iopl", "ioperm",
	"open_by_handle_at", "name_to_handle_at", "lookup_dcookie",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "capset",
	"listen", "bind", "shmget", "msgget",
};
/* clang-format on */

static int
refuse_sockets(scmp_filter_ctx ctx, bool inet)
{
	int s = SCMP_SYS(socket);
	uint32_t no = SCMP_ACT_ERRNO(EACCES);
	int rc = 0;

	/* everything but Unix sockets; with inet also IPv4, IPv6 and netlink, by which
	 * the resolver learns our own addresses */
	rc |= seccomp_rule_add(ctx, no, s, 1, SCMP_A0_64(SCMP_CMP_EQ, AF_UNSPEC, 0));
	if (inet) {
		rc |= seccomp_rule_add(ctx, no, s, 2, SCMP_A0_64(SCMP_CMP_EQ, AF_INET, 0),
		    SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
		rc |= seccomp_rule_add(ctx, no, s, 2, SCMP_A0_64(SCMP_CMP_EQ, AF_INET6, 0),
		    SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
		for (unsigned int f = AF_INET + 1; f < AF_INET6; f++)
			rc |= seccomp_rule_add(ctx, no, s, 1, SCMP_A0_64(SCMP_CMP_EQ, f, 0));
		for (unsigned int f = AF_INET6 + 1; f < AF_NETLINK; f++)
			rc |= seccomp_rule_add(ctx, no, s, 1, SCMP_A0_64(SCMP_CMP_EQ, f, 0));
		return rc | seccomp_rule_add(ctx, no, s, 1, SCMP_A0_64(SCMP_CMP_GT, AF_NETLINK, 0));
	}
	return rc | seccomp_rule_add(ctx, no, s, 1, SCMP_A0_64(SCMP_CMP_GT, AF_UNIX, 0));
}

static bool
enter_calls(const struct sandbox *s)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = 0, nr;

	if (ctx == NULL)
		return false;
	/* numbers of a foreign architecture (int 0x80, x32) would pass by the list */
	rc |= seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		nr = seccomp_syscall_resolve_name(refused[i]);
		if (nr != __NR_SCMP_ERROR && nr >= 0)
			rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
	}
	/* threads yes, processes no */
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
	    SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	rc |= refuse_sockets(ctx, s->net.inet);
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (rc != 0)
		log_warn("sandbox: the host does not permit seccomp (%s): calls are not limited",
		    strerror(rc < 0 ? -rc : rc));
	seccomp_release(ctx);
	return rc == 0;
}

/* --- landlock ------------------------------------------------------------- */

/* What newer headers name: Debian 12 builds against those of Linux 6.1. */
struct ruleset {
	uint64_t fs, net, scoped;
};
struct net_rule {
	uint64_t access, port;
};
enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NET = 4,
	ABI_IOCTL = 5,
	ABI_SCOPE = 6,
	RULE_NET_PORT = 2
};
#define FS_TRUNCATE (1ull << 14)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_BIND (1ull << 0)
#define NET_CONNECT (1ull << 1)
#define SCOPE_SIGNAL (1ull << 1)
#define DNS_PORT 53

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE)
#define FS_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define FS_ALL ((1ull << 13) - 1)	/* of the first version; the others are added */

static bool
allow_path(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr at = { .allowed_access = access };
	struct stat st;
	bool ok;

	at.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (at.parent_fd < 0)	/* absent: then nothing there is to be read */
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
	if (fstat(at.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		at.allowed_access &= FS_FILE;
	ok = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &at, 0) == 0;
	if (!ok)
		log_warn("sandbox: landlock rule for %s: %s", path, strerror(errno));
	close(at.parent_fd);
	return ok;
}

static bool
allow_all(int rules, const struct sandbox *s, uint64_t fs, long abi)
{
	struct net_rule port = { NET_CONNECT, DNS_PORT };
	bool ok = true;

	for (size_t i = 0; s->read != NULL && s->read[i] != NULL; i++)
		ok &= allow_path(rules, s->read[i], FS_READ);
	for (size_t i = 0; s->write != NULL && s->write[i] != NULL; i++)
		ok &= allow_path(rules, s->write[i], (FS_READ | FS_WRITE) & fs);
	if (abi < ABI_NET || !s->net.inet || s->net.n == 0)
		return ok;
	ok &= syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &port, 0) == 0;
	for (size_t i = 0; i < s->net.n; i++) {
		port.port = s->net.port[i];
		ok &= syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &port, 0) == 0;
	}
	return ok;
}

static bool
enter_files(const struct sandbox *s)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset set = { .fs = FS_ALL };
	size_t size = sizeof set.fs;
	bool ok = false;
	int rules;

	/* the first version forbids every rename between folders: no spool */
	if (abi < ABI_REFER) {
		log_warn("sandbox: the host has no landlock (Linux 5.19 or newer): files are "
			 "not limited");
		return false;
	}
	set.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= ABI_TRUNCATE)
		set.fs |= FS_TRUNCATE;
	if (abi >= ABI_IOCTL)
		set.fs |= FS_IOCTL_DEV;
	if (abi >= ABI_NET) {
		set.net = NET_BIND | (s->net.inet && s->net.n == 0 ? 0 : NET_CONNECT);
		size += sizeof set.net;
	}
	if (abi >= ABI_SCOPE) {
		set.scoped = SCOPE_SIGNAL;
		size += sizeof set.scoped;
	}
	rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
	if (rules >= 0) {
		ok = allow_all(rules, s, set.fs, abi) &&
		    syscall(SYS_landlock_restrict_self, rules, 0) == 0;
		close(rules);
	}
	if (!ok)
		log_warn("sandbox: landlock refused (%s): files are not limited", strerror(errno));
	return ok;
}

unsigned int
sandbox_enter(const struct sandbox *s)
{
	unsigned int held = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		log_warn("sandbox: no_new_privs: %s: nothing is limited", strerror(errno));
		return 0;
	}
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* landlock first: its calls are none of those that seccomp lets pass for ever */
	if (enter_files(s))
		held |= SANDBOX_FILES;
	if (enter_calls(s))
		held |= SANDBOX_CALLS;
	return held;
}
