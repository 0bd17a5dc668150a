# Sourced by run.sh: the Debian package of this root, built in it: lintian, installed as
# the release before, upgraded, purged; then the same where systemd runs.  Uses in_root, as_user, apt_get, say, die.

. tests/matrix/systemd.sh

deb_n=0
is() {
	deb_n=$((deb_n + 1))
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)); say "not ok: $1"; printf '      got:  %s\n      want: %s\n' "$2" "$3"
	fi
}
# all that a package could leave behind
listing() { (cd "$R" && find etc usr var lib run opt srv home root ! -path 'var/cache/*' ! -path 'var/lib/dpkg/*' ! -path 'var/lib/apt/*' \
	! -path 'var/log/apt/*' ! -path 'var/log/dpkg.log' ! -path 'var/log/alternatives.log' ! -path 'usr/share/man/*' \
	! -path 'home/tester/*' ! -path 'var/lib/nginx/*' ! -path var/lib/apache2/conf/enabled_by_admin ! -path 'var/lib/systemd/*' ! -path '*~' ! -path '*/[a-z]*-' 2>/dev/null | sort); }

build_deb() {	# FOLDER VERSION
	as_user sh -c "cd $1 && sh tests/matrix/deb-build.sh build $2" >"$R/part.log" 2>&1 ||
		{ tail -n 20 "$R/part.log"; die "the package of $1 does not build"; }
}

old_sources() {
	rm -rf "$R/old"; mkdir -p "$R/old"
	if git archive HEAD~1 2>/dev/null | tar -xf - -C "$R/old" && [ -e "$R/old/debian/rules" ]; then :; else
		rm -rf "$R/old"; cp -a "$R/src" "$R/old"
	fi
	chown -R "$uid:$uid" "$R/old"
}

# web_begin SERVER: as Debian starts it, with the snippet and nothing more of dmbox's
web_begin() {
	local run
	: >"$R/run/web.log"; in_root chown www-data /run/web.log
	"deb_$1" >"$R/run/web.conf"
	case $1 in
	lighttpd) run='lighttpd -D -f /run/web.conf' ;;
	apache) run='apache2 -D FOREGROUND -f /run/web.conf' ;;
	nginx)	run='nginx -c /run/web.conf'	# from a root's shell whose umask is strict
		in_root sh -c 'd=/usr/lib/dmbox/dmbox-fcgi; $d stop; rm -rf /run/dmbox; umask 077; exec $d start' 9>&- || say "dmbox-fcgi does not start" ;;
	esac
	# shellcheck disable=SC2086
	setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$R" $run >"$R/run/web.out" 2>&1 </dev/null 9>&- &
	web=$!
}
web_end() { kill -TERM "$web"; wait "$web" 2>/dev/null; rm -rf "$R/run/lighttpd" "$R"/run/web.*; }
deb_nginx() {
	cat <<-END
	user www-data;
	daemon off;
	pid /run/web.pid;
	error_log /run/web.log;
	events { }
	http { access_log off; server { listen 127.0.0.1:$port; include /etc/nginx/snippets/dmbox.conf; } }
	END
}
deb_apache() {
	local m
	for m in mpm_event authz_core alias fcgid; do echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"; done
	cat <<-END
	ServerRoot /etc/apache2
	PidFile /run/web.pid
	Listen 127.0.0.1:$port
	ServerName 127.0.0.1
	User www-data
	Group www-data
	ErrorLog /run/web.log
	FcgidIPCDir /run/web.fcgid
	FcgidProcessTableFile /run/web.fcgid.table
	Include conf-available/dmbox.conf
	END
}
deb_lighttpd() {
	mkdir -p "$R/run/lighttpd" && in_root chown www-data:www-data /run/lighttpd
	cat <<-END
	server.port = $port
	server.bind = "127.0.0.1"
	server.document-root = "/run/lighttpd"
	server.username = "www-data"
	server.groupname = "www-data"
	server.errorlog = "/run/web.log"
	include "/etc/lighttpd/conf-available/50-dmbox.conf"
	END
}
health() {
	local i
	for ((i = 0; i < 100; i++)); do
		code=$(curl -s -m 5 -o "$R/body" -w '%{http_code}' "http://127.0.0.1:$port/health")
		[ "$code" != 200 ] || break
		sleep 0.2
	done
	echo "$code $(sed -n 's/.*"database":"\([a-z]*\)".*/\1/p' "$R/body")"
}
hook() {
	curl -s -m 20 -X POST "http://127.0.0.1:$port/instagram/webhook" -H "X-Webhook-Secret: $secret" \
	    -d "{\"senderId\":\"7\",\"messageId\":\"$1\",\"text\":\"Привет 👋\",\"timestamp\":1731499200}" | sed -n 's/.*"stored":\([0-9]*\).*/\1/p'
}

