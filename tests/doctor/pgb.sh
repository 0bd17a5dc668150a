# A pooler before the database of a fault; sourced by those that break it.
# pgb_up DATABASES-LINE PGBOUNCER-LINES: PgBouncer on $PPORT, and DATABASE_URL names it; $OLD is
# what it was
pgb_up() {
	command -v pgbouncer >/dev/null || { echo "the package pgbouncer is missing"; return 1; }
	OLD=$(val DATABASE_URL)
	printf '[databases]\n%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\n%s\n' \
	    "$1" "$PPORT" "$2" >"$V/run/pgb.ini"
	chown -R "$me:" "$V/run"
	spawn "$V/logs/pgb.out" pgbouncer "$V/run/pgb.ini"
	FRONT=$!
	until_true 10 port_used "$PPORT"
	conf "DATABASE_URL=postgresql://dmbox@127.0.0.1:$PPORT/$DB"
}
