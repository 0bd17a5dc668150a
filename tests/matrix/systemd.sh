# Sourced by deb.sh: systemd as the first process of the root, in namespaces and a control
# group of its own, and the package as its own server's operator uses it, behind nginx.

# sd_begin [STARTER]: starts it, by a program of the root; its process number into $sd.  Returns
# 1 where this machine's kernel or container does not allow it.
sd_begin() {
	local unshare_pid i
	sd= sd_group=
	mkdir -p "$R/run/cgroup" && mount -t cgroup2 cgroup2 "$R/run/cgroup" || return 1
	# the machine has one tree of groups; our process numbers begin at 1 in each run
	sd_group=$(mktemp -d "$R/run/cgroup/dmbox-test-XXXXXX") || return 1
	cat >"$R/boot.sh" <<'END'
set -e
cd "$1"
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
umount -R proc dev 2>/dev/null || true
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for d in null zero full random urandom tty; do : >dev/$d; mount --bind /dev/$d dev/$d; done
mkdir -p dev/pts dev/shm run/lock run/host
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr
mkdir run/host/old
pivot_root . run/host/old
cd /
umount -l /run/host/old
exec env -i container=dmbox-test PATH=/usr/sbin:/usr/bin:/sbin:/bin $2 /lib/systemd/systemd --unit=multi-user.target
END
	# the cluster's socket lies in /tmp, which is else emptied at a start, in Debian 13 a tmpfs
	in_root ln -sf /dev/null /etc/systemd/system/tmp.mount
	in_root mkdir -p /etc/tmpfiles.d && in_root ln -sf /dev/null /etc/tmpfiles.d/tmp.conf
	# its log is read by journalctl; what would read a console is not there
	in_root ln -sf /dev/null /etc/systemd/system/console-getty.service
	setsid sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare -m -p -u -i -C --fork --kill-child sh "$2/boot.sh" "$2" "$3"' sh "$sd_group" "$R" "${1:-}" >"$R/boot.log" 2>&1 </dev/null 9>&- &
	unshare_pid=$!
	for ((i = 0; i < 600; i++)); do
		kill -0 "$unshare_pid" 2>/dev/null || return 1
		sd=$(pgrep -P "$unshare_pid")
		case $(in_sd systemctl is-system-running 2>/dev/null) in running|degraded) return 0;; esac
		sleep 0.2
	done
	return 1
}
in_sd() { nsenter -t "$sd" -m -p -u -i -C -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
sd_end() {
	local i
	[ -z "$sd" ] || kill -KILL "$sd" 2>/dev/null
	[ -z "$sd_group" ] || for ((i = 0; i < 100; i++)); do
		find "$sd_group" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
		! rmdir "$sd_group" 2>/dev/null || break
		sleep 0.1
	done
	umount -l "$R/run/cgroup"
	rm -f "$R/boot.sh" "$R/boot.log" "$R/etc/systemd/system/console-getty.service" "$R/etc/systemd/system/tmp.mount" "$R/etc/tmpfiles.d/tmp.conf"
}

# posts NAME CLIENT: one delivery after another until $R/posts is gone; a line each of the answers
posts() {
	local i=0
	while [ -e "$R/posts" ]; do
		i=$((i + 1))
		curl -s -m 30 -o /dev/null -w '%{http_code}\n' -X POST "http://127.0.0.1:$port/instagram/webhook" -H "X-Webhook-Secret: $secret" \
		    -d "{\"senderId\":\"7\",\"messageId\":\"$1-$2-$i\",\"text\":\"Привет\",\"timestamp\":1731499200}"
	done >>"$R/posts.$1"
}
# during NAME COMMAND...: four clients meanwhile and for some deliveries afterwards; every
# answer has to be a 200 and every delivery a row
during() {
	local name=$1 clients=() n i
	shift
	: >"$R/posts"
	: >"$R/posts.$name"
	for n in 1 2 3 4; do posts "$name" "$n" & clients+=($!); done
	until_lines "$R/posts.$name" 40
	"$@" >"$R/part.log" 2>&1
	is "systemd: $name: done" "$?" 0
	until_lines "$R/posts.$name" $(($(wc -l <"$R/posts.$name") + 40))
	rm -f "$R/posts"
	wait "${clients[@]}"
	n=$(wc -l <"$R/posts.$name")
	is "systemd: $name: answers" "$(sort "$R/posts.$name" | uniq -c | xargs)" "$n 200"
	# one that a busy machine's database was too slow for comes by the spool
	for ((i = 0; i < 600; i++)); do [ "$(rows_of "$name")" -lt "$n" ] || break; sleep 0.1; done
	is "systemd: $name: rows" "$(rows_of "$name")" "$n"
}
rows_of() { dbq "select count(*) from dmbox.messages where external_id like '$1-%'"; }
until_lines() { local i; for ((i = 0; i < 1500; i++)); do [ "$(wc -l 2>/dev/null <"$1")" -lt "$2" ] || return 0; sleep 0.02; done; }
# more often than systemd's own limit of starts, and with requests under way at each
restart_often() {
	local i
	for i in 1 2 3 4 5 6 7 8; do
		in_sd systemctl restart dmbox.target || return
		[ $((i % 2)) = 1 ] || until_lines "$R/posts.restarts" $(($(wc -l <"$R/posts.restarts") + 40))
	done
}
# each of ours has ended: a program answers first what it has begun
until_stopped() { local i; for ((i = 0; i < 600; i++)); do [ -n "$(in_sd systemctl list-units --no-legend --plain 'dmbox@*' | grep -vE ' (inactive|failed) ')" ] || return; sleep 0.1; done; }
sd_listening() { in_sd systemctl list-units --no-legend --plain 'dmbox@*.socket' | grep -cE ' active +(listening|running) '; }

# container: a starter as some hosters' containers are: what it starts may not change how mounts
# spread, the first step to a mount namespace of one's own
container() {
	cat >"$R/container.c" <<-'END'
	#include <errno.h>
	#include <seccomp.h>
	#include <sys/mount.h>
	#include <unistd.h>
	int
	main(int argc, char **argv)
	{
		scmp_filter_ctx c = seccomp_init(SCMP_ACT_ALLOW);
		if (argc > 1 && c != NULL && seccomp_attr_set(c, SCMP_FLTATR_CTL_NNP, 0) == 0 &&
		    seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(mount), 1,
			SCMP_A3(SCMP_CMP_MASKED_EQ, MS_SLAVE, MS_SLAVE)) == 0 && seccomp_load(c) == 0)
			execv(argv[1], argv + 1);
		return 1;
	}
	END
	in_root gcc -o /container /container.c -lseccomp
}

