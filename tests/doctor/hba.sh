# Whom the server lets in, changed for one role of a fault; sourced by those that break it.
# hba LINE: a line before the others of pg_hba.conf; unhba WORD: those that hold WORD go.  The
# server has read it when they return.
HBA=$("$STATE/psql" -XqAtd postgres -c "show hba_file")
hba_read() {
	local before
	before=$("$STATE/psql" -XqAtd postgres -c "select pg_conf_load_time()" -c "select pg_reload_conf()" | head -n 1)
	until_true 10 eval '[ "$("$STATE/psql" -XqAtd postgres -c "select pg_conf_load_time()")" != "'"$before"'" ]'
}
# One at a time until it is read: a server that reads the file while another fault writes it
# keeps the rules of before.
hba() { (flock 7; printf '%s\n' "$1" | cat - "$HBA" >"$V/hba" && cat "$V/hba" >"$HBA" && hba_read) 7>"$T/hba.lock"; }
unhba() { (flock 7; grep -vF -- "$1" "$HBA" >"$V/hba"; cat "$V/hba" >"$HBA"; hba_read) 7>"$T/hba.lock"; }
# as_role ROLE: this configuration logs in as ROLE, with the password "made-up"
as_role() { conf "DATABASE_URL=$(conf_get "$STATE/dmbox.env" DATABASE_URL | sed "s|//dmbox@|//$1:made-up@|")"; }
role() { "$STATE/psql" -Xqd postgres -c "create role $1 login password 'made-up' in role dmbox"; }
unrole() { unhba "$1"; "$STATE/psql" -Xqd postgres -c "drop role $1"; }
# the line that the remedy prints, before the others
printed_line() { hba "$(remedy_of | grep -oE '"(local|host) [^"]*"' | tr -d '"')"; }
