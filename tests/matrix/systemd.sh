# Sourced by deb.sh: systemd as the first process of the root, in namespaces and a control
# group of its own, and the package as its own server's operator uses it, behind nginx.

# sd_begin: starts it; its process number into $sd.  Returns 1 where this machine's kernel
# or container does not allow it.
sd_begin() {
	local unshare_pid i
	sd=
	sd_group=$R/run/cgroup/dmbox-test-$$
	mkdir -p "$R/run/cgroup" && mount -t cgroup2 cgroup2 "$R/run/cgroup" && mkdir "$sd_group" || return 1
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
exec env -i container=dmbox-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target
END
	# the cluster's socket lies in /tmp, which is else emptied at a start
	in_root mkdir -p /etc/tmpfiles.d && in_root ln -sf /dev/null /etc/tmpfiles.d/tmp.conf
	# its log is read by journalctl; what would read a console is not there
	in_root ln -sf /dev/null /etc/systemd/system/console-getty.service
	setsid sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare -m -p -u -i -C --fork --kill-child sh "$2/boot.sh" "$2"' sh "$sd_group" "$R" >"$R/boot.log" 2>&1 </dev/null 9>&- &
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
	for ((i = 0; i < 100; i++)); do
		find "$sd_group" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null
		! rmdir "$sd_group" 2>/dev/null || break
		sleep 0.1
	done
	umount -l "$R/run/cgroup"
	rm -f "$R/boot.sh" "$R/boot.log" "$R/etc/systemd/system/console-getty.service" "$R/etc/tmpfiles.d/tmp.conf"
}

# posts NAME: one delivery after another until $R/posts is gone; a line each of the answers
posts() {
	local i=0
	while [ -e "$R/posts" ]; do
		i=$((i + 1))
		curl -s -m 30 -o /dev/null -w '%{http_code}\n' -X POST "http://127.0.0.1:$port/instagram/webhook" -H "X-Webhook-Secret: $secret" \
		    -d "{\"senderId\":\"7\",\"messageId\":\"$1-$i\",\"text\":\"Привет\",\"timestamp\":1731499200}"
	done >"$R/posts.$1"
}
# during NAME COMMAND...: a load meanwhile and for some deliveries afterwards; every answer
# has to be a 200 and every delivery a row
during() {
	local name=$1 load n
	shift
	: >"$R/posts"
	posts "$name" & load=$!
	until_lines "$R/posts.$name" 20
	"$@" >"$R/part.log" 2>&1
	is "systemd: $name: done" "$?" 0
	until_lines "$R/posts.$name" $(($(wc -l <"$R/posts.$name") + 20))
	rm -f "$R/posts"
	wait "$load"
	n=$(wc -l <"$R/posts.$name")
	is "systemd: $name: answers" "$(sort "$R/posts.$name" | uniq -c | xargs)" "$n 200"
	is "systemd: $name: rows" "$(dbq "select count(*) from dmbox.messages where external_id like '$name-%'")" "$n"
}
until_lines() { local i; for ((i = 0; i < 1500; i++)); do [ "$(wc -l 2>/dev/null <"$1")" -lt "$2" ] || return 0; sleep 0.02; done; }
sd_listening() { in_sd systemctl list-units --no-legend --plain 'dmbox@*.socket' | grep -cE ' active +(listening|running) '; }

test_systemd() {
	local server=nginx
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
	during reload in_sd systemctl reload nginx
	is "systemd: no unit failed" "$(in_sd systemctl list-units --failed --no-legend --plain 'dmbox*' nginx.service)" ""
	in_sd dpkg --purge dmbox >"$R/part.log" 2>&1
	is "systemd: purge" "$?" 0
	is "systemd: no unit is left" "$(in_sd systemctl list-units --all --no-legend --plain 'dmbox*' | grep -v not-found)" ""
	sd_end
}