test_systemd() {
	local server=nginx pid cmd
	apt_get install --no-install-recommends systemd systemd-sysv dbus
	sd_begin || { say "systemd: cannot run here as the first process: $(tail -n 1 "$R/boot.log" 2>/dev/null)"; skipped=$((skipped + 1)); sd_end; return; }
	in_sd dpkg -i /old/build/dmbox_0.0.9-1_amd64.deb >"$R/part.log" 2>&1
	is "systemd: installed" "$?" 0
	in_sd dmbox init --provider chatrace --token 1000001.made-up-token-of-a-test --public-url "http://127.0.0.1:$port" --database-url "$db_url" >"$R/part.log" 2>&1
	in_sd dmbox migrate >"$R/part.log" 2>&1
	secret=$(sed -n 's/^INSTAGRAM_WEBHOOK_SECRET=//p' "$R/etc/dmbox/dmbox.env")
	deb_nginx | sed 's|^daemon off;||; s|^pid .*|pid /run/nginx.pid;|; s|/run/web.log|/var/log/nginx/error.log|' >"$R/etc/nginx/nginx.conf"
	in_sd systemctl start nginx
	in_sd systemctl enable --now dmbox.target >"$R/part.log" 2>&1
	is "systemd: enable --now dmbox.target" "$?" 0
	is "systemd: five sockets listen" "$(sd_listening)" 5
	is "systemd: the health page" "$(health)" "200 ok"
	during upgrade in_sd dpkg -i /src/build/dmbox_0.1.0-1_amd64.deb
	is "systemd: after the upgrade five sockets listen" "$(sd_listening)" 5
	is "systemd: and no unit waits to be read again" "$(in_sd systemctl show -P NeedDaemonReload dmbox.target dmbox@webhook.service | sort -u | xargs)" no
	is "systemd: no program of the old release runs" "$(in_sd sh -c 'for p in $(pgrep -U dmbox); do readlink /proc/$p/exe; done' | grep -c 'fcgi (deleted)')" 0
	during restart in_sd systemctl restart dmbox@webhook.service
	during restarts restart_often
	is "systemd: after them five sockets listen" "$(sd_listening)" 5
	during reload in_sd systemctl reload nginx
	in_sd systemctl stop dmbox.target
	is "systemd: after a stop of the target alone a request starts its program" "$(sd_listening) $(health)" "5 200 ok"
	cmd=$(sed -n 's/.*`\(systemctl stop [^`]*\)`.*/\1/p' docs/install.en.md)
	in_sd sh -c "$cmd"
	until_stopped
	is "systemd: the guide's stop closes the sockets, too" "$(sd_listening)" 0
	in_sd systemctl start dmbox.target
	is "systemd: and a start opens them" "$(sd_listening) $(health)" "5 200 ok"
	is "systemd: no unit failed" "$(in_sd systemctl list-units --failed --no-legend --plain 'dmbox*' nginx.service)" ""
	# an administrator who wants to restart programs himself
	pid=$(in_sd systemctl show -P MainPID dmbox@webhook.service)
	printf '#!/bin/sh\nexit 101\n' >"$R/usr/sbin/policy-rc.d"
	chmod 755 "$R/usr/sbin/policy-rc.d"
	in_sd dpkg -i /src/build/dmbox_0.1.0-1_amd64.deb >"$R/part.log" 2>&1
	is "systemd: where policy-rc.d says no, nothing is restarted" "$? $(in_sd systemctl show -P MainPID dmbox@webhook.service)" "0 $pid"
	rm -f "$R/usr/sbin/policy-rc.d"
	# the user of nginx.org's package, and what the guide says of it
	in_sd useradd -r nginx
	sed -i 's/^user www-data;/user nginx;/' "$R/etc/nginx/nginx.conf"
	in_sd systemctl restart nginx
	is "systemd: another user of nginx may not open the sockets" "$(curl -s -m 20 -o "$R/body" -w '%{http_code}' "http://127.0.0.1:$port/health")" 502
	cmd=$(sed -n 's/.*`\(usermod [^`]*\)`.*/\1/p' docs/install.en.md)
	# shellcheck disable=SC2086
	in_sd $cmd && in_sd systemctl restart nginx
	is "systemd: until it has done what the guide says" "$(health)" "200 ok"
	# a virtual server that is a container
	sd_end
	if container && sd_begin /container; then
		is "systemd: a container lets no unit have mounts of its own" "$(in_sd systemd-run --wait -q -p PrivateTmp=yes true >"$R/part.log" 2>&1; echo $?)" 226
		in_sd systemctl start nginx
		is "systemd: in a container the programs start" "$(health)" "200 ok"
	else
		say "systemd: does not start in a container without mounts: $(tail -n 1 "$R/boot.log" 2>/dev/null)"; skipped=$((skipped + 1))
		sd_end; sd_begin || { failed=$((failed + 1)); return; }
	fi
	in_sd dpkg --purge dmbox >"$R/part.log" 2>&1
	is "systemd: purge" "$?" 0
	is "systemd: no unit is left" "$(in_sd systemctl list-units --all --no-legend --plain 'dmbox*' | grep -v not-found)" ""
	sd_end
	in_root userdel nginx
	rm -f "$R/container" "$R/container.c"
}
