#!/bin/bash
# pg.sh's clusters as commands, for tests:
#   cluster.sh start DIR        make (if new) and start
#   cluster.sh db DIR NAME      an empty database owned by the role dmbox; prints its conninfo
#   cluster.sh stop DIR [MODE]
#   cluster.sh remove DIR
set -u
. "$(dirname "$0")/pg.sh"
cmd=$1 dir=$2
case $cmd in
start)	pg_init "$dir" && pg_start "$dir" ;;
db)	pg_psql "$dir" -d postgres -At >&2 <<-EOF &&
	select 'create role dmbox login' where not exists (select 1 from pg_roles where rolname = 'dmbox') \gexec
	create database "$3" owner dmbox;
	EOF
	pg_conninfo "$dir" "$3" dmbox ;;
stop)	pg_stop "$dir" "${3:-fast}" ;;
remove)	pg_remove "$dir" ;;
*)	echo "cluster.sh: no such command: $cmd" >&2; exit 64 ;;
esac
