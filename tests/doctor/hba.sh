# Whom the server lets in, changed for one role of a fault; sourced by those that break it.
# hba LINE: a line before the others of pg_hba.conf; unhba WORD: those that hold WORD go.  The
# server has read it when they return.
HBA=$("$STATE/psql" -XqAtd postgres -c "show hba_file")
hba_read() {
	local before
	before=$("$STATE/psql" -XqAtd postgres -c "select pg_conf_load_time()" -c "select pg_reload_conf()" | head -n 1)
	until_true 10 eval '[ "$("$STATE/psql" -XqAtd postgres -c "select pg_conf_load_time()")" != "'"$before"'" ]'
}
hba() { flock "$HBA" sh -c 'printf "%s\n" "$1" | cat - "$2" >"$3" && cat "$3" >"$2"' - "$1" "$HBA" "$V/hba" && hba_read; }
unhba() { flock "$HBA" sh -c 'grep -vF -- "$1" "$2" >"$3"; cat "$3" >"$2"' - "$1" "$HBA" "$V/hba"; hba_read; }
# as_role ROLE: this configuration logs in as ROLE, with the password "made-up"
as_role() { conf "DATABASE_URL=$(conf_get "$STATE/dmbox.env" DATABASE_URL | sed "s|//dmbox@|//$1:made-up@|")"; }
role() { "$STATE/psql" -Xqd postgres -c "create role $1 login password 'made-up' in role dmbox"; }
unrole() { unhba "$1"; "$STATE/psql" -Xqd postgres -c "drop role $1"; }
# the line that the remedy prints, before the others
printed_line() { hba "$(remedy_of | grep -oE '"(local|host) [^"]*"' | tr -d '"')"; }
