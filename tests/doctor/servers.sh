# The web servers that people have, each with an installation of its own: programs,
# configuration, folders, spool, log and database below $V.  Sourced by 02-servers.
#
#   lighttpd  vhost  nginx            a server of one's own, with what make install ships
#   htaccess-fcgid  htaccess-cgi      shared hosting, below a site's own document root
#   wordpress                         the same, and WordPress answers what is no file

ALL_SERVERS="lighttpd vhost nginx htaccess-fcgid htaccess-cgi wordpress"
# what the stack of a test lends: $STATE (its configuration), $SIM, $STATE/psql

# install_here: the files of an installation in $V, for the kind in $KIND
install_here() {
	local TICK=$V/run/tick
	case $KIND in htaccess-*|wordpress) TICK=$V/site/dmbox/inbox/tick;; esac
	mkdir -p "$V/run/fcgi" "$V/logs" "$V/site" "$V/spool" "$V/media" "$V/conf/accounts" "$V/tmp" || return 1
	sed -E '/^(DMBOX_ACCOUNTS_DIR|DMBOX_PUBLIC_URL|DMBOX_SPOOL_DIR|DMBOX_MEDIA_DIR|DMBOX_TICK_DIR|DMBOX_LOG_FILE|DATABASE_URL|DMBOX_WEBHOOK_THREADS)=/d' \
	    "$STATE/dmbox.env" >"$V/conf/dmbox.env"
	cat >>"$V/conf/dmbox.env" <<-EOF
	DMBOX_ACCOUNTS_DIR=$V/conf/accounts
	DMBOX_PUBLIC_URL=http://127.0.0.1:$FPORT
	DMBOX_SPOOL_DIR=$V/spool
	DMBOX_MEDIA_DIR=$V/media
	DMBOX_TICK_DIR=$TICK
	DMBOX_LOG_FILE=$V/logs/dmbox.log
	DATABASE_URL=$(conf_get "$STATE/dmbox.env" DATABASE_URL | sed "s|/dmbox?|/$DB?|")
	EOF
	cp "$STATE/accounts/meta.env" "$V/conf/accounts/meta.env"
	chmod 640 "$V/conf/dmbox.env" "$V/conf/accounts/meta.env"
	CONF=$V/conf/dmbox.env
	case $KIND in
	htaccess-*|wordpress) site_here ;;
	esac
	chmod 755 "$V"
	chown -R "$me:" "$V"/*
}

# own_sim: a simulator for this fault alone, which may change it
own_sim() {
	local port
	port=$(free_port)
	sed -i "s|$SIM/|http://127.0.0.1:$port/|g" "$V/conf/dmbox.env" "$V/conf/accounts/meta.env"
	SIM=http://127.0.0.1:$port
	chown "$me:" "$V/run" "$V/run/fcgi" "$V/logs"
	sim_up "$port" "$V/run" "$V" "$ROOT/$B" "$STATE/dmbox.env" "$STATE/accounts/meta.env" "http://127.0.0.1:$FPORT"
	SIM_PID=$!
	answers "$SIM/_sim/webhooks" "$SIM_PID" "$(start_of "$SIM_PID")" && sim config '{"GRAPH_CONV_PER_SECOND":"0"}'
}

# as make install lays it out below a document root
site_here() {
	local s=$V/site
	mkdir -p "$s/dmbox/inbox" "$s/instagram" "$s/whatsapp" || return 1
	install -m 755 "$ROOT/$B"/cgi-bin/*.fcgi "$s/dmbox/" || return 1
	cp -R "$ROOT/web/." "$s/dmbox/inbox/"
	fill "$ROOT/apache/htaccess" "CONFIG=$CONF" >"$s/instagram/.htaccess"
	cp "$s/instagram/.htaccess" "$s/whatsapp/.htaccess"
	fill "$ROOT/apache/htaccess-programs" "CONFIG=$CONF" >"$s/dmbox/.htaccess"
	chmod -R go-w "$s"
	echo '<h1>A shop</h1>' >"$s/index.html"
	[ "$KIND" = wordpress ] || return 0
	cat >"$s/.htaccess" <<-'EOF'
	# BEGIN WordPress
	<IfModule mod_rewrite.c>
	RewriteEngine On
	RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
	RewriteBase /
	RewriteRule ^index\.html$ - [L]
	RewriteCond %{REQUEST_FILENAME} !-f
	RewriteCond %{REQUEST_FILENAME} !-d
	RewriteRule . /index.html [L]
	</IfModule>
	# END WordPress
	EOF
}

# hosting_conf: an Apache of a host that allows .htaccess only; $OVERRIDE what it allows
hosting_conf() {
	local cgi=fcgid
	[ "$KIND" != htaccess-cgi ] || cgi=cgid
	cat <<-EOF
	ServerRoot "$V/run"
	PidFile "$V/run/pid"
	DefaultRuntimeDir "$V/run"
	ServerName 127.0.0.1
	Listen 127.0.0.1:$FPORT
	$(apache_modules $cgi rewrite setenvif authn_core authz_host headers ${MODULES:-})
	ErrorLog "$V/logs/error.log"
	TypesConfig /etc/mime.types
	Suexec Off
	ServerLimit 2
	DocumentRoot "$V/site"
	<Directory "$V/site">
		Require all granted
		Options ${OPTIONS:-Indexes FollowSymLinks}
		AllowOverride ${OVERRIDE:-FileInfo AuthConfig Options}
	</Directory>
	<IfModule mod_fcgid.c>
		FcgidIPCDir "$V/run/fcgi"
		FcgidProcessTableFile "$V/run/shm"
		${FCGID:-}
	</IfModule>
	<IfModule mod_cgid.c>
		ScriptSock "$V/run/cgisock"
	</IfModule>
	${MORE:-}
	EOF
}

# serve: start the server of $KIND on $FPORT; CONFTEXT, where set, is its configuration
serve() {
	local web=$ROOT/web cgi=$ROOT/$B/cgi-bin
	FCGI='' SERVER_PID=''
	case $KIND in
	lighttpd)
		lighttpd_conf "$FPORT" "$cgi" "$web" "$V/run" "$CONF" "$V/logs" 8 >"$V/run/conf"
		set -- lighttpd -D -f "$V/run/conf" ;;
	vhost)
		apache_conf "$FPORT" "$cgi" "$web" "$V/run" "$CONF" "$V/logs" >"$V/run/conf"
		set -- apache2 -D FOREGROUND -f "$V/run/conf" ;;
	nginx)
		mkdir -p "$V/run/nginx"
		nginx_conf "$FPORT" "$web" "$V/run" "$V/logs" >"$V/run/conf"
		fill "$ROOT/nginx/dmbox-fcgi" "CGI=$cgi" "RUN=$V/run/fcgi" "GROUP=" "CONFIG=$CONF" "THREADS=8" >"$V/run/dmbox-fcgi"
		chown -R "$me:" "$V/run"
		spawn "$V/logs/fcgi.out" sh "$V/run/dmbox-fcgi" run
		FCGI=$!
		until_true 15 test -S "$V/run/fcgi/status.sock" -a -S "$V/run/fcgi/inbox.sock" -a -S "$V/run/fcgi/webhook.sock" || return 1
		set -- nginx -e "$V/logs/error.log" -c "$V/run/conf" ;;
	*)
		hosting_conf >"$V/run/conf"
		set -- apache2 -D FOREGROUND -f "$V/run/conf" ;;
	esac
	if [ -n "${EDIT:-}" ]; then
		cp "$V/run/conf" "$V/run/conf.whole"
		sed -i -E "$EDIT" "$V/run/conf"
		! cmp -s "$V/run/conf" "$V/run/conf.whole" || { echo "the edit changed nothing: $EDIT"; return 1; }
	fi
	chown -R "$me:" "$V/run" "$V/logs"
	spawn "$V/logs/server.out" "$@"
	SERVER_PID=$!
	answers "http://127.0.0.1:$FPORT/" "$SERVER_PID" "$(start_of "$SERVER_PID")" ||
		{ echo "no server: $(cat "$V/logs/server.out" "$V/logs/error.log" 2>/dev/null | tail -n 3)"; return 1; }
}
# ended PID...: servers that we started, and what is left of theirs
ended() {
	local p
	for p; do kill -TERM "$p" 2>/dev/null; done
	for p; do
		gone_within 20 "$p" || kill -KILL "$p" 2>/dev/null
		sweep "$p"
	done
}
unserve() {
	ended ${SERVER_PID:-} ${FCGI:-}
	SERVER_PID='' FCGI=''
}
again_served() { unserve; serve; }