# The README's line for a database, on a server that was installed without a language: its
# databases know no letters but English ones unless they are told to.
readme_database() {
	local v line
	v=$(ls "$R/usr/lib/postgresql" | tail -n 1)
	line=$(grep '^su postgres ' README.md)
	in_root pg_createcluster --locale C -o listen_addresses= --start "$v" bare >"$R/part.log" 2>&1 || cat "$R/part.log"
	printf 'madeUp1\nmadeUp1\n' | in_root setsid -w sh -c "cd /; $line" >"$R/part.log" 2>&1
	is "the README's database" "$?" 0
	is "it keeps every letter and knows the capital ones" "$(in_root su postgres -c "cd /; psql -XqAt -d shop -c \"select pg_encoding_to_char(encoding), pg_get_userbyid(datdba), lower('Ж') = 'ж' from pg_database where datname = current_database()\"" 2>&1)" "UTF8|dmbox|t"
	in_root pg_dropcluster --stop "$v" bare >"$R/part.log" 2>&1 || cat "$R/part.log"
}

test_deb() {
	local bare before secret conf db_url code port web server ours i
	apt_get install --no-install-recommends make build-essential debhelper dpkg-dev fakeroot lintian cron logrotate
	in_root sh -c 'cd /src && sh tests/stack/deps.sh' >"$R/part.log" 2>&1 || { tail -n 8 "$R/part.log"; die "deps failed"; }
	in_root sh -c 'dpkg --purge dmbox' >/dev/null 2>&1
	old_sources
	say "building the package of this commit and of the one before"
	build_deb /old 0.0.9
	build_deb /src 0.1.0
	is "lintian: nothing above info" "$(as_user sh -c 'lintian /src/build/dmbox_*.deb' 2>&1 | grep -E '^[EW]:')" ""
	# the service manager's helper comes with the first install and stays
	apt_get install --no-install-recommends systemd-standalone-sysusers
	readme_database
	bare=$(listing)
	apt_get install --no-install-recommends /old/build/dmbox_0.0.9-1_amd64.deb
	is "installed: the folder of the configuration" "$(in_root stat -c '%a %U %G' /etc/dmbox)" "2750 root dmbox"
	is "installed: the web user may read it" "$(in_root id -nG www-data | tr ' ' '\n' | grep -c '^dmbox$')" 1
	rm -rf "$R/home/tester/pg"	# of a run that was killed
	as_user sh -c 'cd /src && bash tests/stack/cluster.sh start /home/tester/pg' >"$R/part.log" 2>&1 || { cat "$R/part.log"; die "no cluster"; }
	db_url=$(as_user sh -c 'cd /src && bash tests/stack/cluster.sh db /home/tester/pg shop' 2>/dev/null)
	dbq() { as_user psql -XqAt -h "$(cat "$R/home/tester/pg/pg.socket")" -U postgres -d shop -c "$1"; }
	. tests/stack/lib.sh
	port=$(free_port)
	cleanups='ports_back'
	in_root sh -c 'umask 077; exec "$@"' sh dmbox init --provider chatrace --token 1000001.made-up-token-of-a-test --public-url "http://127.0.0.1:$port" \
	    --database-url "$db_url" >"$R/part.log" 2>&1
	is "dmbox init" "$?" 0
	conf=$R/etc/dmbox/dmbox.env
	is "its file is for root and the programs" "$(in_root stat -c '%a %U %G' /etc/dmbox/dmbox.env)" "640 root dmbox"
	in_root sh -c 'umask 077; exec dmbox migrate' >"$R/part.log" 2>&1
	is "dmbox migrate" "$?" 0
	web_begin lighttpd
	is "the health page" "$(health)" "200 ok"
	secret=$(sed -n 's/^INSTAGRAM_WEBHOOK_SECRET=//p' "$conf")
	is "a message is a row" "$(hook before)$(dbq "select body from dmbox.messages where external_id = 'before'")" "1Привет 👋"
	# cron's line, as its user
	in_root setpriv --reuid=dmbox --regid=dmbox --init-groups sh -c "$(sed -n 's/^\* \* \* \* \*[[:space:]]*dmbox[[:space:]]*//p' "$R/etc/cron.d/dmbox") --once" >"$R/part.log" 2>&1
	is "cron's line runs" "$(dbq "select count(*) from dmbox.heartbeats where name = 'poll'")" 1
	is "the log is where logrotate looks" "$(in_root sh -c 'ls /var/log/dmbox')" dmbox.log
	is "logrotate takes its file" "$(in_root logrotate -d /etc/logrotate.d/dmbox 2>&1 | grep -ciE '^error')" 0

	# nginx's programs of the old release
	in_root /usr/lib/dmbox/dmbox-fcgi start 9>&- || say "dmbox-fcgi does not start"
	before=$(sha256sum <"$conf")
	apt_get install --no-install-recommends /src/build/dmbox_0.1.0-1_amd64.deb
	is "upgraded" "$(in_root dpkg-query -W -f '${Version}' dmbox)" 0.1.0-1
	is "the configuration is the same" "$(sha256sum <"$conf")" "$before"
	of_before() { in_root sh -c 'for p in $(pgrep -U dmbox); do readlink /proc/$p/exe; done' | grep -c 'fcgi (deleted)'; }
	for ((i = 0; i < 600; i++)); do [ "$(of_before)" != 0 ] || break; sleep 0.2; done
	is "no program of the old release runs on behind nginx" "$(of_before)" 0
	is "the tables are the new ones" "$(in_root dmbox migrate --dry-run 2>&1 | grep -c 'would apply')" 0
	is "a message after the upgrade" "$(hook after)" 1
	dbq 'delete from dmbox.heartbeats' >/dev/null
	is "doctor knows the package's line of cron" "$(in_root dmbox doctor 2>&1 | grep -c -m 1 /etc/cron.d/dmbox)" 1
	# by hand from root's home, which is closed to that user
	in_root chmod 700 /root
	in_root env -C /root setpriv --reuid=dmbox --regid=dmbox --init-groups dmbox-poll --once >"$R/part.log" 2>&1
	is "a poller from a closed folder runs" "$(dbq "select count(*) from dmbox.heartbeats where name = 'poll'")" 1
	is "init asks for no other group" "$(in_root dmbox init --file /etc/dmbox/new.env --provider mock 2>&1 | grep -c chgrp)" 0
	web_end
	for server in apache nginx; do
		web_begin "$server"
		is "$server: the health page" "$(health)" "200 ok"
		is "$server: a message" "$(hook "by-$server")" 1
		web_end
	done
	is "nginx: the programs run yet" "$(in_root /usr/lib/dmbox/dmbox-fcgi status | sed 's/,.*//')" running
	in_root a2enconf -q dmbox >"$R/part.log" 2>&1
	is "a2enconf knows the package's snippet" "$?" 0
	ours=$(in_root id -u dmbox)
	in_root dpkg --purge dmbox >"$R/part.log" 2>&1
	is "purge" "$?" 0
	is "the programs have ended" "$(in_root pgrep -U "$ours")" ""
	is "purge leaves nothing" "$(diff <(echo "$bare") <(listing) | grep '^>')" ""
	is "nor a user" "$(in_root getent passwd dmbox; in_root getent group dmbox)" ""
	is "but the database" "$(dbq "select count(*) from dmbox.messages")" 4
	test_systemd
	as_user sh -c 'cd /src && bash tests/stack/cluster.sh remove /home/tester/pg' >/dev/null 2>&1
	say "deb: $deb_n checks"
}
