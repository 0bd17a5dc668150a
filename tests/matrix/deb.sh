# Sourced by run.sh: the Debian package of this root, built in it: lintian, installed as
# the release before, upgraded, purged.  Uses in_root, as_user, apt_get, say, die.

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
	! -path 'home/tester/*' ! -path 'var/lib/systemd/*' ! -path '*~' ! -path '*/[a-z]*-' 2>/dev/null | sort); }

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

web_begin() {
	mkdir -p "$R/run/lighttpd" && in_root chown www-data:www-data /run/lighttpd
	cat >"$R/run/web.conf" <<-END
	server.port = $port
	server.bind = "127.0.0.1"
	server.document-root = "/run/lighttpd"
	server.username = "www-data"
	server.groupname = "www-data"
	server.errorlog = "/run/web.log"
	include "/etc/lighttpd/conf-available/50-dmbox.conf"
	END
	: >"$R/run/web.log"; in_root chown www-data /run/web.log
	setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$R" lighttpd -D -f /run/web.conf >"$R/run/web.out" 2>&1 </dev/null 9>&- &
	web=$!
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

test_deb() {
	local bare before secret conf db_url code port web
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
	bare=$(listing)
	apt_get install --no-install-recommends /old/build/dmbox_0.0.9-1_amd64.deb
	is "installed: the folder of the configuration" "$(in_root stat -c '%a %U %G' /etc/dmbox)" "2750 root dmbox"
	is "installed: the web user may read it" "$(in_root id -nG www-data | tr ' ' '\n' | grep -c '^dmbox$')" 1
	as_user sh -c 'cd /src && bash tests/stack/cluster.sh start /home/tester/pg' >"$R/part.log" 2>&1 || { cat "$R/part.log"; die "no cluster"; }
	db_url=$(as_user sh -c 'cd /src && bash tests/stack/cluster.sh db /home/tester/pg shop' 2>/dev/null)
	dbq() { as_user psql -XqAt -h "$(cat "$R/home/tester/pg/pg.socket")" -U postgres -d shop -c "$1"; }
	. tests/stack/lib.sh
	port=$(free_port)
	cleanups='ports_back'
	in_root dmbox init --provider chatrace --token 1000001.made-up-token-of-a-test --public-url "http://127.0.0.1:$port" \
	    --database-url "$db_url" >"$R/part.log" 2>&1
	is "dmbox init" "$?" 0
	conf=$R/etc/dmbox/dmbox.env
	is "its file is for root and the programs" "$(in_root stat -c '%a %U %G' /etc/dmbox/dmbox.env)" "640 root dmbox"
	in_root dmbox migrate >"$R/part.log" 2>&1
	is "dmbox migrate" "$?" 0
	web_begin
	is "the health page" "$(health)" "200 ok"
	secret=$(sed -n 's/^INSTAGRAM_WEBHOOK_SECRET=//p' "$conf")
	is "a message is a row" "$(hook before)$(dbq "select body from dmbox.messages where external_id = 'before'")" "1Привет 👋"
	# cron's line, as its user
	in_root setpriv --reuid=dmbox --regid=dmbox --init-groups sh -c "$(sed -n 's/^\* \* \* \* \*[[:space:]]*dmbox[[:space:]]*//p' "$R/etc/cron.d/dmbox") --once" >"$R/part.log" 2>&1
	is "cron's line runs" "$(dbq "select count(*) from dmbox.heartbeats where name = 'poll'")" 1
	is "the log is where logrotate looks" "$(in_root sh -c 'ls /var/log/dmbox')" dmbox.log
	is "logrotate takes its file" "$(in_root logrotate -d /etc/logrotate.d/dmbox 2>&1 | grep -ciE '^error')" 0

	before=$(sha256sum <"$conf")
	apt_get install --no-install-recommends /src/build/dmbox_0.1.0-1_amd64.deb
	is "upgraded" "$(in_root dpkg-query -W -f '${Version}' dmbox)" 0.1.0-1
	is "the configuration is the same" "$(sha256sum <"$conf")" "$before"
	is "the tables are the new ones" "$(in_root dmbox migrate --dry-run 2>&1 | grep -c 'would apply')" 0
	is "a message after the upgrade" "$(hook after)" 1
	kill -TERM "$web"; wait "$web" 2>/dev/null
	in_root dpkg --purge dmbox >"$R/part.log" 2>&1
	is "purge" "$?" 0
	rm -rf "$R/run/lighttpd" "$R"/run/web.*
	is "purge leaves nothing" "$(diff <(echo "$bare") <(listing) | grep '^>')" ""
	is "nor a user" "$(in_root getent passwd dmbox; in_root getent group dmbox)" ""
	is "but the database" "$(dbq "select count(*) from dmbox.messages")" 2
	as_user sh -c 'cd /src && bash tests/stack/cluster.sh remove /home/tester/pg' >/dev/null 2>&1
	say "deb: $deb_n checks"
}
